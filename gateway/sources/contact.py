"""Contact: a person who is billed under their own name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Rows, Source, SourceRecord
from gateway.sources.reading import CONTACT, at, bill_to, contact_party, select


def queries(record_id: str, extra: Sequence[str]) -> dict[str, str]:
    """The contact alone."""
    return {"record": select("Contact", (*CONTACT, "MailingCountry", "AccountId", *extra), f"Id = '{record_id}'")}


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """The contact is customer and recipient in one."""
    row = rows["record"][0]
    return SourceRecord(
        ref=ref,
        name=row["Name"],
        party=contact_party(row),
        bill_to=bill_to(row, "the contact"),
        currency=at(row, names["currency"]) if "currency" in names else None,
        fields=row,
    )


SOURCE = Source("Contact", "003", queries, parse)
