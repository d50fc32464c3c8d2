"""How a job enters its lane: claimed at once where the lane is free, or in the queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from gateway.engine.lanes import NEVER, NEXT_SEQ, Claim, Holder, in_state
from gateway.engine.schema import job
from gateway.prepared import Prepared, Question


@dataclass(frozen=True, slots=True)
class Job:
    """
    Work to enter. ``priority``: 0 interactive, 1 refunds and events, 2 batch, 3 sweeps.

    ``state`` ``held`` keeps it out of its lane until `release`; a ``due`` in the future until then.
    ``scope`` names the circuit that parks it. ``payload`` is versioned (``v``) JSON, sealed by whoever enters it.
    """

    id: str
    kind: str
    lane: str
    priority: int = 0
    payload: bytes | None = None
    due: float = 0.0
    scope: str | None = None
    state: str = "ready"
    v: int = 1


_other = job.alias("other")
_first = job.alias("first")
_lane_held = sa.exists().where(_other.c.lane == bindparam("lane"), in_state(_other, "running", "waiting"))
_lane_queued = sa.exists().where(_first.c.lane == bindparam("lane"), in_state(_first, "ready"))
_there = sa.exists().where(_other.c.id == bindparam("id"))
_ENTER = ("id", "kind", "lane", "state", "priority", "due", "scope", "v", "payload", "created", "node", "claim")

# Take the lane while entering it, when nobody is in it: the local first execution of an accepted action.
_ENTER_RUNNING = Prepared(
    {
        name: insert(job)
        .from_select(
            _ENTER,
            sa.select(*(sa.cast(bindparam(c), job.c[c].type) for c in _ENTER)).where(~_lane_held, ~_lane_queued),
            include_defaults=False,
        )
        .on_conflict_do_nothing()
        .returning(job.c.seq)
        for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
    }
)
_ENTER_QUEUED = Prepared(
    {
        name: insert(job)
        .values({c: bindparam(c) for c in _ENTER})
        .on_conflict_do_nothing(index_elements=[job.c.id])
        .returning(job.c.seq)
        for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
    }
)


# On PostgreSQL the same in two statements: the question travels with others, and nobody waits for the INSERT.
_PLACE = Prepared(
    sa.select(NEXT_SEQ["postgresql"].label("seq"), sa.and_(~_lane_held, ~_lane_queued, ~_there).label("free"))
)
_ENTER_AT = Prepared(job.insert().values({c: bindparam(c) for c in (*_ENTER, "seq")}))

Enter = Callable[[Connection, Job, "Holder", float], "Claim | None"]


def enter_running(conn: Connection, new: Job, holder: Holder, at: float) -> Claim | None:
    """Insert as running when the lane is free and nobody queues for it; None when it is not, or the id exists."""
    row = {**values_of(new, at), "state": "running", "node": holder.node, "claim": holder.token}
    seq = _ENTER_RUNNING.scalar(conn, row)
    if seq is None:
        return None
    token = holder.token
    return Claim(new.id, new.kind, new.lane, seq, new.priority, 0, token, new.payload, at, new.v, None, new.scope)


def enter_free(conn: Connection, new: Job, holder: Holder, at: float) -> Claim | None:
    """
    As `enter_running`, for a lane the caller has locked (see Store.write).

    Should the lane be taken all the same, the commit fails on its unique index and this closure runs again, alone.
    """
    if conn.dialect.name != "postgresql":
        return enter_running(conn, new, holder, at)
    place, values = asks_place(new.lane, new.id)
    row = place.first(conn, values)
    if row is None or not row.free:
        return None
    claimed = {"state": "running", "node": holder.node, "claim": holder.token, "seq": row.seq}
    _ENTER_AT.later(conn, {**values_of(new, at), **claimed})
    token = holder.token
    return Claim(new.id, new.kind, new.lane, row.seq, new.priority, 0, token, new.payload, at, new.v, None, new.scope)


def asks_place(lane: str, job_id: str) -> Question:
    """What `enter_free` is going to ask (on SQLite nothing is asked ahead)."""
    return _PLACE, {"lane": lane, "id": job_id}


def enter_queued(conn: Connection, new: Job, at: float) -> bool:
    """Insert to wait for its turn; False when the id exists."""
    return _ENTER_QUEUED.scalar(conn, values_of(new, at)) is not None


def values_of(new: Job, at: float) -> dict[str, Any]:  # bound parameters: of every column's type
    held = new.state == "held" or new.due > at
    return {
        "id": new.id,
        "kind": new.kind,
        "lane": new.lane,
        "state": "held" if held else "ready",
        "priority": new.priority,
        "due": (new.due or NEVER) if held else at,
        "scope": new.scope,
        "v": new.v,
        "payload": new.payload,
        "created": at,
        "node": None,
        "claim": None,
    }
