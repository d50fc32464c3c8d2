"""Time is injected: monotonic for waits, the database's clock for what is stored. No clock orders anything."""

from __future__ import annotations

import time
from typing import Protocol, cast

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.engine.settings import get_setting, put_setting
from gateway.prepared import Prepared, ask_ahead

_CLOCK = Prepared(sa.select(sa.literal_column("extract(epoch FROM clock_timestamp())::float8")))
_HIGH_WATER = "clock.high_water"
_TOLERATED = 60.0  # seconds a clock may lie behind what was stored before it is reported


class Clock(Protocol):
    """Seconds: ``monotonic`` from anywhere, ``now`` since the epoch."""

    def monotonic(self) -> float: ...

    def now(self) -> float: ...


class SystemClock:
    """
    The machine's clock; ``offset`` moves it (and the database's, as read by `now`) in a sandbox or a test.
    ``ahead`` is how many seconds the database's was ahead of it when it was last asked.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        return time.time() + self.offset


def now(conn: Connection) -> float:
    """
    Seconds since the epoch: the database's own clock on PostgreSQL, the injected one on SQLite.

    Asked once per transaction: those are short, and on PostgreSQL the question is a round trip.
    """
    # Outside a transaction the note is the last one's: a pooled connection keeps it.
    known: float | None = conn.info.get("now") if conn.in_transaction() else None
    if known is None:
        clock = cast("Clock", conn.info["clock"])
        sqlite = conn.dialect.name == "sqlite"
        known = clock.now() if sqlite else database_now(conn) + float(getattr(clock, "offset", 0.0))
        conn.info["now"] = known
    return known


def database_now(conn: Connection) -> float:
    """PostgreSQL's own clock: the one that all processes share, whatever their own say."""
    told = float(_CLOCK.scalar(conn, {}))
    clock = conn.info.get("clock")
    if isinstance(clock, SystemClock):
        clock.ahead = told + clock.offset - clock.now()
    return told


def stored_now(clock: Clock) -> float:
    """
    The database's time without asking it, as far apart as the two clocks last were (on PostgreSQL they are compared
    twice a second): for the age of what was stored, by whichever process.
    """
    return clock.now() + float(getattr(clock, "ahead", 0.0))


def ask(conn: Connection) -> None:
    """Most writes want to know the time: on PostgreSQL, have it told with the first answer."""
    ask_ahead(conn, [(_CLOCK, {})])


def remember(conn: Connection) -> None:
    """Store how far time has come: the high-water mark."""
    stored, reached = float(get_setting(conn, _HIGH_WATER) or 0.0), now(conn)
    if reached > stored:
        put_setting(conn, _HIGH_WATER, repr(reached))


def behind(conn: Connection) -> float:
    """Seconds that the clock lies behind the high-water mark, 0 when they are few: ages cannot be trusted then."""
    lag = float(get_setting(conn, _HIGH_WATER) or 0.0) - now(conn)
    return lag if lag > _TOLERATED else 0.0
