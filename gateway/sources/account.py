"""Account, business or person: whom a customer is made from, and its contacts as candidates for the bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Part, Rows, Source, SourceRecord
from gateway.sources.reading import ACCOUNT, BILL_TO, account_party, at, bill_to, common, person, records, select


def queries(record_ids: Sequence[str], extra: Sequence[str]) -> dict[str, Part]:
    """The account and its first contacts that have an e-mail address."""
    contacts = select("Contacts", BILL_TO, "Email != null", order="CreatedDate, Id", limit=25)
    return {"record": records("Account", (*ACCOUNT, *extra, f"({contacts})"), record_ids)}


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """A person account is billed itself; a business account needs its mapped contact or its only one."""
    row = rows["record"][0]
    party = account_party(row)
    contacts = (row.get("Contacts") or {"records": []})["records"]
    only = bill_to(contacts[0], "only contact of the account") if len(contacts) == 1 else ()
    return SourceRecord(
        ref=ref,
        name=row["Name"],
        party=party,
        bill_to=(*bill_to(at(row, names.get("bill_to", "")), "mapped contact"), *person(party), *only),
        fields=row,
        **common(row, names),
    )


SOURCE = Source("Account", "001", queries, parse)
