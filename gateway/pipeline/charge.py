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
from gateway.pipeline.paid import only_payment
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
    """As it is now, with its refunds. Raises Rejected where nothing ties it to the record, before more is told (R8)."""
    entity = work.entity or ""
    number = await tools.store.write(next_number)
    named = await _named(tools, work, entity)
    origin = await _origin(tools, work, entity, named, source)
    body = await _charge_of(tools, entity, named)
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
        invoice=origin.invoice,
        number=number,
    )
    return charge if origin.ref.record_id == work.ref.record_id else replace(charge, record=origin.ref)


async def _origin(tools: Tools, work: Work, entity: str, named: _Named, source: SourceRecord | None) -> _Origin:
    async for origin in _origins(tools, work, entity, named):
        if origin.ref.record_id == work.ref.record_id:
            return origin
        if work.ref.sobject in _ELSEWHERE and await _same_party(tools, work, entity, origin, source):
            return origin
    raise _no_such_payment()


def _given_back(refund: Mapping[str, Json]) -> int:
    """Minor units; a refund that failed gave nothing back, and what was reserved for it is free again."""
    return 0 if refund["status"] in {"failed", "canceled"} else int(refund["amount"])


@dataclass(frozen=True, slots=True)
class _Named:
    """What was named: a charge or an intent as it was read, or an invoice. Nothing is told of it before it is tied."""

    invoice: str | None = None
    charge: dict[str, Json] | None = None
    intent: dict[str, Json] | None = None

    @property
    def metadata(self) -> Mapping[str, Json]:
        return (self.charge or self.intent or {}).get("metadata") or {}

    @property
    def intent_id(self) -> str | None:
        found: str | None = self.intent["id"] if self.intent else (self.charge or {}).get("payment_intent")
        return found


async def _named(tools: Tools, work: Work, entity: str) -> _Named:
    request, intent, invoice = work.request, work.request.payment_intent, work.request.invoice
    if request.charge:
        return _Named(charge=_found(await get(tools, entity, f"/v1/charges/{request.charge}")))
    if intent is None and invoice is None:
        kind, stripe_id = await only_payment(tools, work, entity)
        intent, invoice = (stripe_id, None) if kind == "payment_intent" else (None, stripe_id)
    if intent is not None:
        expand = {"expand": ["latest_charge"]}
        return _Named(intent=_found(await get(tools, entity, f"/v1/payment_intents/{intent}", expand)))
    return _Named(invoice=invoice)


async def _charge_of(tools: Tools, entity: str, named: _Named) -> dict[str, Json]:
    if named.charge is not None:
        return named.charge
    if named.intent is not None:
        return _paid(named.intent)
    params: dict[str, Json] = {
        "invoice": named.invoice,
        "status": "paid",
        "expand": ["data.payment.payment_intent.latest_charge"],
    }
    payments = (await tools.stripe.call(entity, "GET", "/v1/invoice_payments", params)).body["data"]
    if len(payments) > 1:
        told = ", ".join(str(_reference(p)) for p in payments)
        raise Rejected(
            "several_payments", f"The invoice was paid in {len(payments)} parts; name one of: {told}.", http_status=200
        )
    if not payments or payments[0]["payment"]["type"] == "payment_record":
        raise Rejected("no_payment", "The invoice has no payment that Stripe can refund.", http_status=200)
    payment = payments[0]["payment"]
    if payment.get("payment_intent"):
        return _paid(payment["payment_intent"])
    charge = payment["charge"]
    return charge if isinstance(charge, dict) else _found(await get(tools, entity, f"/v1/charges/{charge}"))


def _no_such_payment() -> Rejected:
    return Rejected("no_such_payment", "There is no such payment on this record.", http_status=404)


def _reference(invoice_payment: Mapping[str, Json]) -> Json:
    payment = invoice_payment["payment"]
    value = payment.get("payment_intent") or payment.get("charge") or payment.get("payment_record")
    return value["id"] if isinstance(value, Mapping) else value


def _found(body: dict[str, Json] | None) -> dict[str, Json]:
    if body is None:
        raise _no_such_payment()
    return body


def _paid(intent: Mapping[str, Json]) -> dict[str, Json]:
    charge = intent.get("latest_charge")
    if not isinstance(charge, dict) or not charge.get("paid"):
        raise Rejected("no_payment", "The payment was not completed: there is nothing to refund.", http_status=200)
    return charge


@dataclass(frozen=True, slots=True)
class _Origin:
    """The record of this org that was paid, our action that asked for the money, and by which invoice, if any."""

    ref: SourceRef
    action_id: str | None
    invoice: str | None


async def _origins(tools: Tools, work: Work, entity: str, named: _Named) -> AsyncIterator[_Origin]:
    """What our metadata ties it to, then what our ledger does; a payer can set neither."""
    org = work.caller.org
    if (origin := _told_by(org, named.metadata, named.invoice)) is not None:
        yield origin
    invoice = named.invoice or await _invoice_of(tools, entity, named.intent_id)
    if invoice is None:
        return
    live = await tools.store.read(lambda c: live_rows.by_stripe_id(c, entity, invoice))
    if live is None:
        body = await get(tools, entity, f"/v1/invoices/{invoice}") or {}
        if (origin := _told_by(org, body.get("metadata") or {}, invoice)) is not None:
            yield origin
    elif live.org == org:
        made_by = await tools.store.read(lambda c: ledger.by_id(c, live.action_id))
        yield _Origin(SourceRef(made_by.sobject if made_by else "", live.record_id), live.action_id, invoice)


def _told_by(org: str, told: Mapping[str, Json], invoice: str | None) -> _Origin | None:
    if told.get("sf_org_id") != org or not told.get("sf_record_id"):
        return None
    return _Origin(SourceRef(told.get("sf_object", ""), told["sf_record_id"]), told.get("gw_action_id"), invoice)


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


async def _invoice_of(tools: Tools, entity: str, intent: str | None) -> str | None:
    if intent is None:
        return None
    payment = {"type": "payment_intent", "payment_intent": intent}
    found = (await tools.stripe.call(entity, "GET", "/v1/invoice_payments", {"payment": payment})).body["data"]
    return str(found[0]["invoice"]) if found else None
