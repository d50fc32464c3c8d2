"""Sync issues: what could not be written, or differs, and that a person should look at."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.projections.rows import LOOKUPS
from gateway.projections.values import OTHER, cut, moment
from gateway.records import Json, SourceRef, Upsert, fingerprint

SOBJECT = "Stripe_Sync_Issue__c"
KINDS = ("write_failed", "dead_letter", "unknown_outcome", "drift", "missing_field")
PICKLISTS = {"Kind__c": (*KINDS, OTHER)}
LENGTHS = {
    "Entity__c": 80, "Error_Code__c": 80, "Message__c": 2000, "Hint__c": 2000, "Object__c": 80, "Record_Key__c": 255,
    "Field__c": 80, "Expected__c": 2000, "Actual__c": 2000, "Gateway_Action_Id__c": 64,
}  # fmt: skip
KEY_LENGTH = 255
CORE_LOOKUPS = ("Account", "Contact", "Opportunity", "Case")


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """One issue. The same kind, sobject, record_key and field are the same issue, however often it is seen."""

    kind: str
    sobject: str
    record_key: str
    first_seen: float
    last_seen: float
    message: str
    hint: str | None = None
    error_code: str | None = None
    entity: str | None = None
    field: str | None = None
    expected: str | None = None
    actual: str | None = None
    action_id: str | None = None
    resolved_at: float | None = None
    source: SourceRef | None = None


def project(facts: IssueFacts) -> Upsert:
    """The issue's row; a resolved one stays as history."""
    texts = {
        "Entity__c": facts.entity,
        "Error_Code__c": facts.error_code,
        "Message__c": facts.message,
        "Hint__c": facts.hint,
        "Object__c": facts.sobject,
        "Record_Key__c": facts.record_key,
        "Field__c": facts.field,
        "Expected__c": facts.expected,
        "Actual__c": facts.actual,
        "Gateway_Action_Id__c": facts.action_id,
    }
    fields: dict[str, Json] = {
        **{name: cut(text, LENGTHS[name]) for name, text in texts.items()},
        "Kind__c": facts.kind if facts.kind in KINDS else OTHER,
        "First_Seen_At__c": moment(facts.first_seen),
        "Last_Seen_At__c": moment(facts.last_seen),
        "Resolved__c": facts.resolved_at is not None,
        "Resolved_At__c": moment(facts.resolved_at),
    }
    if facts.source and facts.source.sobject in CORE_LOOKUPS:
        fields[LOOKUPS[facts.source.sobject]] = facts.source.record_id
    return Upsert(SOBJECT, _key(facts), fields, facts.source)


def _key(facts: IssueFacts) -> str:
    parts = (facts.kind, facts.sobject, facts.record_key, facts.field or "")
    plain = ":".join(parts)
    return plain if len(plain) <= KEY_LENGTH else f"{facts.kind}:{fingerprint(parts)}"
