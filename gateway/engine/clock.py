"""Time is injected: monotonic for waits, the database's clock for what is stored. No clock orders anything."""

from __future__ import annotations

import time
from typing import Protocol, cast

from sqlalchemy import Connection


class Clock(Protocol):
    """Seconds: ``monotonic`` from anywhere, ``now`` since the epoch."""

    def monotonic(self) -> float: ...

    def now(self) -> float: ...


class SystemClock:
    """The machine's clock; ``offset`` moves it (and the database's, as read by `now`) in a sandbox or a test."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        return time.time() + self.offset


def now(conn: Connection) -> float:
    """Seconds since the epoch: the database's own clock on PostgreSQL, the injected one on SQLite."""
    clock = cast("Clock", conn.info["clock"])
    if conn.dialect.name == "sqlite":
        return clock.now()
    return database_now(conn) + float(getattr(clock, "offset", 0.0))


def database_now(conn: Connection) -> float:
    """PostgreSQL's own clock: the one that all processes share, whatever their own say."""
    return float(conn.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())::float8").scalar_one())
