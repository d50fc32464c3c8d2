"""The payment that a refund is about: found at Stripe, and tied to this org and record before anything is decided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from gateway import actions
from gateway.actions import Charge
from gateway.engine import ledger, mirror
from gateway.engine import live as live_rows
from gateway.engine.numbers import next_number
from gateway.errors import Refused, Rejected
from gateway.pipeline.work import Tools, Work
from gateway.projections import registry
from gateway.projections.rows import LOOKUPS
from gateway.projections.rows import key as row_key
from gateway.records import Json, SourceRef
from gateway.sources import SourceRecord

# What people complain of was paid on another record of the same account.
_ELSEWHERE = {"Case"}


async def get(tools: Tools, entity: str, path: str, params: Mapping[str, Json] | None = None) -> dict[str, Json] | None:
    """The object, None where Stripe has none."""
    try:
        return (await tools.stripe.call(entity, "GET", path, params)).body
    except Refused as exc:
        if exc.status == 404:
            return None
        raise


async def read_charge(tools: Tools, work: Work, source: SourceRecord | None) -> Charge:
    """As it is now, with its refunds. Raises Rejected where nothing ties it to the record (R8)."""
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
    async for origin in _origins(tools, work, entity, charge):
        if origin.ref.record_id == work.ref.record_id:
            return replace(charge, invoice=origin.invoice)
        if work.ref.sobject in _ELSEWHERE and await _same_party(tools, work, entity, origin, source):
            return replace(charge, invoice=origin.invoice, record=origin.ref)
    raise Rejected("no_such_payment", "There is no such payment on this record.", http_status=404)


def _given_back(refund: Mapping[str, Json]) -> int:
    """Minor units; a refund that failed gave nothing back, and what was reserved for it is free again."""
    return 0 if refund["status"] in {"failed", "canceled"} else int(refund["amount"])


async def _charge_body(tools: Tools, work: Work, entity: str) -> tuple[dict[str, Json], str | None]:
    request = work.request
    if request.charge:
        return _found(await get(tools, entity, f"/v1/charges/{request.charge}")), None
    if request.payment_intent:
        expand = {"expand": ["latest_charge"]}
        return _paid(_found(await get(tools, entity, f"/v1/payment_intents/{request.payment_intent}", expand))), None
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
    return charge if isinstance(charge, dict) else _found(await get(tools, entity, f"/v1/charges/{charge}")), invoice


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


@dataclass(frozen=True, slots=True)
class _Origin:
    """The record of this org that was paid, our action that asked for the money, and by which invoice, if any."""

    ref: SourceRef
    action_id: str | None
    invoice: str | None


async def _origins(tools: Tools, work: Work, entity: str, charge: Charge) -> AsyncIterator[_Origin]:
    """What our metadata ties the charge to, then what our ledger does; a payer can set neither."""
    org, told = work.caller.org, charge.metadata
    if told.get("sf_org_id") == org and told.get("sf_record_id"):
        yield _Origin(
            SourceRef(told.get("sf_object", ""), told["sf_record_id"]), told.get("gw_action_id"), charge.invoice
        )
    invoice = charge.invoice or await _invoice_of(tools, entity, charge)
    if invoice is None:
        return
    live = await tools.store.read(lambda c: live_rows.by_stripe_id(c, entity, invoice))
    if live is None or live.org != org:
        return
    made_by = await tools.store.read(lambda c: ledger.by_id(c, live.action_id))
    yield _Origin(SourceRef(made_by.sobject if made_by else "", live.record_id), live.action_id, invoice)


async def _same_party(tools: Tools, work: Work, entity: str, origin: _Origin, source: SourceRecord | None) -> bool:
    """Whether what we asked the money for belongs to the account (or person) of the record, as the mirror has it."""
    org, party = work.caller.org, source.party if source else None
    made_by = await tools.store.read(lambda c: ledger.by_id(c, origin.action_id or ""))
    if party is None or made_by is None or (made_by.org, made_by.record_id) != (org, origin.ref.record_id):
        return False
    kind = actions.registry()[made_by.name].stripe
    if made_by.stripe_id is None or made_by.sobject != origin.ref.sobject:
        return False
    place = (registry()[kind].sobject, row_key(entity, made_by.stripe_id))
    row = await tools.store.read(lambda c: mirror.get(c, tools.sealer, org, *place))
    lookup = LOOKUPS[party.sobject]
    return row is not None and row.fields.get(lookup) == party.source_id


async def _invoice_of(tools: Tools, entity: str, charge: Charge) -> str | None:
    if charge.payment_intent is None:
        return None
    payment = {"type": "payment_intent", "payment_intent": charge.payment_intent}
    found = (await tools.stripe.call(entity, "GET", "/v1/invoice_payments", {"payment": payment})).body["data"]
    return str(found[0]["invoice"]) if found else None
