"""create-payment-link: a page where the record is paid, once unless asked otherwise. One call."""

from __future__ import annotations

from pydantic import Field

from gateway.actions import Action, Amount, Context, CurrencyCode, NeedsSource, Reads, Request, Text, metadata
from gateway.actions import lines as line_items
from gateway.actions.invoice_terms import currency_of
from gateway.actions.lines import Line, LineRequest
from gateway.errors import Rejected
from gateway.money import Money, minimum
from gateway.records import Json, Lookup, Plan, Step, StepKind

_MOST_LINES = 20  # Stripe: line_items of a payment link


class CreatePaymentLink(Request):
    """Members of create-payment-link: an amount, lines, or the record's own products."""

    examples = (
        {"record_id": "0065g00000AbCdEAAV"},
        {"record_id": "0065g00000AbCdEAAV", "amount": "249.00", "currency": "USD", "description": "Deposit"},
    )

    currency: CurrencyCode | None = Field(None, description="ISO code; default: the record's, then the entity's")
    amount: Amount | None = Field(None, description="What is to be paid, in major units; default: the record's lines")
    description: Text | None = Field(None, description="What is paid for; default: the record's name")
    lines: list[LineRequest] = Field(
        default_factory=list, max_length=_MOST_LINES, description="What is sold; default: the record's own products"
    )
    reusable: bool = Field(False, description="May be paid more than once")
    automatic_tax: bool | None = Field(None, description="Let Stripe Tax work out the tax; default: the entity's")


def check(request: CreatePaymentLink) -> None:
    """An amount or lines, amounts that are amounts, and no tax rates: a link takes only automatic tax."""
    if request.lines and request.amount is not None:
        raise Rejected("invalid_line", "Send amount or lines, not both.", field="amount")
    for n, line in enumerate(request.lines):
        if line.tax_rates:
            raise Rejected(
                "invalid_tax", "A payment link takes no tax_rates: send automatic_tax, or an invoice.",
                field=f"lines[{n}].tax_rates",
            )  # fmt: skip
    if request.currency is not None:
        currency = Money.parse("0", request.currency, field="currency").currency
        line_items.from_body(request.lines, currency)
        if request.amount is not None:
            Money.parse(request.amount, currency)


def reads(request: CreatePaymentLink) -> Reads:
    """Nothing is read where amount or lines, currency and what it is for are in the body."""
    complete = (request.lines or (request.amount is not None and request.description)) and request.currency
    return Reads(source=not complete, live="payment_link")


def plan(request: CreatePaymentLink, context: Context) -> Plan:
    """Old links of the record with other content are switched off first: never two that can be paid."""
    currency = currency_of(request.currency, context)
    lines = _lines(request, context, currency)
    minor = line_items.total(lines)
    if minor < minimum(currency).minor or any(x.minor <= 0 for x in lines):
        raise Rejected(
            "amount_too_small", f"A payment link needs lines above 0 and at least {minimum(currency)}.", http_status=200
        )
    return Plan(
        action=ACTION.name,
        entity=context.entity.name,
        steps=(*_switched_off(context), _create(request, context, lines, currency)),
        content={
            "entity": context.entity.name,
            "lines": line_items.content(lines),
            "currency": currency,
            "reusable": request.reusable,
            "tax": _automatic_tax(request, context),
        },
        summary={
            "lines": line_items.shown(lines, currency),
            "total": Money(minor, currency).text,
            "currency": currency.upper(),
            "reusable": request.reusable,
            "warnings": [],
        },
        result="payment_link",
        amount_minor=minor,
        currency=currency,
    )


def _lines(request: CreatePaymentLink, context: Context, currency: str) -> tuple[Line, ...]:
    if request.lines:
        return line_items.from_body(request.lines, currency)
    source = context.source
    if source is None and not (request.amount is not None and request.description):
        raise NeedsSource
    name = request.description or (source.name if source else "")
    if request.amount is not None:
        return (Line(name[:500], Money.parse(request.amount, currency).minor),)
    if source is not None and source.lines:
        lines = line_items.from_source(source.lines, currency)
        return lines if len(lines) <= _MOST_LINES else (Line(name[:500], line_items.total(lines)),)
    if source is None or source.amount is None:
        raise Rejected("nothing_to_pay", "The record has no amount: send amount.", field="amount", http_status=200)
    return (Line(name[:500], Money.parse(source.amount, currency).minor),)


# What a one-time link that is switched off must say, absent for a reusable one: paid meanwhile, it gets no successor.
_UNPAID: dict[str, tuple[Json, str]] = {"restrictions.completed_sessions.count": ([0, None], "link_paid")}


def _switched_off(context: Context) -> tuple[Step, ...]:
    return tuple(
        Step(
            f"deactivate_{n}" if n else "deactivate",
            "POST",
            f"/v1/payment_links/{live.stripe_id}",
            {"active": False},
            StepKind.STATE,
            Lookup(f"/v1/payment_links/{live.stripe_id}", done_when={"active": (False,)}),
            saves={f"deactivated_{n}" if n else "deactivated": "id"},
            expect=_UNPAID,
            remains="An earlier payment link of the record is switched off.",
        )
        for n, live in enumerate(context.live)
        if live.status == "active"
    )


def _create(request: CreatePaymentLink, context: Context, lines: tuple[Line, ...], currency: str) -> Step:
    told = metadata(context, "payment_link")
    params: dict[str, Json] = {
        "line_items": [_item(line, currency) for line in lines],
        "metadata": told,
        # The payment carries the same, so that it leads back to the record without the link.
        "payment_intent_data": {"metadata": told},
        "expand": ["line_items"],  # a link has no amount of its own: the row in Salesforce takes it from these
    }
    if request.description:
        params["payment_intent_data"]["description"] = request.description
    if not request.reusable:
        params["restrictions"] = {"completed_sessions": {"limit": 1}}
    if _automatic_tax(request, context):
        params["automatic_tax"] = {"enabled": True}
    return Step(
        "payment_link", "POST", "/v1/payment_links", params,
        lookup=Lookup("/v1/payment_links", {}), saves={"payment_link": "id"},
    )  # fmt: skip


def _automatic_tax(request: CreatePaymentLink, context: Context) -> bool:
    return context.entity.automatic_tax if request.automatic_tax is None else request.automatic_tax


def _item(line: Line, currency: str) -> dict[str, Json]:
    price = line_items.price_data(line, currency)
    if line.source_id:  # a line of a link has no metadata of its own
        price["product_data"]["metadata"] = {"sf_line_id": line.source_id}
    return {"quantity": line.quantity, "price_data": price}


ACTION = Action(
    name="create-payment-link",
    label="Create payment link",
    request=CreatePaymentLink,
    reads=reads,
    check=check,
    plan=plan,
    stripe="payment_link",
    sobjects=("Account", "Contact", "Opportunity", "Order", "Quote", "Case"),
    result={"stripe_id": "id", "url": "url"},
    columns={
        "Requested_Amount__c": "amount",
        "Requested_Currency__c": "currency",
        "Description__c": "description",
        "Reusable_Link__c": "reusable",
        "Lines_Json__c": "lines",
    },
    done="The payment link over {amount} {currency} is ready.",
)
