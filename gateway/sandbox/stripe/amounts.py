"""
What an invoice adds up to: discounts, taxes, totals. Pure functions over lines.

Discounts of a line come before those of the invoice; an invoice's discount is spread over its discountable lines; tax
is taken on what is left, rounded per line. Exclusive tax is added to the total, inclusive tax is contained in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from gateway.sandbox.stripe.ledger import Line
from gateway.sandbox.stripe.tables import Row

Lookup = Callable[[str], Row]


@dataclass(frozen=True)
class Totals:
    """The amounts an invoice shows, in minor units."""

    subtotal: int
    discounts: list[Row]
    taxes: list[Row]
    total: int
    total_excluding_tax: int
    subtotal_excluding_tax: int


@dataclass(frozen=True)
class Rules:
    """``coupon_of``: discount id → coupon; ``rate_of``: rate id → tax rate; ``reason``: why tax is (not) taken."""

    invoice_discounts: Sequence[str]
    default_rates: tuple[str, ...]
    coupon_of: Lookup
    rate_of: Lookup
    reason: str = "standard_rated"
    taxed: bool = True


def half_up(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def off(coupon: Row, base: int) -> int:
    if base <= 0:
        return 0
    if coupon["percent_off"] is not None:
        return min(base, half_up(base * Decimal(str(coupon["percent_off"])) / 100))
    return min(base, int(coupon["amount_off"]))


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in shares proportional to the weights, exactly: the largest remainders get the odd units."""
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for position in by_remainder[: total - sum(shares)]:
        shares[position] += 1
    return shares


def discounted(lines: Sequence[Line], rules: Rules) -> list[list[Row]]:
    """The ``discount_amounts`` of every line."""
    amounts: list[list[Row]] = []
    left: list[int] = []
    for line in lines:
        remaining, taken = line.row["amount"], []
        for discount in line.row["discounts"]:
            part = off(rules.coupon_of(discount), remaining)
            taken.append({"amount": part, "discount": discount})
            remaining -= part
        amounts.append(taken)
        left.append(max(0, remaining) if line.row["discountable"] else 0)
    for discount in rules.invoice_discounts:
        shares = spread(off(rules.coupon_of(discount), sum(left)), left)
        for position, share in enumerate(shares):
            if share:
                amounts[position].append({"amount": share, "discount": discount})
                left[position] -= share
    return amounts


def taxes_on(base: int, line: Line, rules: Rules) -> list[Row]:
    rates = [rules.rate_of(rate) for rate in line.rates or rules.default_rates]
    if not rates:
        return []
    contained = sum(Decimal(str(rate["percentage"])) for rate in rates if rate["inclusive"] or line.inclusive)
    net = base / (1 + contained / 100) if contained else Decimal(base)
    result = []
    for rate in rates:
        inclusive = rate["inclusive"] or line.inclusive
        amount = half_up(net * Decimal(str(rate["percentage"])) / 100) if rules.taxed else 0
        result.append(
            {
                "amount": amount,
                "tax_behavior": "inclusive" if inclusive else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": rules.reason,
                "taxable_amount": half_up(net),
                "type": "tax_rate_details",
            }
        )
    return result


def priced(lines: Sequence[Line], rules: Rules) -> tuple[list[Line], Totals]:
    """The lines with their discount and tax amounts, and the invoice's totals."""
    result = []
    for line, taken in zip(lines, discounted(lines, rules), strict=True):
        base = line.row["amount"] - sum(entry["amount"] for entry in taken)
        row = {**line.row, "discount_amounts": taken, "taxes": taxes_on(base, line, rules)}
        result.append(replace(line, row=row))
    return result, totals(result, rules)


def totals(lines: Sequence[Line], rules: Rules) -> Totals:
    subtotal = sum(line.row["amount"] for line in lines)
    per_discount: dict[str, int] = {}
    per_tax: dict[tuple[str, str], Row] = {}
    before_discount = 0
    for line in lines:
        for entry in line.row["discount_amounts"]:
            per_discount[entry["discount"]] = per_discount.get(entry["discount"], 0) + entry["amount"]
        for tax in line.row["taxes"]:
            key = (tax["tax_rate_details"]["tax_rate"], tax["tax_behavior"])
            known = per_tax.get(key)
            per_tax[key] = (
                tax
                if known is None
                else {
                    **known,
                    "amount": known["amount"] + tax["amount"],
                    "taxable_amount": known["taxable_amount"] + tax["taxable_amount"],
                }
            )
        before_discount += sum(t["amount"] for t in taxes_on(line.row["amount"], line, rules) if contained(t))
    taxes = list(per_tax.values())
    exclusive = sum(tax["amount"] for tax in taxes if not contained(tax))
    total = subtotal - sum(per_discount.values()) + exclusive
    return Totals(
        subtotal=subtotal,
        discounts=[{"amount": amount, "discount": discount} for discount, amount in per_discount.items()],
        taxes=taxes,
        total=total,
        total_excluding_tax=total - sum(tax["amount"] for tax in taxes),
        subtotal_excluding_tax=subtotal - before_discount,
    )


def contained(tax: Row) -> bool:
    return bool(tax["tax_behavior"] == "inclusive")
