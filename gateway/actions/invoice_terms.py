"""What an invoice is over: currency, lines, portion, reference, due date, and what has been invoiced before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gateway.actions import Context, NeedsSource
from gateway.actions import lines as line_items
from gateway.actions.lines import Line
from gateway.errors import Rejected
from gateway.money import Money, exponent, minimum, nearest
from gateway.records import Json

RequestModel = Any  # SendInvoice; named here it would be a circle
MOST_LINES = 250  # Stripe: line items of an invoice
LONGEST_TERM = 3650  # days; ours: Stripe names no limit, and what lies further ahead is a typing error


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


def resolve(request: RequestModel, context: Context) -> Terms:
    """Currency, lines and portion; refuses what is empty or below Stripe's minimum."""
    _read_what_is_mapped(request, context)
    currency = currency_of(request.currency, context)
    whole = _lines(request, context, currency)
    lines = _less(_portion(request, context, whole, currency), request.discount_amount, currency)
    if len(lines) > MOST_LINES:
        raise Rejected(
            "too_many_lines",
            f"Stripe takes {MOST_LINES} lines per invoice, these are {len(lines)}: invoice them in parts, "
            "each with its own line_ids.",
            field="lines" if request.lines else "line_ids", http_status=200,
        )  # fmt: skip
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
        automatic_tax=_automatic_tax(request, context, lines),
        warnings=_warnings(request, context, line_items.total(whole), currency),
    )


def _read_what_is_mapped(request: RequestModel, context: Context) -> None:
    """A body may be complete without the record, but not where a field of the record is mapped and was not sent."""
    sent = {"po_number": request.po_number, "reference": request.reference}
    sent["due_date"] = request.due_date or request.days_until_due
    if context.source is None and any(name in context.mapped and not value for name, value in sent.items()):
        raise NeedsSource


def currency_of(asked: str | None, context: Context) -> str:
    """The body's, the record's, the entity's; a body that contradicts a record with amounts of its own is refused."""
    source = context.source
    record = source.currency if source else None
    priced = source is not None and (source.amount is not None or source.lines)
    if asked and record and priced and asked.lower() != record.lower():
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


def _automatic_tax(request: RequestModel, context: Context, lines: tuple[Line, ...]) -> bool:
    """Rates that were sent, for the invoice or a line, stand above the entity's default."""
    if request.automatic_tax is not None:
        return bool(request.automatic_tax)
    return context.entity.automatic_tax and not request.tax_rates and not any(x.tax_rates for x in lines)


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
        raise Rejected("nothing_to_invoice", "The record has no products: add some, or start from the opportunity, order or quote that has them.", http_status=200)
    return line_items.from_source(chosen, currency)


def _portion(request: RequestModel, context: Context, lines: tuple[Line, ...], currency: str) -> tuple[Line, ...]:
    name = context.source.name if context.source else "the order"
    if request.portion_percent is not None:
        percent = line_items.number(request.portion_percent, "portion_percent")
        if not 0 < percent <= 100:
            raise Rejected("invalid_portion", "A portion is above 0 and at most 100 %.", field="portion_percent")
        share = nearest(line_items.total(lines) * percent / 100, currency)
        text = f"{format(percent.normalize(), 'f')} % of {name}"
        return (_like(lines, text, share.minor, "portion_percent"),)
    if request.portion_amount is not None:
        money = Money.parse(request.portion_amount, currency, field="portion_amount")
        if money.minor > line_items.total(lines):
            raise Rejected("invalid_portion", "The portion is larger than the record's total.", field="portion_amount")
        return (_like(lines, f"Part of {name}", money.minor, "portion_amount"),)
    return lines


def _less(lines: tuple[Line, ...], discount: str | int | Decimal | None, currency: str) -> tuple[Line, ...]:
    if discount is None:
        return lines
    money = Money.parse(discount, currency, field="discount_amount")
    if not money.minor:
        return lines
    line = _like(lines, "Discount", -money.minor, "discount_amount")
    if line.tax_code:
        raise _mixed("Stripe takes no tax_code for a discount: take it off the lines instead.", "discount_amount")
    return (*lines, line)


def _like(lines: tuple[Line, ...], text: str, minor: int, field: str) -> Line:
    """One line for all of them, taxed as they are."""
    taxed = {(line.tax_rates, line.tax_code) for line in lines if line.minor}
    if len(taxed) > 1:
        raise _mixed("The lines are taxed differently, so no single line can stand for them all.", field)
    tax_rates, tax_code = taxed.pop() if taxed else ((), None)
    return Line(text[:500], minor, tax_rates=tax_rates, tax_code=tax_code)


def _mixed(words: str, field: str) -> Rejected:
    return Rejected("mixed_tax", f"{words} Send the lines as they are to be invoiced.", field=field)


def _warnings(request: RequestModel, context: Context, minor: int, currency: str) -> tuple[str, ...]:
    amount = context.source.amount if context.source else None
    if amount is None or request.lines or request.line_ids:
        return ()
    if amount.scaleb(exponent(currency)) == minor:
        return ()
    return (f"The record's amount is {amount:f}, its lines add up to {Money(minor, currency).text}.",)


def due_params(request: RequestModel, context: Context) -> dict[str, Json]:
    """Sent, mapped or configured: ``due_date`` as the end of that day in the entity's time zone, ``days_until_due``."""
    zone = ZoneInfo(context.entity.time_zone)
    mapped = context.source.due if context.source and request.days_until_due is None else None
    text = request.due_date or mapped
    if text is None:
        return {"days_until_due": request.days_until_due or context.entity.days_until_due}
    where = "due_date" if request.due_date else "The record's due date"
    try:
        day = datetime.fromisoformat(text).astimezone(zone).date() if "T" in text else date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Rejected("invalid_due_date", f"{where} is not a date (YYYY-MM-DD).", field="due_date") from None
    latest = datetime.fromtimestamp(context.now, zone).date() + timedelta(days=LONGEST_TERM)
    if day > latest:
        words = f"{where} is {day}: too far away, the latest is {latest}. Correct it."
        raise Rejected("invalid_due_date", words, field="due_date")
    end = datetime.combine(day, time(23, 59, 59), zone).timestamp()
    if end <= context.now:
        raise Rejected(
            "due_date_past", f"The due date {day} is in the past: correct it, or send another one.", field="due_date",
            http_status=200,
        )  # fmt: skip
    return {"due_date": int(end)}


def invoiced(request: RequestModel, context: Context, terms: Terms) -> dict[str, Json]:
    """Invoiced so far, this one, and what remains of the record, for the preview; currencies are never added up."""
    so_far: dict[str, int] = {}
    for live in context.live:
        if live.status in {"open", "paid", "uncollectible"} and not (request.replace and live.status != "paid"):
            code = str(live.shown.get("currency", terms.currency)).lower()
            so_far[code] = so_far.get(code, 0) + live.shown.get("minor", 0)
    same = so_far.pop(terms.currency, 0)
    shown: dict[str, Json] = {"invoiced_so_far": Money(same, terms.currency).text}
    if so_far:
        shown["invoiced_in_other_currencies"] = [str(Money(minor, code)) for code, minor in sorted(so_far.items())]
    whole = context.source.amount if context.source else None
    if whole is not None:
        left = int(whole.scaleb(exponent(terms.currency))) - same - terms.minor
        shown["remaining"] = Money(left, terms.currency).text
    return shown
