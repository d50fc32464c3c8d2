"""Contact: a person who is billed under their own name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import Part, Rows, Source, SourceRecord
from gateway.sources.reading import CONTACT, at, bill_to, common, contact_party, records


def queries(record_ids: Sequence[str], extra: Sequence[str]) -> dict[str, Part]:
    """The contact alone."""
    return {"record": records("Contact", (*CONTACT, "MailingCountry", "AccountId", *extra), record_ids)}


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """The contact is customer and recipient in one, unless a field of theirs names somebody else to be billed."""
    row = rows["record"][0]
    mapped = bill_to(at(row, names.get("bill_to", "")), "mapped contact")
    return SourceRecord(
        ref=ref,
        name=row["Name"],
        party=contact_party(row),
        bill_to=(*mapped, *bill_to(row, "the contact")),
        fields=row,
        **common(row, names),
    )


SOURCE = Source("Contact", "003", queries, parse)
