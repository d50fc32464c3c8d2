"""Jobs in their lanes: hold one, leave it, hand it on. Every change of a running row is fenced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, literal_column

from gateway.engine.schema import circuit, job
from gateway.prepared import Prepared

NEVER = 9_999_999_999.0  # due of a job that only an event can move on


class Fenced(Exception):
    """The claim is no longer valid: another process took the job over. Nothing of this commit may stand."""


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
NEXT_SEQ = {
    "postgresql": sa.func.nextval(sa.literal_column("'job_seq_seq'")),
    "sqlite": sa.select(sa.func.max(_other.c.seq) + 1).scalar_subquery(),
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
