"""Opportunity with products: lines, the account, and who is billed (contact roles)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.records import SourceRef
from gateway.sources import BillTo, Part, Rows, Source, SourceRecord
from gateway.sources.deal import deal
from gateway.sources.reading import ACCOUNT, BILL_TO, LINE, OWNER, bill_to, children, records, under


def queries(record_ids: Sequence[str], extra: Sequence[str]) -> dict[str, Part]:
    """The record, its lines in their order, and the people in a role on it."""
    fields = (*OWNER, "Id", "Name", "Amount", "StageName", "AccountId", *under("Account", ACCOUNT), *extra)
    roles = ("Id", "Role", "IsPrimary", "ContactId", *under("Contact", BILL_TO))
    return {
        "record": records("Opportunity", fields, record_ids),
        "lines": children(
            "OpportunityLineItem", (*LINE, "Discount"), "OpportunityId", record_ids, order="SortOrder, Id"
        ),
        "roles": children("OpportunityContactRole", roles, "OpportunityId", record_ids, order="Id"),
    }


def parse(ref: SourceRef, rows: Mapping[str, Rows], names: Mapping[str, str]) -> SourceRecord:
    """Bill-to order: contact role "Billing", primary contact role, mapped contact, person account."""
    name = rows["record"][0]["Name"]
    return deal(ref, rows, names, name=name, amount="Amount", first=_roles(rows["roles"]))


def _roles(rows: Rows) -> tuple[BillTo, ...]:
    billing = [r for r in rows if "billing" in (r.get("Role") or "").lower()]
    primary = [r for r in rows if r.get("IsPrimary")]
    candidates = [(r, f"contact role {r['Role']}") for r in billing] + [(r, "primary contact role") for r in primary]
    return tuple(c for r, why in candidates for c in bill_to(r.get("Contact"), why))


SOURCE = Source("Opportunity", "006", queries, parse)
