"""What a field path of a query means in this schema, for this user."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.sandbox.salesforce.errors import SalesforceError, no_such_column
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.permissions import Access
from gateway.sandbox.salesforce.schema import Field, SObject

MAX_HOPS = 5


@dataclass(frozen=True)
class Column:
    """``hops``: reference fields to follow; ``owner`` is the object the final field belongs to."""

    hops: tuple[Field, ...]
    owner: SObject
    field: Field


def resolve(org: Org, access: Access, sobject: SObject, path: tuple[str, ...]) -> Column:
    """Raises INVALID_FIELD for what does not exist or is hidden from the user."""
    if len(path) > 1 and path[0].lower() == sobject.name.lower() and sobject.relation(path[0]) is None:
        path = path[1:]
    if len(path) > MAX_HOPS + 1:
        raise SalesforceError("INVALID_FIELD", f"Maximum relationship depth of {MAX_HOPS} exceeded: {'.'.join(path)}")
    hops: list[Field] = []
    owner = sobject
    for name in path[:-1]:
        hop = owner.relation(name)
        if hop is None or not access.readable(owner, hop):
            message = (
                f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom "
                "relationship, be sure to append the '__r' after the custom relationship name."
            )
            raise SalesforceError("INVALID_FIELD", message)
        hops.append(hop)
        owner = next(org.schema.objects[target] for target in hop.reference_to if target in org.schema.objects)
    field = owner.find(path[-1])
    if field is None or not access.readable(owner, field):
        raise no_such_column(path[-1], owner.name)
    return Column(tuple(hops), owner, field)


def value_of(org: Org, column: Column, record: Mapping[str, Any]) -> Any:
    current: Mapping[str, Any] | None = record
    for hop in column.hops:
        current = org.store.get(current.get(hop.name) or "") if current else None
        if current is None:
            return None
    return org.field_value(column.owner, current or {}, column.field)
