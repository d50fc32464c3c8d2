"""Quote: its line items, and the contact it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Part, Rows, Source, SourceRecord
from gateway.sources.deal import deal
from gateway.sources.reading import ACCOUNT, BILL_TO, LINE, OWNER, bill_to, children, records, under


def queries(record_ids: Sequence[str], extra: Sequence[str]) -> dict[str, Part]:
    """The quote and its lines."""
    contact = under("Contact", BILL_TO)
    fields = (
        *OWNER,
        "Id",
        "Name",
        "QuoteNumber",
        "TotalPrice",
        "AccountId",
        *under("Account", ACCOUNT),
        *contact,
        *extra,
    )
    return {
        "record": records("Quote", fields, record_ids),
        "lines": children("QuoteLineItem", (*LINE, "Discount"), "QuoteId", record_ids, order="SortOrder, Id"),
    }


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """Bill-to order: the quote's contact, mapped contact, person account."""
    row = rows["record"][0]
    first, number = bill_to(row.get("Contact"), "contact of the quote"), row.get("QuoteNumber")
    return deal(ref, rows, names, name=row["Name"], amount="TotalPrice", first=first, reference=number)


SOURCE = Source("Quote", "0Q0", queries, parse)
