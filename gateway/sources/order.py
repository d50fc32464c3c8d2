"""Order: its items, and the contact it is billed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Rows, Source, SourceRecord
from gateway.sources.deal import deal
from gateway.sources.reading import ACCOUNT, BILL_TO, LINE, bill_to, select, under


def queries(record_id: str, extra: Sequence[str]) -> dict[str, str]:
    """The order and its items."""
    contact = under("BillToContact", BILL_TO)
    fields = ("Id", "OrderNumber", "TotalAmount", "PoNumber", "AccountId", *under("Account", ACCOUNT), *contact, *extra)
    return {
        "record": select("Order", fields, f"Id = '{record_id}'"),
        "lines": select("OrderItem", LINE, f"OrderId = '{record_id}'", order="OrderItemNumber, Id"),
    }


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """Bill-to order: the order's own bill-to contact, mapped contact, person account."""
    row = rows["record"][0]
    number, po_number = row["OrderNumber"], row.get("PoNumber")
    first = bill_to(row.get("BillToContact"), "bill-to contact")
    return deal(
        ref,
        rows,
        names,
        name=f"Order {number}",
        amount="TotalAmount",
        first=first,
        po_number=po_number,
        reference=number,
    )


SOURCE = Source("Order", "801", queries, parse)
