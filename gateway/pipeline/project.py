"""From a Stripe object to the mirror: project it, roll its record up, tell the sender. Inside one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from gateway import projections
from gateway.engine import links, mirror
from gateway.engine.worker import Job
from gateway.pipeline.gather import Facts
from gateway.pipeline.work import Tools, Work
from gateway.projections import Snapshot
from gateway.projections import action as action_row
from gateway.projections.roll_up import roll_up
from gateway.projections.rows import LOOKUPS, POINTING
from gateway.records import Envelope, Json, SourceRef, Upsert, dumps


def home_of(work: Work) -> SourceRef:
    """The record that what the action makes belongs to: a refund asked for on a case belongs to what was paid."""
    record = work.plan.owner.get("record") if work.plan else None
    return SourceRef(*record) if record else work.ref


def object_rows(conn: Connection, tools: Tools, work: Work, kind: str, body: Mapping[str, Json]) -> list[Upsert]:
    """What Salesforce should hold of an object that an action made or changed."""
    plan = work.plan
    assert plan is not None  # noqa: S101 - an object came of it
    snapshot = Snapshot(
        entity=plan.entity,
        livemode=bool(body.get("livemode", tools.entity(plan.entity).mode == "live")),
        object=body,
        owner=home_of(work),
        owner_account=plan.owner.get("account"),
        contact=plan.owner.get("contact"),
        customer_key=_customer_key(conn, work, kind),
        time_zone=tools.entity(plan.entity).time_zone,
    )
    found = list(projections.project(kind, snapshot))
    lookup = LOOKUPS.get(work.ref.sobject) if home_of(work) != work.ref else None
    return [replace(row, fields={**row.fields, lookup: work.ref.record_id}) for row in found] if lookup else found


def own_row(work: Work, answer: Envelope, ended: float | None = None) -> Upsert:
    """The action's own row: what was asked, by whom, and how it stands by ``answer``."""
    plan = work.plan
    facts = action_row.ActionFacts(
        action_id=work.id,
        name=work.action.name,
        status=answer.status,
        caller=work.caller,
        accepted=work.accepted,
        answer=answer,
        source=work.ref,
        account=plan.owner.get("account") if plan else None,
        entity=work.entity,
        request_key=work.request_key,
        ended=ended,
        outbox_row=work.outbox_row,
    )
    return action_row.project(facts)


def priority_of(work: Work) -> int:
    """Nobody looks at a customer made for an invoice: its row may wait for the invoice's and go with it."""
    return 1 if work.caller.kind == "internal" else 0


def _customer_key(conn: Connection, work: Work, kind: str) -> str | None:
    plan = work.plan
    source = plan.owner.get("source") if plan else None
    if kind == "customer" or plan is None or not source:
        return None
    if "customer" in plan.holes:
        return f"{plan.entity}:{plan.holes['customer']}"
    row = links.find(conn, work.caller.org, plan.entity, str(source))
    return f"{plan.entity}:{row.stripe_id}" if row is not None and row.stripe_id else None


def merge_rows(
    conn: Connection,
    tools: Tools,
    org: str,
    rows: Sequence[Upsert],
    parent: SourceRef,
    number: int,
    at: float,
    priority: int = 1,
    owner_id: Json = None,
) -> bool:
    """
    Merge rows and the stamp they make; True where a row was already known from a later observation. ``owner_id``: who
    owns the record, where it was read.
    """

    def stamp_of(children: Sequence[Upsert]) -> Upsert:
        return Upsert(parent.sobject, parent.record_id, roll_up(children, parent), parent, id_field="Id")

    merged = mirror.merge_family(
        conn,
        tools.sealer,
        org,
        _pointing(tools, rows, parent),
        parent,
        stamp_of,
        number=number,
        now=at,
        priority=priority,
        also=partial(owned, owner_id=owner_id),
    )
    tools.wake_sender(conn, org)
    return bool(merged.stale)


def owned(rows: Sequence[Upsert], owner_id: Json) -> list[Upsert]:
    """
    Who owns the rows of a record (docs/decisions/0018): whoever owns the record, or the rest of its rows where it was
    not read. A row that somebody inserted stays theirs.
    """
    found = owner_id or next((row.fields["OwnerId"] for row in rows if row.fields.get("OwnerId")), None)
    if found is None:
        return []
    ours = [row for row in rows if row.id_field != "Id" and row.fields.get("OwnerId") != found]
    return [replace(row, fields={"OwnerId": found}) for row in ours]


def _pointing(tools: Tools, rows: Sequence[Upsert], parent: SourceRef) -> list[Upsert]:
    """With the lookup to a custom object, where the configuration names one; ours for standard objects are there."""
    mapping = tools.config.mappings.get(parent.sobject)
    if mapping is None or mapping.lookup is None:
        return list(rows)
    link = {mapping.lookup: parent.record_id}
    return [
        replace(row, fields={**row.fields, **link}) if row.parent == parent and row.sobject in POINTING else row
        for row in rows
    ]


def contended(work: Work, facts: Facts | None = None) -> tuple[str, ...]:
    """What a commit of this action contends for with other processes, to be locked at its head in one order."""
    org, plan = work.caller.org, work.plan
    names = [f"stamp:{org}:{record_id}" for record_id in sorted({work.ref.record_id, home_of(work).record_id})]
    source = plan.owner.get("source") if plan else facts and facts.party and facts.party.source_id
    if source:
        names += [f"customer:{org}:{source}", f"stamp:{org}:{source}"]
    charge = plan.holes.get("charge") if plan else facts and facts.charge and facts.charge.id
    if charge:
        names.append(f"charge:{work.entity}:{charge}")
    return tuple(names)


def stir_refresh(
    conn: Connection, tools: Tools, work: Work, kind: str, stripe_id: str, ref: SourceRef | None = None
) -> None:
    """
    Have the object read again: a job that waits absorbs this, one that runs will run once more. ``ref`` is the record
    it belongs to, where that is not the one of what the action makes.
    """
    plan, owner = work.plan, ref or home_of(work)
    assert plan is not None  # noqa: S101
    told = {
        "org": work.caller.org,
        "entity": plan.entity,
        "kind": kind,
        "id": stripe_id,
        "sobject": owner.sobject,
        "record_id": owner.record_id,
        "owner": dict(plan.owner),
    }
    job_id = f"refresh:{plan.entity}:{stripe_id}"
    payload = tools.sealer.seal(dumps(told).encode(), f"job.payload:{job_id}")
    lane = f"stripe:{plan.entity}:{stripe_id}"
    tools.engine.stir(conn, Job(job_id, "refresh", lane, 1, payload, scope=f"stripe:{plan.entity}"))
