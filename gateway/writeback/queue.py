"""What waits for an org, and since when: asked often, so counted by the database and not read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, literal_column

from gateway.engine.clock import now
from gateway.engine.mirror import MirrorRow, backlog
from gateway.engine.schema import mirror

BACKGROUND = 2  # from this priority on: batches and sweeps, which yield when the org's API budget runs low

# Spelled like the partial index, or SQLite does not use it.
_OPEN = mirror.c.state.in_([literal_column(f"'{state}'") for state in ("dirty", "uncertain", "parked")])
_since = sa.func.coalesce(mirror.c.dirty_since, mirror.c.due)
_back = sa.case((mirror.c.priority >= BACKGROUND, 1), else_=0)
_is_stamp = sa.func.coalesce(mirror.c.key == mirror.c.parent_id, False)
_LOOK = (
    sa.select(
        _back,
        sa.func.count(sa.distinct(sa.case((~_is_stamp, sa.func.coalesce(mirror.c.parent_id, mirror.c.key))))),
        sa.func.count(sa.case((_is_stamp, 1))),
        sa.func.min(_since),
        sa.func.min(sa.case((mirror.c.priority == 0, _since))),
    )
    .where(mirror.c.org == bindparam("org"), _OPEN, mirror.c.due <= bindparam("now"))
    .group_by(_back)
)
_UNSENT = (
    sa.update(mirror)
    .where(
        mirror.c.org == bindparam("b_org"),
        mirror.c.sobject == bindparam("b_sobject"),
        mirror.c.key == bindparam("b_key"),
        mirror.c.state == "uncertain",
    )
    .values(state="dirty", due=0.0)
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows that may go now: source records with truth, stamps, seconds the oldest and the oldest interactive waited."""

    graphs: int = 0
    stamps: int = 0
    age: float = 0.0
    urgent_age: float | None = None

    def __bool__(self) -> bool:
        return self.graphs + self.stamps > 0


@dataclass(frozen=True, slots=True)
class Look:
    """``next_due``: seconds until the next row may go, when none may go now; None when nothing is left to send."""

    front: Waiting = Waiting()
    back: Waiting = Waiting()
    next_due: float | None = None


def look(conn: Connection, org: str) -> Look:
    """What waits for this org."""
    at = present(conn)
    found: dict[int, Waiting] = {}
    for back, graphs, stamps, since, urgent in conn.execute(_LOOK, {"org": org, "now": at}):
        found[back] = Waiting(graphs, stamps, at - since, None if urgent is None else at - urgent)
    if found:
        return Look(found.get(0, Waiting()), found.get(1, Waiting()))
    due, _ = backlog(conn, org)
    return Look(next_due=None if due is None else max(0.0, due - at))


def present(conn: Connection) -> float:
    """The time of this read: a transaction remembers it, so there must be one before it is asked."""
    if not conn.in_transaction():
        conn.begin()
    return now(conn)


def mark_unsent(conn: Connection, rows: Iterable[MirrorRow]) -> None:
    """They were certainly not written: they go again at once, and no attempt is counted."""
    values = [{"b_org": row.org, "b_sobject": row.sobject, "b_key": row.key} for row in in_order(rows)]
    if values:
        conn.execute(_UNSENT, values)


def in_order(rows: Iterable[MirrorRow]) -> list[MirrorRow]:
    """The order in which every process locks rows of the mirror."""
    return sorted(rows, key=lambda row: (row.sobject, row.key))
