"""How much waits, is dead or of unknown outcome: counted over small tables and partial indexes only."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

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


def counts(conn: Connection) -> dict[str, int]:
    """``jobs_<state>``, ``jobs_paused`` among them, ``actions_unknown``, ``rows_unsent`` and ``rows_dead``."""
    found = dict.fromkeys(("jobs_ready", "jobs_running", "jobs_waiting", "jobs_held", "jobs_dead"), 0)
    found |= {f"jobs_{row[0]}": row[1] for row in conn.execute(_JOBS)}
    found["jobs_paused"] = int(conn.execute(_PAUSED).scalar_one())
    found["actions_unknown"] = int(conn.execute(_UNKNOWN).scalar_one())
    found["rows_unsent"] = int(conn.execute(_UNSENT).scalar_one())
    found["rows_dead"] = int(conn.execute(_UNWRITABLE).scalar_one())
    return found
