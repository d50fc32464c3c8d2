"""Quote: its line items, and the contact it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Rows, Source, SourceRecord
from gateway.sources.deal import deal
from gateway.sources.reading import ACCOUNT, BILL_TO, LINE, bill_to, select, under


def queries(record_id: str, extra: Sequence[str]) -> dict[str, str]:
    """The quote and its lines."""
    contact = under("Contact", BILL_TO)
    fields = ("Id", "Name", "QuoteNumber", "TotalPrice", "AccountId", *under("Account", ACCOUNT), *contact, *extra)
    return {
        "record": select("Quote", fields, f"Id = '{record_id}'"),
        "lines": select("QuoteLineItem", (*LINE, "Discount"), f"QuoteId = '{record_id}'", order="SortOrder, Id"),
    }


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """Bill-to order: the quote's contact, mapped contact, person account."""
    row = rows["record"][0]
    first, number = bill_to(row.get("Contact"), "contact of the quote"), row.get("QuoteNumber")
    return deal(ref, rows, names, name=row["Name"], amount="TotalPrice", first=first, reference=number)


SOURCE = Source("Quote", "0Q0", queries, parse)
