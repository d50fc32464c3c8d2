"""What waits, is dead or of unknown outcome: found over small tables and partial indexes only."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.lanes import in_state
from gateway.engine.schema import action, job, mirror

# Literals, not parameters: SQLite uses a partial index only when it sees the index's own condition.
_JOBS = sa.select(job.c.state, sa.func.count()).group_by(job.c.state)
_PAUSED = sa.select(sa.func.count()).select_from(job).where(sa.text("paused_by IS NOT NULL"))
_UNKNOWN = (
    sa.select(sa.func.count())
    .select_from(action)
    .where(sa.text("status IN ('queued','pending','unknown','awaiting_approval')"), sa.text("status = 'unknown'"))
)
_UNSENT = sa.select(sa.func.count()).select_from(mirror).where(sa.text("state IN ('dirty','uncertain','parked')"))
_UNWRITABLE = sa.select(sa.func.count()).select_from(mirror).where(sa.text("state = 'dead'"))

_UNPLANNED = (
    sa.select(action.c.id, action.c.record_id, action.c.caller_sub)
    .join(job, job.c.id == action.c.id)
    .where(
        in_state(job, "ready", "running"),
        action.c.org == bindparam("org"),
        action.c.caller_kind == "outbox",
        action.c.sobject == bindparam("sobject"),
        action.c.plan.is_(None),
    )
    .order_by(job.c.seq)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Unplanned:
    """An action that somebody's row of the outbox asks for, before anything is decided of it."""

    action_id: str
    record_id: str
    user: str


def unplanned(conn: Connection, org: str, sobject: str, limit: int) -> list[Unplanned]:
    """Those that run or may run now on records of this object, the first to come first."""
    rows = conn.execute(_UNPLANNED, {"org": org, "sobject": sobject, "limit": limit})
    return [Unplanned(*row) for row in rows]


def counts(conn: Connection) -> dict[str, int]:
    """``jobs_<state>``, ``jobs_paused`` among them, ``actions_unknown``, ``rows_unsent`` and ``rows_dead``."""
    found = dict.fromkeys(("jobs_ready", "jobs_running", "jobs_waiting", "jobs_held", "jobs_dead"), 0)
    found |= {f"jobs_{row[0]}": row[1] for row in conn.execute(_JOBS)}
    found["jobs_paused"] = int(conn.execute(_PAUSED).scalar_one())
    found["actions_unknown"] = int(conn.execute(_UNKNOWN).scalar_one())
    found["rows_unsent"] = int(conn.execute(_UNSENT).scalar_one())
    found["rows_dead"] = int(conn.execute(_UNWRITABLE).scalar_one())
    return found
