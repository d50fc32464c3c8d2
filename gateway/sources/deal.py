"""What opportunities, orders and quotes have in common: an account, an amount, lines, somebody who is billed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.records import SourceRef
from gateway.sources import BillTo, Rows, SourceRecord
from gateway.sources.reading import account_party, at, bill_to, common, decimal, line, person


def deal(
    ref: SourceRef,
    rows: Mapping[str, Rows],
    names: Mapping[str, str],
    *,
    name: str,
    amount: str,
    first: Iterable[BillTo],
    po_number: str | None = None,
    reference: str | None = None,
) -> SourceRecord:
    """``amount`` is a field. Bill-to order: ``first``, the mapped contact, the person account."""
    row = rows["record"][0]
    party = account_party(row.get("Account"))
    mapped = bill_to(at(row, names.get("bill_to", "")), "mapped contact")
    return SourceRecord(
        ref=ref,
        name=name,
        party=party,
        bill_to=(*first, *mapped, *person(party)),
        amount=decimal(row.get(amount)),
        lines=tuple(line(r) for r in rows["lines"]),
        fields=row,
        **common(row, names, po_number=po_number, reference=reference),
    )
