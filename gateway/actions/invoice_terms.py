"""What an invoice is over and who gets it: currency, lines, portion, reference, recipient, due date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gateway.actions import Context, NeedsSource
from gateway.actions import lines as line_items
from gateway.actions.customers import email
from gateway.actions.lines import Line
from gateway.errors import Rejected
from gateway.money import Money, exponent, minimum
from gateway.records import Json, Lookup, Step, StepKind
from gateway.sources import BillTo

RequestModel = Any  # SendInvoice; named here it would be a circle


@dataclass(frozen=True, slots=True)
class Terms:
    """The frozen business content; ``minor`` is the sum before exclusive tax."""

    currency: str
    lines: tuple[Line, ...]
    minor: int
    reference: str | None
    po_number: str | None
    automatic_tax: bool
    warnings: tuple[str, ...] = ()


RECIPIENT = "recipient"  # steps of this name change whom Stripe mails to
MAILED_TO = "invoice.recipient"  # hole: whether Stripe has the recipient's address for the invoice


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    Who gets the invoice, and why. ``confirmed``: chosen by the caller, or shown and confirmed, so Stripe's customer is
    given this address if it has another one; where it is not, an invoice to another address is not made.
    """

    email: str
    why: str
    candidates: list[Json]
    confirmed: bool
    warnings: tuple[str, ...] = ()


def resolve(request: RequestModel, context: Context) -> Terms:
    """Currency, lines and portion; refuses what is empty or below Stripe's minimum."""
    currency = currency_of(request.currency, context)
    whole = _lines(request, context, currency)
    lines = _less(_portion(request, context, whole, currency), request.discount_amount, currency)
    minor = line_items.total(lines)
    if minor <= 0 or minor < minimum(currency).minor:
        least = minimum(currency)
        raise Rejected(
            "amount_too_small",
            f"The invoice would be over {Money(minor, currency)}; Stripe's minimum is {least}. Check the lines.",
            http_status=200,
        )
    source = context.source
    return Terms(
        currency,
        lines,
        minor,
        reference=request.reference or (source.reference if source else None),
        po_number=request.po_number or (source.po_number if source else None),
        automatic_tax=_automatic_tax(request, context),
        warnings=_warnings(request, context, line_items.total(whole), currency),
    )


def currency_of(asked: str | None, context: Context) -> str:
    """The body's, the record's, the entity's; a body that contradicts the record is refused."""
    record = context.source.currency if context.source else None
    if asked and record and asked.lower() != record.lower():
        raise Rejected(
            "currency_differs", f"The record is in {record}, the request in {asked.upper()}.", field="currency",
            http_status=200,
        )  # fmt: skip
    code = asked or record or context.entity.default_currency
    if not code:
        raise Rejected(
            "no_currency", "Neither the record nor the entity names a currency: send currency.", field="currency"
        )
    return Money.parse("0", code, field="currency").currency


def _automatic_tax(request: RequestModel, context: Context) -> bool:
    if request.automatic_tax is not None:
        return bool(request.automatic_tax)
    return context.entity.automatic_tax and not request.tax_rates


def _lines(request: RequestModel, context: Context, currency: str) -> tuple[Line, ...]:
    if request.lines:
        return line_items.from_body(request.lines, currency)
    if context.source is None:
        raise NeedsSource
    chosen = context.source.lines
    if request.line_ids:
        wanted = {text[:15] for text in request.line_ids}
        chosen = tuple(x for x in chosen if x.source_id[:15] in wanted)
        if len(chosen) != len(wanted):
            raise Rejected("unknown_line", "A chosen line is not on the record: reload it.", field="line_ids")
    if not chosen and context.source.amount is not None and not request.line_ids:
        minor = Money.parse(context.source.amount, currency, field="amount").minor
        return (Line(context.source.name[:500], minor, source_id=context.ref.record_id),)
    if not chosen:
        raise Rejected("nothing_to_invoice", "The record has no products: add some, or send lines.", http_status=200)
    return line_items.from_source(chosen, currency)


def _portion(request: RequestModel, context: Context, lines: tuple[Line, ...], currency: str) -> tuple[Line, ...]:
    name = context.source.name if context.source else "the order"
    if request.portion_percent is not None:
        percent = line_items.number(request.portion_percent, "portion_percent")
        if not 0 < percent <= 100:
            raise Rejected("invalid_portion", "A portion is above 0 and at most 100 %.", field="portion_percent")
        share = (Decimal(line_items.total(lines)) * percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return (Line(f"{format(percent.normalize(), 'f')} % of {name}"[:500], int(share)),)
    if request.portion_amount is not None:
        money = Money.parse(request.portion_amount, currency, field="portion_amount")
        if money.minor > line_items.total(lines):
            raise Rejected("invalid_portion", "The portion is larger than the record's total.", field="portion_amount")
        return (Line(f"Part of {name}"[:500], money.minor),)
    return lines


def _less(lines: tuple[Line, ...], discount: str | int | Decimal | None, currency: str) -> tuple[Line, ...]:
    if discount is None:
        return lines
    money = Money.parse(discount, currency, field="discount_amount")
    return (*lines, Line("Discount", -money.minor)) if money.minor else lines


def _warnings(request: RequestModel, context: Context, minor: int, currency: str) -> tuple[str, ...]:
    amount = context.source.amount if context.source else None
    if amount is None or request.lines or request.line_ids:
        return ()
    if amount.scaleb(exponent(currency)) == minor:
        return ()
    return (f"The record's amount is {amount:f}, its lines add up to {Money(minor, currency).text}.",)


def recipient(request: RequestModel, context: Context) -> Recipient:
    """The chosen contact, the address sent, or the first bill-to candidate; none = refused with the candidates."""
    candidates = context.source.bill_to if context.source else ()
    shown: list[Json] = [
        {"contact_id": c.contact_id, "name": c.name, "email": c.email, "why": c.why} for c in candidates
    ]
    address, why = _address(request, candidates)
    if address is None and context.party is not None and context.party.email:
        address, why = context.party.email, "address of the account"
    if address is None:
        raise Rejected(
            "no_recipient",
            "Nobody to send the invoice to: choose a contact, or add a contact role Billing with an e-mail address.",
            field="recipient_email", http_status=200,
        )  # fmt: skip
    confirmed, warnings = _address_at_stripe(request, context)
    return Recipient(str(email(address)), why, shown, confirmed, warnings)


def _address(request: RequestModel, candidates: tuple[BillTo, ...]) -> tuple[str | None, str]:
    if request.recipient_email:
        return request.recipient_email, "sent with the request"
    if request.contact_id:
        chosen = next((c for c in candidates if c.contact_id and c.contact_id[:15] == request.contact_id[:15]), None)
        return (chosen.email, "chosen contact") if chosen else (None, "")
    first = next((c for c in candidates if c.email), None)
    return (first.email, first.why) if first else (None, "")


def _address_at_stripe(request: RequestModel, context: Context) -> tuple[bool, tuple[str, ...]]:
    customer = context.customer
    confirmed = bool(request.recipient_email or request.contact_id or request.preview_token or context.preview)
    if customer is None or customer.stripe_id is None or customer.same_recipient is not False:
        return confirmed, ()
    if not confirmed:
        raise Rejected(
            "recipient_differs",
            "Stripe has another address for this customer: confirm it in the preview or send recipient_email.",
            field="recipient_email", http_status=200,
        )  # fmt: skip
    return confirmed, ("The customer's address at Stripe is another one and will be changed to the recipient's.",)


def address_first(who: Recipient, context: Context) -> tuple[Step, ...]:
    """Where Stripe's customer is known to have another address or none: no invoice to mail is made without one."""
    customer = context.customer
    known = customer is not None and customer.stripe_id is not None and not customer.same_recipient
    return (_address_step(RECIPIENT, who),) if known else ()


def address_again(who: Recipient, undo: Mapping[str, str]) -> tuple[Step, ...]:
    """
    Before an invoice is finalized: Stripe mails to the customer's address, whoever changed it last. Left out by the
    draft's own word that it has the recipient's.
    """
    if not who.confirmed:
        return ()
    return (replace(_address_step(f"{RECIPIENT}_again", who), skip_if={MAILED_TO: ("same",)}, undo=undo),)


def _address_step(name: str, who: Recipient) -> Step:
    return Step(
        name, "POST", "/v1/customers/{customer}", {"email": who.email}, StepKind.STATE,
        lookup=Lookup("/v1/customers/{customer}", done_when={"email": (who.email,)}),
        saves={"customer": "id"}, compares={MAILED_TO: ("email", who.email)},
    )  # fmt: skip


def due_params(request: RequestModel, context: Context) -> dict[str, Json]:
    """``days_until_due``, or ``due_date`` as the end of that day in the entity's time zone."""
    if request.due_date is None:
        return {"days_until_due": request.days_until_due or context.entity.days_until_due}
    try:
        day = date.fromisoformat(request.due_date)
    except ValueError:
        raise Rejected("invalid_due_date", "due_date is not a date (YYYY-MM-DD).", field="due_date") from None
    end = datetime.combine(day, time(23, 59, 59), ZoneInfo(context.entity.time_zone)).astimezone(UTC).timestamp()
    if end <= context.now:
        raise Rejected("due_date_past", f"The due date {day} is in the past.", field="due_date", http_status=200)
    return {"due_date": int(end)}


def invoiced(context: Context, terms: Terms) -> dict[str, Json]:
    """Invoiced so far, this one, and what remains of the record, for the preview."""
    so_far = sum(x.shown.get("minor", 0) for x in context.live if x.status in {"open", "paid", "uncollectible"})
    whole = context.source.amount if context.source else None
    shown: dict[str, Json] = {"invoiced_so_far": Money(so_far, terms.currency).text}
    if whole is not None:
        left = int(whole.scaleb(exponent(terms.currency))) - so_far - terms.minor
        shown["remaining"] = Money(left, terms.currency).text
    return shown
