"""A JSON body as field values: names, access, types, relationships by external id."""

from collections.abc import Mapping
from typing import Any

from gateway.sandbox.salesforce.errors import SalesforceError, malformed_json, no_such_column, record_error
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.permissions import Access
from gateway.sandbox.salesforce.schema import Field, SObject
from gateway.sandbox.salesforce.values import not_writable, read_value


def read_body(
    org: Org, sobject: SObject, body: Mapping[str, Any], access: Access | None, *, new: bool
) -> dict[str, Any]:
    """Field name → stored value. ``access`` None: the system itself writes (seed), no field is read-only."""
    values: dict[str, Any] = {}
    for name, raw in body.items():
        if name == "attributes":
            check_attributes(sobject, raw)
            continue
        field = sobject.find(name)
        if field is not None:
            check_writable(sobject, field, access, new=new)
            values[field.name] = read_value(field, raw)
        else:
            reference, found = by_external_id(org, sobject, name, raw)
            check_writable(sobject, reference, access, new=new)
            values[reference.name] = found
    return values


def check_attributes(sobject: SObject, raw: Any) -> None:
    named = raw.get("type") if isinstance(raw, dict) else None
    if named is not None and str(named).lower() != sobject.name.lower():
        raise SalesforceError("INVALID_TYPE", f"attributes.type {named} does not match {sobject.name}")


def check_writable(sobject: SObject, field: Field, access: Access | None, *, new: bool) -> None:
    if access is None:
        return
    if not access.readable(sobject, field):
        raise no_such_column(field.name, sobject.name)
    if not (field.createable if new else field.updateable) or not access.editable(sobject, field):
        raise not_writable(field)


def by_external_id(org: Org, sobject: SObject, name: str, raw: Any) -> tuple[Field, str | None]:
    """``"Stripe_Invoice__r": {"Stripe_Key__c": "…"}`` → the lookup field and the id it stands for."""
    reference = sobject.relation(name)
    if reference is None:
        raise no_such_column(name, sobject.name)
    if raw is None:
        return reference, None
    if not isinstance(raw, dict):
        raise malformed_json(f"Cannot deserialize instance of {name}: an object with one external id field is expected")
    members = {key: value for key, value in raw.items() if key != "attributes"}
    target = next(org.schema.objects[entry] for entry in reference.reference_to if entry in org.schema.objects)
    if len(members) != 1:
        message = f"The relationship {name} must be given by exactly one external id field of {target.name}"
        raise record_error("INVALID_FIELD", message, name)
    [(key, value)] = members.items()
    field = target.find(key)
    if field is None or not field.external_id:
        raise SalesforceError("INVALID_FIELD", f"{key} is not an External ID or indexed field for {target.name}", [])
    found = org.store.find(target, field, read_value(field, value))
    if len(found) != 1:
        problem = "not found" if not found else "matches more than one record"
        message = f"Foreign key external ID: {value} {problem} for field {field.name} in entity {target.name}"
        raise SalesforceError("INVALID_FIELD", message, [])
    return reference, found[0]
