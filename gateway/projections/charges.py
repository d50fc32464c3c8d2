"""What a charge tells of a payment: how it was paid, what came back, what it settled to."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from gateway.projections.values import amount, amounts, at, currency_code, cut, identifier, link, moment, texts
from gateway.records import Json

TEXTS = {
    "Method_Type__c": ("payment_method_details.type", 40),
    "Failure_Code__c": ("failure_code", 80),
    "Failure_Message__c": ("failure_message", 255),
}
LENGTHS = {"Method_Summary__c": 80, "Receipt_Url__c": 2048}
SETTLED = {"Settlement_Amount__c": "amount", "Fee__c": "fee", "Net__c": "net"}
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


def charge_fields(charge: Json, currency: Json) -> dict[str, Json]:
    """
    Fields from the charge; nothing when only its id is known, because that must not clear what is already there.

    No charge at all (None) is known: nothing was received and nothing can be refunded.
    """
    if isinstance(charge, str):
        return {}
    known: Mapping[str, Json] = charge or {}
    made = known.get("status") == "succeeded"
    captured = known.get("amount_captured") or 0 if made else 0
    refunded = known.get("amount_refunded") or 0
    return {
        **texts(known, TEXTS),
        **_settlement(known.get("balance_transaction")),
        "Amount_Refunded__c": amount(refunded, currency),
        "Amount_Refundable__c": amount(captured - refunded, currency),
        "Method_Summary__c": cut(method_summary(known.get("payment_method_details")), LENGTHS["Method_Summary__c"]),
        "Disputed__c": bool(known.get("disputed")),
        "Succeeded_At__c": moment(known.get("created")) if made else None,
        "Receipt_Url__c": link(known.get("receipt_url"), LENGTHS["Receipt_Url__c"]),
    }


def method_summary(details: Json) -> str | None:
    """``Visa ending 4242``: brand and last four digits; nothing else of a card is ever taken over."""
    kind = at(details, "type")
    if not kind:
        return None
    brand, last4 = at(details, f"{kind}.brand"), at(details, f"{kind}.last4")
    name = BRANDS.get(brand, str(brand).title()) if brand else str(kind).replace("_", " ").capitalize()
    return f"{name[:40]} ending {str(last4)[-4:]}" if last4 else name


def _settlement(transaction: Json) -> dict[str, Json]:
    if isinstance(transaction, str):
        return {"Balance_Transaction_Id__c": transaction}
    settled: Mapping[str, Json] = transaction or {}
    rate = settled.get("exchange_rate")
    return {
        **amounts(settled, SETTLED, settled.get("currency")),
        "Settlement_Currency__c": currency_code(settled.get("currency")),
        "Exchange_Rate__c": None if rate is None else round(Decimal(str(rate)), 9),
        "Balance_Transaction_Id__c": identifier(transaction),
    }
