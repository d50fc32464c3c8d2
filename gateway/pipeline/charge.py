"""
The payment a refund is about, as Stripe has it now.

Nothing is told of a payment before it is known to be the record's: by our ledger or by our metadata, neither of which a
payer can set. Anything else is no such payment.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.actions import Charge
from gateway.engine import live as live_rows
from gateway.engine.numbers import next_number
from gateway.errors import Refused, Rejected
from gateway.pipeline.work import Tools, Work
from gateway.records import Json

_REFUNDABLE = {"open", "uncollectible", "paid"}  # as last seen: it may have been paid since


async def read_charge(tools: Tools, work: Work) -> Charge:
    """The charge that was named, or the record's only one, with its refunds; numbered before it is read."""
    entity = work.entity or ""
    number = await tools.store.write(next_number)
    body, invoice = await _charge(tools, work, entity)
    refunds = [
        (r["id"], r.get("metadata", {}).get("gw_action_id"), _given_back(r))
        async for r in tools.stripe.list_all(entity, "/v1/refunds", {"charge": body["id"]}, priority=0)
    ]
    return Charge(
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


async def object_of(
    tools: Tools, entity: str, path: str, params: Mapping[str, Json] | None = None
) -> dict[str, Json] | None:
    """What Stripe has there; None where it has nothing."""
    try:
        return (await tools.stripe.call(entity, "GET", path, params)).body
    except Refused as exc:
        if exc.status == 404:
            return None
        raise


def _given_back(refund: Mapping[str, Json]) -> int:
    """Minor units; a refund that failed gave nothing back, and what was reserved for it is free again."""
    return 0 if refund["status"] in {"failed", "canceled"} else int(refund["amount"])


def _no_such_payment() -> Rejected:
    return Rejected("no_such_payment", "There is no such payment on this record.", http_status=404)


async def _charge(tools: Tools, work: Work, entity: str) -> tuple[dict[str, Json], str | None]:
    """The charge and, where the payment was found by it, the invoice."""
    request = work.request
    if request.charge:
        charge = await object_of(tools, entity, f"/v1/charges/{request.charge}")
        if charge is None or not await _is_of_record(tools, work, charge, charge.get("payment_intent")):
            raise _no_such_payment()
        return charge, None
    if request.payment_intent:
        expand = {"expand": ["latest_charge"]}
        intent = await object_of(tools, entity, f"/v1/payment_intents/{request.payment_intent}", expand)
        if intent is None or not await _is_of_record(tools, work, intent, intent["id"]):
            raise _no_such_payment()
        return _paid(intent), None
    if request.invoice and not await _is_records_invoice(tools, work, request.invoice):
        raise _no_such_payment()
    invoice = request.invoice or await _paid_invoice(tools, work, entity)
    return await _charge_of_invoice(tools, entity, invoice), invoice


async def _charge_of_invoice(tools: Tools, entity: str, invoice: str) -> dict[str, Json]:
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
        return _paid(payment["payment_intent"])
    charge = payment["charge"]
    body = charge if isinstance(charge, dict) else await object_of(tools, entity, f"/v1/charges/{charge}")
    if body is None:
        raise _no_such_payment()
    return body


def _reference(invoice_payment: Mapping[str, Json]) -> Json:
    payment = invoice_payment["payment"]
    value = payment.get("payment_intent") or payment.get("charge") or payment.get("payment_record")
    return value["id"] if isinstance(value, Mapping) else value


def _paid(intent: Mapping[str, Json]) -> dict[str, Json]:
    charge = intent.get("latest_charge")
    if not isinstance(charge, dict) or not charge.get("paid"):
        raise Rejected("no_payment", "The payment was not completed: there is nothing to refund.", http_status=200)
    return charge


async def _paid_invoice(tools: Tools, work: Work, entity: str) -> str:
    rows = await tools.store.read(lambda c: live_rows.of_record(c, work.caller.org, work.ref.record_id, "invoice"))
    candidates = [row.stripe_id for row in rows if row.entity == entity and row.status in _REFUNDABLE]
    if len(candidates) != 1:
        found = f"{len(candidates)} invoices" if candidates else "no invoice"
        raise Rejected(
            "ambiguous_payment", f"The record has {found}: send invoice, payment_intent or charge.", http_status=200
        )
    return candidates[0]


async def _is_of_record(tools: Tools, work: Work, body: Mapping[str, Json], intent: str | None) -> bool:
    """Whether a charge or payment intent is the record's, by itself or by the invoice it paid."""
    if _tied(work, body):
        return True
    if intent is None:
        return False
    payment = {"type": "payment_intent", "payment_intent": intent}
    found = (await tools.stripe.call(work.entity or "", "GET", "/v1/invoice_payments", {"payment": payment})).body
    return bool(found["data"]) and await _is_records_invoice(tools, work, str(found["data"][0]["invoice"]))


async def _is_records_invoice(tools: Tools, work: Work, invoice: str) -> bool:
    entity = work.entity or ""
    row = await tools.store.read(lambda c: live_rows.by_stripe_id(c, entity, invoice))
    if row is not None:
        return (row.org, row.record_id) == (work.caller.org, work.ref.record_id)
    body = await object_of(tools, entity, f"/v1/invoices/{invoice}")
    return body is not None and _tied(work, body)


def _tied(work: Work, body: Mapping[str, Json]) -> bool:
    told = body.get("metadata") or {}
    return (told.get("sf_org_id"), told.get("sf_record_id")) == (work.caller.org, work.ref.record_id)
