"""What acceptance and settling write to the ledger: the action as asked, the plan as frozen."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from gateway import audit
from gateway.engine import ledger
from gateway.engine.clock import now
from gateway.engine.ledger import NewAction, StoredPlan
from gateway.engine.numbers import next_number
from gateway.pipeline import codec
from gateway.pipeline.work import Tools, Work
from gateway.records import Plan


def insert(
    conn: Connection,
    tools: Tools,
    work: Work,
    mark: str,
    traceparent: str | None = None,
    stored: StoredPlan | None = None,
) -> None:
    """The ledger row of an accepted action, with its plan where there is one, and its audit line."""
    at = now(conn)
    ledger.insert(
        conn,
        tools.sealer,
        NewAction(
            id=work.id,
            org=work.caller.org,
            entity=work.entity,
            name=work.action.name,
            sobject=work.ref.sobject,
            record_id=work.ref.record_id,
            caller_sub=work.caller.sub,
            caller_kind=work.caller.kind,
            request_key=work.request_key,
            fingerprint=mark,
            body=codec.request_to_json(work.request),
            request_id=work.request_id,
            traceparent=traceparent,
            parent=work.parent,
            expires=work.expires,
        ),
        at,
        stored,
    )
    audit.record(
        conn, org=work.caller.org, actor=work.caller.sub, act="action.accepted", ref=work.id,
        detail={"action": work.action.name, "record": work.ref.record_id, "entity": work.entity}, at=at,
    )  # fmt: skip


def freeze(conn: Connection, tools: Tools, work: Work, plan: Plan, content_hash: str) -> Work:
    """Store the plan of an action that was recorded before: from here on it is sent from storage."""
    frozen, stored = numbered(conn, tools, work, plan, content_hash)
    ledger.store_plan(conn, tools.sealer, work.id, stored, frozen.planned)
    return frozen


def numbered(conn: Connection, tools: Tools, work: Work, plan: Plan, content_hash: str) -> tuple[Work, StoredPlan]:
    """The plan as it is stored, with an observation number."""
    at, number = now(conn), next_number(conn)
    address = plan.summary.get("recipient")
    email_index = tools.sealer.blind("email", address.lower()) if address else None
    told = codec.plan_to_json(plan)
    stored = StoredPlan(
        entity=plan.entity,
        plan=told,
        content_hash=content_hash,
        number=number,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        email_index=email_index,
    )
    frozen = replace(work, plan=plan, content_hash=content_hash, number=number, planned=at, email_index=email_index)
    return frozen, stored
