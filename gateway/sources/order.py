"""Order: its items, and the contact it is billed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Part, Rows, Source, SourceRecord
from gateway.sources.deal import deal
from gateway.sources.reading import ACCOUNT, BILL_TO, LINE, OWNER, bill_to, children, records, under


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
