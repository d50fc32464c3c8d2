"""What the operator has stopped: jobs that have not begun rest until it is resumed, in every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from gateway.engine.clock import now
from gateway.engine.schema import action, job, pause

_COLUMNS = ("scope", "since", "actor", "reason")
_BEGIN = {
    name: (insert := dialect.insert(pause).values({c: bindparam(c) for c in _COLUMNS})).on_conflict_do_update(
        index_elements=[pause.c.scope], set_={"actor": insert.excluded.actor, "reason": insert.excluded.reason}
    )
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_END = sa.delete(pause).where(pause.c.scope == bindparam("b_scope")).returning(*(pause.c[name] for name in _COLUMNS))
_ALL = sa.select(*(pause.c[name] for name in _COLUMNS)).order_by(pause.c.since, pause.c.scope)
_STANDS = sa.select(pause.c.scope).where(pause.c.scope == bindparam("b_scope")).with_for_update(read=True)
_HELD = sa.select(job.c.paused_by, sa.func.count()).where(job.c.paused_by.is_not(None)).group_by(job.c.paused_by)
_OF_JOB = _ALL.where(pause.c.scope.in_(sa.select(job.c.paused_by).where(job.c.id == bindparam("job_id"))))
_LET_GO = sa.update(job).where(job.c.paused_by == bindparam("b_scope")).values(paused_by=None, due=0.0)
_open = sa.text("status IN ('queued','pending','unknown','awaiting_approval')")  # spelled like the partial index


@dataclass(frozen=True, slots=True)
class Pause:
    """``scope`` is ``org:…``, ``entity:…`` or ``action:…``; ``since`` in seconds since the epoch."""

    scope: str
    since: float
    actor: str
    reason: str | None


def begin(conn: Connection, scope: str, actor: str, reason: str | None) -> None:
    """Stop what has not begun; repeated it keeps ``since`` and takes the new reason."""
    row = {"scope": scope, "since": now(conn), "actor": actor, "reason": reason}
    conn.execute(_BEGIN[conn.dialect.name], row)


def end(conn: Connection, scope: str, lives: Mapping[str, float], life: float) -> int | None:
    """
    Let what was held go on, at once; returns how many jobs that are, None when the scope was not paused.

    An action's time to begin counts from now: ``life`` seconds, or what ``lives`` says of its kind of caller.
    """
    row = conn.execute(_END, {"b_scope": scope}).first()
    if row is None:
        return None
    at = now(conn)
    kinds = [(action.c.caller_kind == kind, at + seconds) for kind, seconds in lives.items()]
    held = action.c.id.in_(sa.select(job.c.id).where(job.c.paused_by == scope))
    conn.execute(
        sa.update(action)
        .where(_open, action.c.expires >= row.since, sa.or_(_of(scope), held))
        .values(expires=sa.case(*kinds, else_=at + life))
    )
    return conn.execute(_LET_GO, {"b_scope": scope}).rowcount


def _of(scope: str) -> ColumnElement[bool]:
    kind, _, target = scope.partition(":")
    return {"org": action.c.org, "entity": action.c.entity, "action": action.c.name}[kind] == target


def standing(conn: Connection) -> list[Pause]:
    """All pauses, the oldest first."""
    return [Pause(*row) for row in conn.execute(_ALL)]


def stands(conn: Connection, scope: str) -> bool:
    """Whether the scope is paused; it cannot be resumed before this transaction ends."""
    return conn.execute(_STANDS, {"b_scope": scope}).first() is not None


def of_job(conn: Connection, job_id: str) -> Pause | None:
    """The pause that keeps this job from being begun."""
    row = conn.execute(_OF_JOB, {"job_id": job_id}).first()
    return None if row is None else Pause(*row)


def held(conn: Connection) -> dict[str, int]:
    """How many jobs each pause holds."""
    return {row[0]: int(row[1]) for row in conn.execute(_HELD)}
