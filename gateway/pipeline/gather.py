"""What must be read before a plan: the record (under the caller's own access), the charge, the live objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.actions import Charge
from gateway.engine import links
from gateway.engine import live as live_rows
from gateway.engine.numbers import next_number
from gateway.errors import Refused, Rejected
from gateway.pipeline.record import read_party, read_source, with_contacts
from gateway.pipeline.routing import entity_by_record
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Live
from gateway.sources import Party, SourceRecord


@dataclass(frozen=True)
class Facts:
    """
    What was read. ``fresh`` are the record's live objects as Stripe has them now, by id; None = gone. ``tax_ids`` are
    those of the customer, by its id.
    """

    source: SourceRecord | None = None
    party: Party | None = None
    charge: Charge | None = None
    fresh: Mapping[str, Mapping[str, Json] | None] = field(default_factory=dict)
    tax_ids: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


async def gather(tools: Tools, work: Work, *, source: bool = False) -> Facts:
    """Read all of it (the record also where the body would do: ``source``). Raises Rejected, Unavailable."""
    reads = work.action.reads(work.request)
    named = getattr(work.request, "account_id", None) is not None  # whom to bill is known without the record
    needed = reads.source or work.entity is None or (source and not named)
    asked = source or needed or work.caller.user is not None
    record = await read_source(tools, work, needed=needed) if asked else None
    if work.entity is None and record is not None:
        org = tools.org(work.caller.org)
        work.entity = entity_by_record(tools.config, org, work.ref.sobject, work.request, record)
    party = await read_party(tools, work, record, needed=source)
    facts = Facts(source=await with_contacts(tools, work, reads, record, party), party=party)
    if reads.tax_ids:
        facts = replace(facts, tax_ids=await _tax_ids(tools, work, party))
    if work.action.name == "create-customer" and party is not None:
        facts = replace(facts, fresh=await _known_customer(tools, work, party.source_id))
    if reads.live:
        facts = replace(facts, fresh=await _live(tools, work, reads.live))
    if reads.charge:
        facts = replace(facts, charge=await _charge(tools, work))
    return facts


async def _tax_ids(tools: Tools, work: Work, party: Party | None) -> dict[str, tuple[tuple[str, str], ...]]:
    """What the customer has already, by the customer's id: Stripe would add the same tax id a second time."""
    entity = work.entity or ""
    source_id = party.source_id if party else ""
    link = await tools.store.read(lambda c: links.find(c, work.caller.org, entity, source_id))
    if link is None or link.state != "ready":
        return {}
    try:
        listed = tools.stripe.list_all(entity, f"/v1/customers/{link.stripe_id}/tax_ids")
        return {link.stripe_id: tuple([(each["type"], each["value"]) async for each in listed])}
    except Refused as exc:
        if exc.status != 404:
            raise
        return {link.stripe_id: ()}  # deleted at Stripe: the step that changes it is refused with those words


async def _live(tools: Tools, work: Work, kind: str) -> dict[str, Mapping[str, Json] | None]:
    rows = await tools.store.read(lambda c: live_rows.of_record(c, work.caller.org, work.ref.record_id, kind))
    fresh: dict[str, Mapping[str, Json] | None] = {}
    for row in rows:
        if counts(row):
            fresh[row.stripe_id] = await _get(tools, row.entity, f"/v1/{kind}s/{row.stripe_id}")
    return fresh


async def _known_customer(tools: Tools, work: Work, source_id: str) -> dict[str, Mapping[str, Json] | None]:
    """The customer this source has had so far, as Stripe has it now: somebody may have deleted it there."""
    entity = work.entity or ""
    link = await tools.store.read(lambda c: links.find(c, work.caller.org, entity, source_id))
    if link is None or link.state != "ready":
        return {}
    body = await _get(tools, entity, f"/v1/customers/{link.stripe_id}")
    return {link.stripe_id: None if body is None or body.get("deleted") else body}


def counts(row: Live) -> bool:
    """Whether a live object still counts for the guard: it was paid, or it can be."""
    return row.status in {"draft", "open", "uncollectible", "paid", "active"}


async def _get(
    tools: Tools, entity: str, path: str, params: Mapping[str, Json] | None = None
) -> dict[str, Json] | None:
    try:
        return (await tools.stripe.call(entity, "GET", path, params)).body
    except Refused as exc:
        if exc.status == 404:
            return None
        raise


async def _charge(tools: Tools, work: Work) -> Charge:
    entity = work.entity or ""
    number = await tools.store.write(next_number)
    body, invoice = await _charge_body(tools, work, entity)
    refunds = [
        (r["id"], r.get("metadata", {}).get("gw_action_id"), _given_back(r))
        async for r in tools.stripe.list_all(entity, "/v1/refunds", {"charge": body["id"]}, priority=0)
    ]
    charge = Charge(
        id=body["id"],
        currency=body["currency"],
        captured=body["amount_captured"],
        refunded=body["amount_refunded"],
        disputed=bool(body["disputed"]),
        metadata=body.get("metadata", {}),
        refunds=tuple(refunds),
        payment_intent=body.get("payment_intent"),
        invoice=invoice,
        number=number,
    )
    if not await _belongs(tools, work, entity, charge):
        raise Rejected("no_such_payment", "There is no such payment on this record.", http_status=404)
    return charge


def _given_back(refund: Mapping[str, Json]) -> int:
    """Minor units; a refund that failed gave nothing back, and what was reserved for it is free again."""
    return 0 if refund["status"] in {"failed", "canceled"} else int(refund["amount"])


async def _charge_body(tools: Tools, work: Work, entity: str) -> tuple[dict[str, Json], str | None]:
    request = work.request
    if request.charge:
        return _found(await _get(tools, entity, f"/v1/charges/{request.charge}")), None
    if request.payment_intent:
        expand = {"expand": ["latest_charge"]}
        return _paid(_found(await _get(tools, entity, f"/v1/payment_intents/{request.payment_intent}", expand))), None
    invoice = request.invoice or await _paid_invoice(tools, work, entity)
    params: dict[str, Json] = {
        "invoice": invoice,
        "status": "paid",
        "expand": ["data.payment.payment_intent.latest_charge"],
    }
    payments = (await tools.stripe.call(entity, "GET", "/v1/invoice_payments", params)).body["data"]
    if len(payments) > 1:
        named = ", ".join(str(_reference(p)) for p in payments)
        raise Rejected(
            "several_payments", f"The invoice was paid in {len(payments)} parts; name one of: {named}.", http_status=200
        )
    if not payments or payments[0]["payment"]["type"] == "payment_record":
        raise Rejected("no_payment", "The invoice has no payment that Stripe can refund.", http_status=200)
    payment = payments[0]["payment"]
    if payment.get("payment_intent"):
        return _paid(payment["payment_intent"]), invoice
    charge = payment["charge"]
    return charge if isinstance(charge, dict) else _found(await _get(tools, entity, f"/v1/charges/{charge}")), invoice


def _reference(invoice_payment: Mapping[str, Json]) -> Json:
    payment = invoice_payment["payment"]
    value = payment.get("payment_intent") or payment.get("charge") or payment.get("payment_record")
    return value["id"] if isinstance(value, Mapping) else value


def _found(body: dict[str, Json] | None) -> dict[str, Json]:
    if body is None:
        raise Rejected("no_such_payment", "There is no such payment on this record.", http_status=404)
    return body


def _paid(intent: Mapping[str, Json]) -> dict[str, Json]:
    charge = intent.get("latest_charge")
    if not isinstance(charge, dict) or not charge.get("paid"):
        raise Rejected("no_payment", "The payment was not completed: there is nothing to refund.", http_status=200)
    return charge


_REFUNDABLE = {"open", "uncollectible", "paid"}  # as last seen: it may have been paid since


async def _paid_invoice(tools: Tools, work: Work, entity: str) -> str:
    rows = await tools.store.read(lambda c: live_rows.of_record(c, work.caller.org, work.ref.record_id, "invoice"))
    candidates = [row.stripe_id for row in rows if row.entity == entity and row.status in _REFUNDABLE]
    if len(candidates) != 1:
        found = f"{len(candidates)} invoices" if candidates else "no invoice"
        raise Rejected(
            "ambiguous_payment", f"The record has {found}: send invoice, payment_intent or charge.", http_status=200
        )
    return candidates[0]


async def _belongs(tools: Tools, work: Work, entity: str, charge: Charge) -> bool:
    """Only what our metadata or our ledger ties to this org and record; a payer cannot set either."""
    told = charge.metadata
    if told.get("sf_org_id") == work.caller.org and told.get("sf_record_id") == work.ref.record_id:
        return True
    invoice = charge.invoice or await _invoice_of(tools, entity, charge)
    if invoice is None:
        return False
    row = await tools.store.read(lambda c: live_rows.by_stripe_id(c, entity, invoice))
    return row is not None and (row.org, row.record_id) == (work.caller.org, work.ref.record_id)


async def _invoice_of(tools: Tools, entity: str, charge: Charge) -> str | None:
    if charge.payment_intent is None:
        return None
    payment = {"type": "payment_intent", "payment_intent": charge.payment_intent}
    found = (await tools.stripe.call(entity, "GET", "/v1/invoice_payments", {"payment": payment})).body["data"]
    return str(found[0]["invoice"]) if found else None
