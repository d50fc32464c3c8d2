"""What others may do to a job they do not run: release it, stir it, cancel it, bring it back from the dead."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine import lanes
from gateway.engine.entering import Job, enter_queued
from gateway.engine.lanes import NEXT_SEQ, in_state
from gateway.engine.schema import job
from gateway.prepared import Prepared

_by_id = job.c.id == bindparam("b_id")
_RELEASE = {
    name: sa.update(job).where(_by_id, in_state(job, "held")).values(state="ready", seq=seq, due=0.0)
    for name, seq in NEXT_SEQ.items()
}
_REMOVE = sa.delete(job).where(_by_id, job.c.state.not_in(["running", "waiting"]))
_dead = in_state(job, "dead")
# Waits for its next attempt: not for another job, and not for the operator.
_failed = sa.and_(
    in_state(job, "waiting", "held"),
    job.c.error_code.is_not(None),
    job.c.waits_for.is_(None),
    job.c.paused_by.is_(None),
)
_REPLAY = {
    name: sa.update(job)
    .where(_by_id, sa.or_(_dead, _failed))
    .values(
        state=sa.case((_dead, "ready"), else_=job.c.state),
        seq=sa.case((_dead, seq), else_=job.c.seq),
        due=0.0,
        error_code=sa.case((_dead, None), else_=job.c.error_code),
        error=sa.case((_dead, None), else_=job.c.error),
    )
    .returning(job.c.attempts)
    for name, seq in NEXT_SEQ.items()
}


def release(conn: Connection, job_id: str) -> bool:
    """Let a held job (approved, undo window over) rejoin its lane at the end."""
    return conn.execute(_RELEASE[conn.dialect.name], {"b_id": job_id}).rowcount == 1


def remove(conn: Connection, job_id: str) -> bool:
    """Cancel a job that has not started, or drop a dead one; who waited for it goes on."""
    removed = conn.execute(_REMOVE, {"b_id": job_id}).rowcount == 1
    if removed:
        lanes.wake(conn, job_id)
    return removed


def replay(conn: Connection, job_id: str) -> int | None:
    """
    Try a dead job again, at the end of its lane, or one that waits for its next attempt now, instead of then.

    Returns the attempts it has used; they stay counted, so one that had used them all dies of its next failure. None
    where there is nothing to try again.
    """
    attempts: int | None = conn.execute(_REPLAY[conn.dialect.name], {"b_id": job_id}).scalar()
    return attempts


_calm = sa.and_(in_state(job, "waiting", "held"), job.c.error_code.is_(None), job.c.waits_for.is_(None))
_due = bindparam("b_due", type_=sa.Float)
_priority = bindparam("b_priority", type_=sa.SmallInteger)
_STIR = Prepared(
    sa.update(job)
    .where(_by_id)
    .values(
        dirty=sa.case((in_state(job, "running"), 1), else_=job.c.dirty),
        priority=sa.case((job.c.priority > _priority, _priority), else_=job.c.priority),
        due=sa.case((sa.and_(_calm, job.c.due > _due), _due), else_=job.c.due),
        state=sa.case((_dead, "ready"), else_=job.c.state),
        attempts=sa.case((_dead, 0), else_=job.c.attempts),
    )
    .returning(job.c.state, job.c.due)
)


def stir(conn: Connection, wanted: Job, at: float) -> None:
    """
    Something came in for a level-triggered job: it runs at least once more from its beginning.

    One that waits absorbs it, is brought forward to ``wanted.due`` unless it waits because of an error, and takes
    the higher priority; a running one runs again; a dead one revives; one that is not there is entered.
    """
    if stir_standing(conn, wanted, at) is None and not enter_queued(conn, wanted, at):
        stir_standing(conn, wanted, at)  # another process entered it in between


def stir_standing(conn: Connection, wanted: Job, at: float) -> bool | None:
    """As `stir`, for one that is there: True when somebody should look for it now; None when it is not there."""
    values = {"b_id": wanted.id, "b_due": max(wanted.due, at), "b_priority": wanted.priority}
    row = _STIR.first(conn, values)
    return None if row is None else bool(row.state != "running" and row.due <= at)


_GROUPS = (
    sa.select(job.c.kind, job.c.error_code, sa.func.count(), sa.func.min(job.c.due), sa.func.max(job.c.error))
    .where(in_state(job, "dead"))
    .group_by(job.c.kind, job.c.error_code)
    .order_by(sa.func.count().desc())
)
_DEAD = (
    sa.select(job.c.id, job.c.kind, job.c.lane, job.c.seq, job.c.attempts, job.c.error_code, job.c.error, job.c.due)
    .where(
        in_state(job, "dead"),
        sa.or_(bindparam("code", type_=sa.Text).is_(None), job.c.error_code == bindparam("code", type_=sa.Text)),
        job.c.seq > bindparam("after"),
    )
    .order_by(job.c.seq)
    .limit(bindparam("limit"))
)
_COUNTS = sa.select(job.c.kind, job.c.state, sa.func.count()).group_by(job.c.kind, job.c.state)


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters of one cause; ``since`` is when the first died, ``example`` one of their messages."""

    kind: str
    error_code: str | None
    count: int
    since: float
    example: str | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that a human must look at; ``died`` in seconds since the epoch."""

    id: str
    kind: str
    lane: str
    seq: int
    attempts: int
    error_code: str | None
    error: str | None
    died: float


def dead_groups(conn: Connection) -> list[DeadGroup]:
    """Dead letters by cause, the most frequent first."""
    return [DeadGroup(*row) for row in conn.execute(_GROUPS)]


def dead_letters(conn: Connection, code: str | None = None, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
    """A page of dead letters, oldest first; ``after`` is the last page's last ``seq``."""
    return [DeadLetter(*row) for row in conn.execute(_DEAD, {"code": code, "after": after, "limit": limit})]


def counts(conn: Connection) -> dict[tuple[str, str], int]:
    """How many jobs stand in each (kind, state): the table is small, finished jobs are not in it."""
    return {(kind, state): count for kind, state, count in conn.execute(_COUNTS)}
