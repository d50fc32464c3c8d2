"""The rows of the job table: enter a lane, hold it, leave it, hand it on. Every change of a running row is fenced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, literal_column
from sqlalchemy.dialects import postgresql, sqlite

from gateway.engine.schema import circuit, job
from gateway.prepared import Prepared, Question

NEVER = 9_999_999_999.0  # due of a job that only an event can move on


class Fenced(Exception):
    """The claim is no longer valid: another process took the job over. Nothing of this commit may stand."""


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


@dataclass(frozen=True, slots=True)
class Claim:
    """A job this process runs; ``claim`` is the fencing token. ``error_code`` is the last attempt's."""

    id: str
    kind: str
    lane: str
    seq: int
    priority: int
    attempts: int
    claim: str
    payload: bytes | None
    created: float
    v: int
    error_code: str | None
    scope: str | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims: the node and a token fresh for this claim."""

    node: int
    token: str


CLAIM_COLUMNS = tuple(job.c[name] for name in Claim.__dataclass_fields__)


# Literals, not parameters: SQLite uses a partial index only when it sees the index's own condition.
def in_state(table: FromClause, *states: str) -> ColumnElement[bool]:
    literals: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in states]
    return table.c.state == literals[0] if len(literals) == 1 else table.c.state.in_(literals)


_other = job.alias("other")
_first = job.alias("first")
_lane_held = sa.exists().where(_other.c.lane == bindparam("lane"), in_state(_other, "running", "waiting"))
_lane_queued = sa.exists().where(_first.c.lane == bindparam("lane"), in_state(_first, "ready"))
_there = sa.exists().where(_other.c.id == bindparam("id"))
_ENTER = ("id", "kind", "lane", "state", "priority", "due", "scope", "v", "payload", "created", "node", "claim")
NEXT_SEQ = {
    "postgresql": sa.func.nextval(sa.literal_column("'job_seq_seq'")),
    "sqlite": sa.select(sa.func.max(_other.c.seq) + 1).scalar_subquery(),
}

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

Enter = Callable[[Connection, "Job", "Holder", float], "Claim | None"]


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


_mine = (job.c.id == bindparam("b_id"), job.c.claim == bindparam("b_claim"), in_state(job, "running"))
_FREED: dict[str, Any] = {"node": None, "claim": None, "dirty": 0}  # values() takes columns and SQL expressions alike
_HOLDS = Prepared(sa.select(job.c.seq).where(*_mine).with_for_update())
# Tells what usually is not there, so that the two statements which would deal with it are not sent: another job
# that queues for the lane, a job that waits for the end of this one.
_DELETE = Prepared(
    sa.delete(job)
    .where(*_mine, job.c.dirty == 0)
    .returning(
        sa.exists().where(_first.c.lane == bindparam("b_lane"), in_state(_first, "ready")).label("queued"),
        sa.exists().where(_other.c.waits_for == bindparam("b_id")).label("awaited"),
    )
)
_AGAIN = Prepared(
    {
        name: sa.update(job)
        .where(*_mine)
        .values(**_FREED, state="ready", seq=seq, attempts=0, error_code=None, error=None)
        for name, seq in NEXT_SEQ.items()
    }
)
_REST = Prepared(
    sa.update(job)
    .where(*_mine)
    .values(
        **_FREED,
        state=bindparam("b_state"),
        # something came in while it ran, and it did not fail: no reason to sleep
        due=sa.case(
            (sa.and_(job.c.dirty == 1, bindparam("b_error_code", type_=sa.Text).is_(None)), 0.0),
            else_=bindparam("b_due"),
        ),
        attempts=job.c.attempts + bindparam("b_attempts"),
        waits_for=bindparam("b_waits_for"),
        scope=sa.func.coalesce(bindparam("b_scope", type_=sa.Text), job.c.scope),
        paused_by=bindparam("b_paused_by"),
        error_code=bindparam("b_error_code", type_=sa.Text),
        error=bindparam("b_error"),
    )
)


def holds(conn: Connection, claim: Claim) -> bool:
    """Whether the claim still stands (and stands until this transaction ends)."""
    return _HOLDS.first(conn, {"b_id": claim.id, "b_claim": claim.claim}) is not None


@dataclass(frozen=True, slots=True)
class Left:
    """What a finished job leaves behind: whether it ended, whether its lane has a next job, whether others wait."""

    ended: bool
    queued: bool = True
    awaited: bool = True


def finish(conn: Connection, claim: Claim) -> Left:
    """Delete the job; not ``ended`` when something came in meanwhile and it queues again instead. Raises Fenced."""
    mine = {"b_id": claim.id, "b_claim": claim.claim, "b_lane": claim.lane}
    row = _DELETE.first(conn, mine)
    if row is not None:
        return Left(ended=True, queued=bool(row.queued), awaited=bool(row.awaited))
    if _AGAIN.run(conn, mine) == 1:
        return Left(ended=False)
    raise Fenced(claim.id)


@dataclass(frozen=True, slots=True)
class Rest:
    """How a job that is not finished leaves: ``waiting`` keeps the lane, ``held`` and ``dead`` leave it."""

    state: str
    due: float
    attempts: int = 0
    waits_for: str | None = None
    scope: str | None = None
    paused_by: str | None = None
    error_code: str | None = None
    error: str | None = None


def rest(conn: Connection, claim: Claim, how: Rest) -> None:
    """Put the job to rest. Raises Fenced."""
    values = {f"b_{name}": getattr(how, name) for name in Rest.__dataclass_fields__}
    if _REST.run(conn, {"b_id": claim.id, "b_claim": claim.claim, **values}) != 1:
        raise Fenced(claim.id)


parked = sa.exists().where(circuit.c.scope == job.c.scope)
_head = (
    sa.select(_first.c.seq)
    .where(_first.c.lane == bindparam("b_lane"), in_state(_first, "ready"))
    .order_by(_first.c.seq)
    .limit(1)
    .with_for_update()
    .scalar_subquery()
)
TAKE: dict[str, Any] = {"state": "running", "node": bindparam("b_node"), "claim": bindparam("b_claim")}
_NEXT = Prepared(sa.update(job).where(job.c.seq == _head, ~parked).values(**TAKE).returning(*CLAIM_COLUMNS))
_by_id = sa.select(job.c.state).where(job.c.id == bindparam("b_id"))
_STATE = Prepared(_by_id)
_STILL = Prepared(_by_id.where(job.c.state != "dead").with_for_update(read=True))
_WAKE = Prepared(sa.update(job).where(job.c.waits_for == bindparam("b_id")).values(waits_for=None, due=0.0))


def take_next(conn: Connection, lane: str, holder: Holder) -> Claim | None:
    """Claim the lane's next job in the commit that freed the lane."""
    values = {"b_lane": lane, "b_node": holder.node, "b_claim": holder.token}
    row = _NEXT.first(conn, values)
    return None if row is None else Claim(*row)


def still_there(conn: Connection, job_id: str) -> bool:
    """Whether that job has yet to end; it cannot end before this transaction does."""
    return _STILL.first(conn, {"b_id": job_id}) is not None


def state_of(conn: Connection, job_id: str) -> str | None:
    """The job's state, None when it has ended."""
    state: str | None = _STATE.scalar(conn, {"b_id": job_id})
    return state


def wake(conn: Connection, job_id: str) -> int:
    """Let those run that waited for this job; returns how many."""
    return _WAKE.run(conn, {"b_id": job_id})
