"""Lines: what is sold, frozen in minor units, and how Stripe is told. The sum is exactly what Salesforce shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from gateway.actions import Amount, SalesforceId, Text
from gateway.errors import Rejected
from gateway.money import Money, exponent, nearest
from gateway.records import Json, Lookup
from gateway.sources import SourceLine

_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,24})?", re.ASCII)
_STRIPE_TEXT = 500  # longest line description Stripe takes


class LineRequest(BaseModel):
    """
    A line in the body: ``amount``, or ``quantity`` and ``unit_price``. A ``discount_percent`` goes with the latter and
    is rounded once, half up, to what the currency can express.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    description: Text = Field(description="What is sold")
    amount: Amount | None = Field(None, description="The whole line, in major units; or quantity and unit_price")
    quantity: Amount | None = Field(None, description="How many; default: 1")
    unit_price: Amount | None = Field(None, description="Price of one, in major units; may have up to 12 decimals")
    discount_percent: Amount | None = Field(None, description="Taken off quantity × unit_price, 0 to 100")
    tax_code: str | None = Field(None, pattern=r"^txcd_[0-9]{8}$", description="Stripe's code of what is sold")
    tax_rates: list[str] = Field(default_factory=list, max_length=5, description="Tax rates of this line, txr_…")
    line_id: SalesforceId | None = Field(None, description="Id of the line in Salesforce, kept at Stripe")


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line as it will be invoiced. ``unit`` is the exact price of one in minor units (may be fractional) where
    ``quantity × unit`` is exactly ``minor``; otherwise None and the line is sent as one amount.
    """

    text: str
    minor: int
    quantity: int = 1
    unit: Decimal | None = None
    tax_code: str | None = None
    tax_rates: tuple[str, ...] = ()
    source_id: str | None = None


def from_body(lines: Sequence[LineRequest], currency: str) -> tuple[Line, ...]:
    """Lines the caller sent, each checked; the field named in a refusal is ``lines[2].unit_price``."""
    return tuple(_body_line(line, currency, f"lines[{n}]") for n, line in enumerate(lines))


def from_source(lines: Sequence[SourceLine], currency: str) -> tuple[Line, ...]:
    """Lines of the record; what each costs is its TotalPrice."""
    return tuple(_source_line(line, currency) for line in lines)


def total(lines: Sequence[Line]) -> int:
    """The sum in minor units."""
    return sum(line.minor for line in lines)


def _body_line(line: LineRequest, currency: str, field: str) -> Line:
    common = {"tax_code": line.tax_code, "tax_rates": tuple(line.tax_rates), "source_id": line.line_id}
    if line.amount is not None:
        return _whole_line(line, currency, field, common)
    if line.unit_price is None:
        raise Rejected("invalid_line", "A line needs amount, or quantity and unit_price.", field=f"{field}.unit_price")
    quantity = number(line.quantity if line.quantity is not None else 1, f"{field}.quantity")
    unit = number(line.unit_price, f"{field}.unit_price")
    percent = number(line.discount_percent or 0, f"{field}.discount_percent")
    if quantity <= 0 or not 0 <= percent <= 100:
        raise Rejected("invalid_line", "Quantity must be above 0, a discount 0 to 100 %.", field=f"{field}.quantity")
    return _taxable(_priced(line.description, quantity, unit, percent, None, currency, field, common), field)


def _whole_line(line: LineRequest, currency: str, field: str, common: dict[str, Json]) -> Line:
    if line.unit_price is not None or line.quantity is not None:
        raise Rejected("invalid_line", "Send either amount or quantity and unit_price.", field=f"{field}.amount")
    if line.discount_percent is not None:
        raise Rejected(
            "invalid_line", "amount is what the line costs: send quantity and unit_price with a discount_percent.",
            field=f"{field}.discount_percent",
        )  # fmt: skip
    money = Money.parse(line.amount, currency, allow_negative=True, field=f"{field}.amount")
    return _taxable(Line(line.description[:_STRIPE_TEXT], money.minor, **common), field)


def _taxable(line: Line, field: str) -> Line:
    if line.minor < 0 and line.tax_code:
        raise Rejected("invalid_line", "Stripe takes no tax_code for a line below 0.", field=f"{field}.tax_code")
    return line


def _source_line(line: SourceLine, currency: str) -> Line:
    text = line.name if not line.description or line.description == line.name else f"{line.name} – {line.description}"
    return _priced(
        text, line.quantity, line.unit_price, line.discount_percent or Decimal(0), line.total, currency,
        "lines", {"source_id": line.source_id},
    )  # fmt: skip


def _priced(
    text: str, quantity: Decimal, unit: Decimal, percent: Decimal, known_total: Decimal | None, currency: str,
    field: str, common: dict[str, Json],
) -> Line:  # fmt: skip
    gross = quantity * unit
    exact = gross if not percent else _rounded(gross * (100 - percent) / 100, currency)
    money = Money.parse(
        _plain(exact if known_total is None else known_total), currency, allow_negative=True, field=field
    )
    minor_unit = unit.scaleb(exponent(currency))
    whole = quantity == quantity.to_integral_value()
    if whole and minor_unit * quantity == money.minor:
        return Line(text[:_STRIPE_TEXT], money.minor, int(quantity), minor_unit, **common)
    detail = f" ({_plain(quantity)} × {_plain(unit)}" + (f" less {_plain(percent)} %" if percent else "") + ")"
    return Line(text[: _STRIPE_TEXT - len(detail)] + detail, money.minor, **common)


def _rounded(value: Decimal, currency: str) -> Decimal:
    return nearest(value.scaleb(exponent(currency)), currency).decimal


def _plain(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return "0" if text in {"", "-0"} else text


def number(value: Amount, field: str) -> Decimal:
    """A plain decimal with at most 12 decimals; exponents, NaN and other things Decimal() takes are refused."""
    text = str(value)
    body = text.removeprefix("-").replace(".", "", 1)
    if (
        not (body.isascii() and body.isdigit() and len(body) <= 24)
        or text.startswith((".", "-."))
        or text.endswith(".")
    ):
        raise Rejected("invalid_amount", f"{field} must be a plain decimal number.", field=field)
    parsed = Decimal(text)
    if isinstance(exponent_ := parsed.as_tuple().exponent, int) and exponent_ < -12:
        raise Rejected("invalid_amount", f"{field} has more than 12 decimals.", field=field)
    return parsed


def invoice_lines(lines: Sequence[Line], currency: str) -> list[Json]:
    """``lines`` of ``POST /v1/invoices/{id}/add_lines``; negative ones as plain amounts, which price_data refuses."""
    return [_invoice_line(line, currency) for line in lines]


def lookup(subtotal: int, count: int) -> Lookup:
    """How a draft tells that it has the first ``count`` lines; their sum alone does not, where the last add up to 0."""
    path = "/v1/invoices/{invoice}"
    return Lookup(path, done_when={"subtotal": (subtotal,)}, count=(f"{path}/lines", count))


def _invoice_line(line: Line, currency: str) -> dict[str, Json]:
    params: dict[str, Json] = {"description": line.text}
    if line.minor < 0:
        params["amount"] = line.minor
    else:
        params |= {"quantity": line.quantity, "price_data": price_data(line, currency)}
    if line.tax_rates:
        params["tax_rates"] = list(line.tax_rates)
    if line.source_id:
        params["metadata"] = {"sf_line_id": line.source_id}
    return params


def price_data(line: Line, currency: str) -> dict[str, Json]:
    """An inline price: whole minor units where possible, else ``unit_amount_decimal`` (up to 12 decimals)."""
    product: dict[str, Json] = {"name": line.text}
    if line.tax_code:
        product["tax_code"] = line.tax_code
    unit = Decimal(line.minor) if line.unit is None else line.unit
    if unit == unit.to_integral_value():
        return {"currency": currency, "product_data": product, "unit_amount": int(unit)}
    return {"currency": currency, "product_data": product, "unit_amount_decimal": _plain(unit)}


def content(lines: Sequence[Line]) -> list[Json]:
    """What the guard compares: amounts and how they are taxed, no texts."""
    return [
        [line.minor, line.quantity, line.source_id or "", *sorted(line.tax_rates), *filter(None, [line.tax_code])]
        for line in lines
    ]


def shown(lines: Sequence[Line], currency: str) -> list[Json]:
    """What a preview shows of the lines."""
    return [{"description": x.text, "quantity": x.quantity, "amount": Money(x.minor, currency).text} for x in lines]
