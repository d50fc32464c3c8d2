"""Order: its items, and the contact it is billed to."""

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
    """The order and its items."""
    contact = under("BillToContact", BILL_TO)
    fields = (
        *OWNER,
        "Id",
        "OrderNumber",
        "TotalAmount",
        "PoNumber",
        "AccountId",
        *under("Account", ACCOUNT),
        *contact,
        *extra,
    )
    return {
        "record": records("Order", fields, record_ids),
        "lines": children("OrderItem", LINE, "OrderId", record_ids, order="OrderItemNumber, Id"),
    }


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """Bill-to order: the order's own bill-to contact, mapped contact, person account."""
    row = rows["record"][0]
    party = account_party(row.get("Account"))
    mapped = bill_to(at(row, names.get("bill_to", "")), "mapped contact")
    return SourceRecord(
        ref=ref,
        name=f"Order {row['OrderNumber']}",
        party=party,
        bill_to=(*bill_to(row.get("BillToContact"), "bill-to contact"), *mapped, *person(party)),
        amount=decimal(row.get("TotalAmount")),
        lines=tuple(line(r) for r in rows["lines"]),
        fields=row,
        **common(row, names, po_number=row.get("PoNumber"), reference=row["OrderNumber"]),
    )


SOURCE = Source("Order", "801", queries, parse)
