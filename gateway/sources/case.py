"""Case: where refunds start; its account is the customer, its contact the recipient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Part, Rows, Source, SourceRecord
from gateway.sources.reading import (
    ACCOUNT,
    BILL_TO,
    OWNER,
    account_party,
    at,
    bill_to,
    common,
    contact_party,
    person,
    records,
    under,
)


def queries(record_ids: Sequence[str], extra: Sequence[str]) -> dict[str, Part]:
    """The case with its account and contact."""
    contact = under("Contact", BILL_TO)
    fields = (*OWNER, "Id", "CaseNumber", "AccountId", "ContactId", *under("Account", ACCOUNT), *contact, *extra)
    return {"record": records("Case", fields, record_ids)}


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """Without an account, the contact is the customer."""
    row = rows["record"][0]
    contact = row.get("Contact")
    party = account_party(row.get("Account")) or (contact_party(contact) if contact else None)
    mapped = bill_to(at(row, names.get("bill_to", "")), "mapped contact")
    return SourceRecord(
        ref=ref,
        name=f"Case {row['CaseNumber']}",
        party=party,
        bill_to=(*mapped, *bill_to(contact, "contact of the case"), *person(party)),
        fields=row,
        **common(row, names),
    )


SOURCE = Source("Case", "500", queries, parse)
