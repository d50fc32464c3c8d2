"""What the command line reads and changes in the tables; functions over a connection, values out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.engine import ledger, pauses
from gateway.engine.circuit import open_circuits
from gateway.engine.lanes import in_state
from gateway.engine.schema import action, audit, job, mirror
from gateway.records import Json

_ACTION = tuple(column for column in action.c if column.name not in {"body", "plan", "email_index"})  # sealed or blind
_JOB = tuple(
    job.c[name]
    for name in ("id", "kind", "lane", "state", "due", "attempts", "error_code", "error", "waits_for", "paused_by")
)
_MIRROR = tuple(
    mirror.c[name]
    for name in ("org", "sobject", "key", "state", "version", "written", "attempts", "due", "error_code", "error")
)
_DEAD_ROW = in_state(mirror, "dead")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which actions to list; ``before`` is the ``seq`` to go on from."""

    orgs: Sequence[str] = ()
    status: str | None = None
    name: str | None = None
    record: str | None = None
    before: int | None = None
    limit: int = 50


def actions(conn: Connection, wanted: Wanted) -> list[dict[str, Json]]:
    """Newest first. Every filter runs on an index or stops after ``limit`` rows of the primary key."""
    query = sa.select(*_ACTION).order_by(action.c.seq.desc()).limit(wanted.limit)
    conditions = [
        (bool(wanted.orgs), action.c.org.in_(list(wanted.orgs))),
        (wanted.status is not None, action.c.status == wanted.status),
        (wanted.name is not None, action.c.name == wanted.name),
        (wanted.record is not None, action.c.record_id == wanted.record),
        (wanted.before is not None, action.c.seq < (wanted.before or 0)),
    ]
    query = query.where(*(condition for given, condition in conditions if given))
    return [_shown(row) for row in conn.execute(query)]


def circuits(conn: Connection) -> list[dict[str, Json]]:
    """Upstreams whose actions wait, the longest first."""
    return [asdict(each) for each in open_circuits(conn)]


def paused(conn: Connection) -> list[dict[str, Json]]:
    """What the operator has stopped, the longest first, and how many jobs rest for it."""
    held = pauses.held(conn)
    return [{**asdict(each), "held": held.get(each.scope, 0)} for each in pauses.standing(conn)]


def one(conn: Connection, action_id: str) -> dict[str, Json] | None:
    """An action with its steps and, while there is one, its job."""
    row = conn.execute(sa.select(*_ACTION).where(action.c.id == action_id)).first()
    if row is None:
        return None
    # What a person said of an unknown outcome is carried out by a job of its own, beside one that died.
    ids = (f"resolve:{action_id}", action_id)
    jobs = {x["id"]: dict(x) for x in conn.execute(sa.select(*_JOB).where(job.c.id.in_(ids))).mappings()}
    return _shown(row) | {
        "steps": [asdict(found) for found in ledger.steps(conn, action_id)],
        "job": next((jobs[each] for each in ids if each in jobs), None),
    }


def write_backs(conn: Connection, org: str, record_id: str) -> list[dict[str, Json]]:
    """The rows of a record that Salesforce should hold, and whether it does."""
    query = sa.select(*_MIRROR).where(mirror.c.org == org, mirror.c.parent_id == record_id).order_by(mirror.c.sobject)
    return [dict(row) for row in conn.execute(query).mappings()]


def history(conn: Connection, ref: str) -> list[dict[str, Json]]:
    """What the audit log says of an action, job or row."""
    query = (
        sa.select(audit.c.at, audit.c.actor, audit.c.act, audit.c.detail)
        .where(audit.c.ref == ref)
        .order_by(audit.c.seq)
    )
    return [{**row, "detail": json.loads(row["detail"])} for row in conn.execute(query).mappings()]


def dead_rows(conn: Connection, code: str | None = None, limit: int = 100) -> list[dict[str, Json]]:
    """Rows Salesforce refused for good, the largest cause first."""
    query = sa.select(*_MIRROR).where(_DEAD_ROW).order_by(mirror.c.error_code, mirror.c.key).limit(limit)
    if code is not None:
        query = query.where(mirror.c.error_code == code)
    return [dict(row) for row in conn.execute(query).mappings()]


def dead_row_groups(conn: Connection) -> list[dict[str, Json]]:
    """Refused rows by cause."""
    query = (
        sa.select(mirror.c.error_code, sa.func.count().label("count"), sa.func.max(mirror.c.error).label("example"))
        .where(_DEAD_ROW)
        .group_by(mirror.c.error_code)
        .order_by(sa.func.count().desc())
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def _shown(row: sa.Row[Any]) -> dict[str, Json]:  # columns of a table, chosen above
    return {**row._asdict(), "envelope": ledger.answer(row) if row.envelope else None}
