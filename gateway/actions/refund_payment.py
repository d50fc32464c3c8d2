"""refund-payment: give back all or part of one payment, never more than was paid. One call that moves money."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.actions import Action, Amount, Charge, Context, CurrencyCode, Reads, Request, metadata
from gateway.errors import Rejected
from gateway.ids import stripe_id
from gateway.money import Money, written
from gateway.records import Json, Lookup, Plan, Step


class RefundPayment(Request):
    """Members of refund-payment: the payment by intent, charge or invoice; default: the record's only payment."""

    examples = (
        {"record_id": "5005g00000AbCdEAAV", "payment_intent": "pi_3ExampleOfAPayment", "amount": "25.00",
         "currency": "USD", "reason": "requested_by_customer", "request_key": "7f0c1f6e-5d0e-4a51-9d2b-5f0d3c6c1a11"},
    )  # fmt: skip

    payment_intent: str | None = Field(None, description="The payment, pi_…; this, charge or invoice")
    charge: str | None = Field(None, description="The payment, ch_… or py_…")
    invoice: str | None = Field(None, description="The paid invoice, in_…")
    amount: Amount | None = Field(None, description="Default: everything that is left")
    currency: CurrencyCode | None = Field(None, description="Checked against the payment's")
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = Field(
        None, description="Stripe's word for why; fraudulent also blocks the card"
    )
    note: str | None = Field(None, max_length=500, description="For the books: kept with the refund at Stripe")


def check(request: RefundPayment) -> None:
    """At most one reference, each of the right kind."""
    named = [x for x in (request.payment_intent, request.charge, request.invoice) if x is not None]
    if len(named) > 1:
        raise Rejected("ambiguous_payment", "Send payment_intent, charge or invoice, only one.", field="charge")
    if request.payment_intent is not None:
        stripe_id(request.payment_intent, "pi", field="payment_intent")
    if request.charge is not None:
        stripe_id(request.charge, "ch", "py", field="charge")
    if request.invoice is not None:
        stripe_id(request.invoice, "in", field="invoice")
    if request.amount is not None and written(request.amount) <= 0:
        raise _not_positive()
    if request.amount is not None and request.currency is not None:
        Money.parse(request.amount, request.currency)


def plan(request: RefundPayment, context: Context) -> Plan:
    """Amount against what is left; disputed charges are refused, because Stripe takes that money itself."""
    charge = context.charge
    if charge is None:
        raise Rejected("no_payment", "There is no payment to refund on this record.", http_status=200)
    if charge.disputed:
        raise Rejected(
            "charge_disputed", "The payment is disputed: answer the dispute instead of refunding it.", http_status=200
        )
    if request.currency and request.currency.lower() != charge.currency:
        raise Rejected(
            "currency_differs", f"The payment was in {charge.currency.upper()}.", field="currency", http_status=200
        )
    left = charge.captured - sum(amount for _, _, amount in charge.refunds)
    money = _amount(request, charge, left)
    return Plan(
        action=ACTION.name,
        entity=context.entity.name,
        steps=(_step(request, context, charge, money),),
        content={"entity": context.entity.name, "charge": charge.id, "amount": money.minor, "currency": money.currency},
        summary={
            "amount": money.text,
            "currency": money.currency.upper(),
            "paid": Money(charge.captured, charge.currency).text,
            "remaining": Money(left - money.minor, charge.currency).text,
            "warnings": ["Fraudulent also blocks the card and address."] if request.reason == "fraudulent" else [],
        },
        result="refund",
        holes={"charge": charge.id},
        amount_minor=money.minor,
        currency=money.currency,
    )


def _not_positive() -> Rejected:
    return Rejected("invalid_amount", "The amount must be above 0.", field="amount")


def _amount(request: RefundPayment, charge: Charge, left: int) -> Money:
    if left <= 0:
        raise Rejected("nothing_to_refund", "Everything paid has been refunded already.", http_status=200)
    if request.amount is None:
        return Money(left, charge.currency)
    money = Money.parse(request.amount, charge.currency)
    if money.minor <= 0:
        raise _not_positive()
    if money.minor > left:
        raise Rejected(
            "refund_too_large", f"Only {Money(left, charge.currency)} can still be refunded.", field="amount",
            http_status=200,
        )  # fmt: skip
    return money


def _step(request: RefundPayment, context: Context, charge: Charge, money: Money) -> Step:
    params: dict[str, Json] = {"charge": charge.id, "amount": money.minor, "metadata": metadata(context, "refund")}
    if request.reason:
        params["reason"] = request.reason
    if request.note:
        params["metadata"] = {**params["metadata"], "sf_note": request.note}
    return Step(
        "refund", "POST", "/v1/refunds", params,
        lookup=Lookup("/v1/refunds", {"charge": charge.id}), saves={"refund": "id"}, money=True, use="refund",
    )  # fmt: skip


ACTION = Action(
    name="refund-payment",
    label="Refund payment",
    request=RefundPayment,
    reads=lambda request: Reads(source=False, charge=True),
    check=check,
    plan=plan,
    stripe="refund",
    sobjects=("Account", "Contact", "Opportunity", "Order", "Quote", "Case"),
    money_out=True,
    result={"stripe_id": "id", "stripe_status": "status"},
    columns={
        "Requested_Amount__c": "amount",
        "Requested_Currency__c": "currency",
        "Payment_Id__c": "payment",
        "Refund_Reason__c": "reason",
        "Description__c": "note",
    },
    done="{amount} {currency} is being refunded.",
)
