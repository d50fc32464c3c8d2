"""Mirror rows for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.engine.mirror import MirrorRow
from gateway.records import SourceRef

OPPORTUNITY = SourceRef("Opportunity", "006000000000001AAA")


def row(
    key: str = "us:in_1",
    sobject: str = "Stripe_Invoice__c",
    *,
    parent: SourceRef | None = OPPORTUNITY,
    fields: Mapping[str, Any] | None = None,
    **members: Any,
) -> MirrorRow:
    standing: dict[str, Any] = {
        "org": "acme",
        "id_field": "Stripe_Key__c",
        "version": 1,
        "written": 0,
        "number": 1,
        "state": "dirty",
        "priority": 0,
        "due": 0.0,
        "dirty_since": 0.0,
        "doubt": None,
        "attempts": 0,
        "error_code": None,
        "error": None,
    }
    given = {"Status__c": "Open"} if fields is None else fields
    return MirrorRow(sobject=sobject, key=key, parent=parent, fields=given, **{**standing, **members})


def stamp(parent: SourceRef = OPPORTUNITY, **members: Any) -> MirrorRow:
    fields = {"Stripe_Status__c": "Invoice Open"}
    return row(parent.record_id, parent.sobject, parent=parent, id_field="Id", **{"fields": fields, **members})


def failed(row_: MirrorRow, code: str, message: str = "no", attempts: int = 1) -> MirrorRow:
    members = {name: getattr(row_, name) for name in row_.__dataclass_fields__}
    return MirrorRow(**{**members, "error_code": code, "error": message, "attempts": attempts})
