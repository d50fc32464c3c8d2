"""One action, told whole and redacted: what was asked, every step, what Salesforce was told."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from gateway.engine import ledger
from gateway.engine.schema import audit, job, mirror
from gateway.engine.statements import Row
from gateway.errors import Rejected
from gateway.observability.redaction import redact
from gateway.pipeline.answers import envelope_of
from gateway.records import Json
from gateway.sealing import Sealer

# Members of what was sent to Stripe that tell nothing of a person. Texts that somebody wrote, names, addresses, tax ids
# and whatever an action may send tomorrow stay unsaid.
_SHOWN = frozenset(
    {
        "$hole",
        "active",
        "amount",
        "auto_advance",
        "automatic_tax",
        "charge",
        "collection_method",
        "completed_sessions",
        "currency",
        "customer",
        "days_until_due",
        "due_date",
        "enabled",
        "expand",
        "gw_action_id",
        "gw_entity",
        "gw_step",
        "invoice",
        "limit",
        "payment_intent",
        "pending_invoice_items_behavior",
        "quantity",
        "reason",
        "sf_line_id",
        "sf_object",
        "sf_org_id",
        "sf_record_id",
        "status",
        "tax_behavior",
        "tax_code",
        "tax_rates",
        "unit_amount",
        "unit_amount_decimal",
    }
)
UNSAID = "[not shown]"
_OF_STEP = ("name", "method", "path", "kind", "saves", "money", "use", "undo", "skip_if")
_STEP = (
    "n",
    "generation",
    "name",
    "state",
    "stripe_id",
    "request_id",
    "http_status",
    "error_code",
    "attempts",
    "sent",
    "ended",
)
_MIRROR = ("sobject", "key", "version", "written", "state", "attempts", "error_code", "error", "due")


def trace(conn: Connection, sealer: Sealer, org: str, action_id: str) -> dict[str, Json]:
    """Raises Rejected (404) for another org's action."""
    row = ledger.by_id(conn, action_id)
    if row is None or row.org != org:
        raise Rejected("unknown_action", "There is no such action.", http_status=404)
    plan = ledger.unseal(sealer, row.plan, f"action.plan:{row.id}")
    return {
        "action": {
            name: getattr(row, name)
            for name in (
                "id",
                "name",
                "entity",
                "sobject",
                "record_id",
                "status",
                "caller_sub",
                "caller_kind",
                "accepted",
                "planned",
                "ended",
            )
        },
        "answer": envelope_of(row),
        "plan": None if plan is None else [_step(step) for step in plan["steps"]],
        "steps": [{name: getattr(step, name) for name in _STEP} for step in ledger.steps(conn, action_id)],
        "job": _job(conn, action_id),
        "write_back": _write_back(conn, row),
        "audit": [
            {"at": r.at, "actor": r.actor, "act": r.act, "detail": r.detail}
            for r in conn.execute(select(audit).where(audit.c.ref == action_id).order_by(audit.c.seq))
        ],
    }


def _job(conn: Connection, action_id: str) -> dict[str, Json] | None:
    row = conn.execute(
        select(job.c.state, job.c.attempts, job.c.due, job.c.error_code, job.c.error).where(job.c.id == action_id)
    ).first()
    return None if row is None else _with_error(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it


def _write_back(conn: Connection, row: Row) -> list[dict[str, Json]]:
    rows = conn.execute(
        select(*(mirror.c[name] for name in _MIRROR)).where(
            mirror.c.org == row.org, mirror.c.parent_id == row.record_id
        )
    )
    return [_with_error(dict(found._mapping)) for found in rows]  # noqa: SLF001 - as above


def _with_error(row: dict[str, Json]) -> dict[str, Json]:
    """An upstream's own words may quote what they complain of."""
    return {**row, "error": row["error"] and redact(row["error"])}


def _step(step: Mapping[str, Json]) -> dict[str, Json]:
    told = {name: step[name] for name in _OF_STEP if name in step}
    return told | {"params": _shown(step.get("params", {}))}


def _shown(value: Json, member: str = "") -> Json:
    """Every member by its name, values only of those that are known to be harmless."""
    if isinstance(value, Mapping):
        return {name: _shown(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(item, member) for item in value]
    if member not in _SHOWN:
        return UNSAID
    return redact(value) if isinstance(value, str) else value
