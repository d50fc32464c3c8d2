"""Quote: its line items, and the contact it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Part, Rows, Source, SourceRecord
from gateway.sources.reading import (
    ACCOUNT,
    BILL_TO,
    LINE,
    OWNER,
    account_party,
    at,
    bill_to,
    children,
    common,
    decimal,
    line,
    person,
    records,
    under,
)


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
    party = account_party(row.get("Account"))
    mapped = bill_to(at(row, names.get("bill_to", "")), "mapped contact")
    return SourceRecord(
        ref=ref,
        name=row["Name"],
        party=party,
        bill_to=(*bill_to(row.get("Contact"), "contact of the quote"), *mapped, *person(party)),
        amount=decimal(row.get("TotalPrice")),
        lines=tuple(line(r) for r in rows["lines"]),
        fields=row,
        **common(row, names, reference=row.get("QuoteNumber")),
    )


SOURCE = Source("Quote", "0Q0", queries, parse)
