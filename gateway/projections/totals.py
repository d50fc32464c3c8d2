"""Sums over a record's rows, per currency: amounts of different currencies are never added."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.records import Json, Upsert

Fields = Mapping[str, Json]
NOTHING = Decimal(0)
FINAL = {"Open", "Paid", "Uncollectible"}  # finalized and not void: money that was asked for
GOING_BACK = {"Succeeded", "Pending"}


def _final(row: Fields) -> bool:
    return row.get("Status__c") in FINAL


def _open(row: Fields) -> bool:
    return row.get("Status__c") == "Open"


def _alone(row: Fields) -> bool:
    # Counted with its invoice otherwise, which also knows what was paid outside Stripe; not yet known counts neither.
    return row.get("Stripe_Invoice_Id__c", "not read yet") is None


def _going_back(row: Fields) -> bool:
    return row.get("Status__c") in GOING_BACK


# What is summed, over which rows, from which field, and for which of them.
SUMMED: tuple[tuple[str, str, str, Callable[[Fields], bool]], ...] = (
    ("invoiced", "Stripe_Invoice__c", "Total__c", _final),
    ("paid", "Stripe_Invoice__c", "Amount_Paid__c", _final),
    ("remaining", "Stripe_Invoice__c", "Amount_Remaining__c", _open),
    ("paid", "Stripe_Payment__c", "Amount_Received__c", _alone),
    ("refunded", "Stripe_Refund__c", "Amount__c", _going_back),
)


@dataclass(frozen=True, slots=True)
class Totals:
    """Major units of one currency."""

    invoiced: Decimal = NOTHING
    paid: Decimal = NOTHING
    remaining: Decimal = NOTHING
    refunded: Decimal = NOTHING

    @property
    def fully_refunded(self) -> bool:
        """Whether nothing is left of what was paid."""
        return self.refunded >= self.paid


@dataclass(frozen=True, slots=True)
class Summary:
    """Totals of each currency that money moved or is owed in; ``single`` is None when there are several or none."""

    currencies: Mapping[str, Totals] = field(default_factory=dict)

    @property
    def single(self) -> tuple[str, Totals] | None:
        """The only currency and its totals."""
        return next(iter(self.currencies.items())) if len(self.currencies) == 1 else None

    def any(self, measure: str) -> bool:
        """Whether the measure is above nothing in any currency."""
        return any(getattr(totals, measure) > 0 for totals in self.currencies.values())


def total(children: Iterable[Upsert]) -> Summary:
    """The sums; a currency with nothing but zeros is left out beside one that has more."""
    sums: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for child in children:
        for measure, sobject, name, counts in SUMMED:
            code, value = child.fields.get("Currency_Code__c"), child.fields.get(name)
            if child.sobject == sobject and code and value is not None and counts(child.fields):
                sums[code][measure] = sums[code].get(measure, NOTHING) + Decimal(str(value))
    moved = {code: found for code, found in sums.items() if any(found.values())} or sums
    return Summary({code: Totals(**moved[code]) for code in sorted(moved)})
