"""What the platform refuses before it saves a record: required, references, uniqueness, validation rules."""

from collections.abc import Mapping
from typing import Any

from gateway.sandbox.salesforce.errors import record_error
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.schema import Field, SObject
from gateway.sandbox.salesforce.store import Record
from gateway.sandbox.salesforce.world import SandboxUser


def check_required(sobject: SObject, record: Mapping[str, Any]) -> None:
    missing = [
        entry.name
        for entry in sobject.fields.values()
        if entry.required and record.get(entry.name) is None and entry.type != "boolean"
    ]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise record_error("REQUIRED_FIELD_MISSING", message, *missing)


def check_references(org: Org, sobject: SObject, changed: Mapping[str, Any]) -> None:
    for name, value in changed.items():
        field = sobject.fields[name]
        if field.type == "reference" and value is not None:
            check_reference(org, field, value)


def check_reference(org: Org, field: Field, value: str) -> None:
    known = org.store.object_of.get(value)
    if known is None:
        if value in org.store.deleted or value in org.store.merged:
            raise record_error("ENTITY_IS_DELETED", "entity is deleted", field.name)
        raise record_error("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", field.name)
    if known not in field.reference_to:
        message = f"{field.label}: id value of incorrect type: {value}"
        raise record_error("FIELD_INTEGRITY_EXCEPTION", message, field.name)


def check_owner(org: Org, sobject: SObject, changed: Mapping[str, Any]) -> None:
    owner = changed.get("OwnerId")
    if owner is not None and not org.is_active(owner):
        message = f"operation performed with inactive user [{owner}] as owner of {sobject.label.lower()}"
        raise record_error("INACTIVE_OWNER_OR_USER", message, "OwnerId")
    user = None if owner is None else org.user(owner)
    if user is not None and sobject.custom and not org.access(user).can(sobject, "read"):
        message = f"the new owner must have read permission on {sobject.label.lower()}"
        raise record_error("TRANSFER_REQUIRES_READ", message, "OwnerId")


def check_unique(org: Org, sobject: SObject, record: Record, changed: Mapping[str, Any]) -> None:
    for name in changed:
        field = sobject.fields[name]
        if not field.unique or record.get(name) is None:
            continue
        for other in org.store.find(sobject, field, record[name]):
            if other != record["Id"]:
                message = f"duplicate value found: {name} duplicates value on record with id: {other[:15]}"
                raise record_error("DUPLICATE_VALUE", message, name)


def check_rules(org: Org, sobject: SObject, record: Record, prior: Record | None, user: SandboxUser) -> None:
    """Validation rules in the order of their names; the first that fails is reported."""
    rules = org.rules.get(sobject.name)
    if not rules:
        return
    scope = org.scope(record, prior, user)
    for compiled in rules:
        if compiled.failing(scope) is True:
            fields = [compiled.rule.display_field] if compiled.rule.display_field else []
            raise record_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", compiled.rule.message, *fields)


def check_not_locked(org: Org, record_id: str) -> None:
    if record_id in org.locked:
        message = "This record is locked. If you need to edit this record, contact your admin."
        raise record_error("ENTITY_IS_LOCKED", message)
