"""Running a query: which records, in which order, shown how."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.salesforce.access_query import USER_RECORD_ACCESS, access_records, visible
from gateway.sandbox.salesforce.columns import resolve, value_of
from gateway.sandbox.salesforce.conditions import candidates, folded, predicate
from gateway.sandbox.salesforce.errors import SalesforceError
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.permissions import Access
from gateway.sandbox.salesforce.schema import Field, SObject
from gateway.sandbox.salesforce.soql import Ordering, Query, malformed, parse
from gateway.sandbox.salesforce.store import Record
from gateway.sandbox.salesforce.values import write_value

MAX_OFFSET = 2000
Shown = dict[str, Any]


@dataclass
class Shape:
    """What of a record is shown: own fields, parents by relationship, children by sub-select; in selected order."""

    sobject: SObject
    entries: dict[str, "Field | Parent | Children"] = field(default_factory=dict)


@dataclass
class Parent:
    reference: Field
    shape: Shape


@dataclass
class Children:
    query: Query
    sobject: SObject
    reference: Field


@dataclass(frozen=True)
class Result:
    """``count`` for COUNT(); otherwise all rows, shown."""

    rows: list[Shown]
    count: int | None = None


def run(org: Org, access: Access, text: str) -> Result:
    query = parse(text)
    sobject = org.schema.find(query.sobject)
    if sobject is None or not access.can(sobject, "read"):
        message = (
            f"sObject type '{query.sobject}' is not supported. If you are attempting to use a custom object, be sure "
            "to append the '__c' after the entity name."
        )
        raise SalesforceError("INVALID_TYPE", message)
    rows = select(org, access, sobject, query)
    if query.fields is None:
        return Result([], len(rows))
    shape = build_shape(org, access, sobject, query)
    return Result([show(org, access, shape, record) for record in rows])


def select(
    org: Org, access: Access, sobject: SObject, query: Query, within: Iterable[Record] | None = None
) -> list[Record]:
    """The records of the answer. ``within``: the children of one parent, for a sub-select."""
    if sobject.name == USER_RECORD_ACCESS:
        found = access_records(org, query)
    else:
        found = list(within) if within is not None else list(candidates(org, sobject, query.where))
        found = visible(org, access.user, sobject, found)
    if query.where is not None:
        matches = predicate(org, access, sobject, query.where)
        found = [record for record in found if matches(record)]
    for ordering in reversed(query.order):
        found = sort(org, access, sobject, ordering, found)
    if query.offset > MAX_OFFSET:
        raise SalesforceError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def sort(org: Org, access: Access, sobject: SObject, ordering: Ordering, records: list[Record]) -> list[Record]:
    """Nulls first unless the query says otherwise, in both directions."""
    column = resolve(org, access, sobject, ordering.path)
    if not column.field.filterable:
        raise malformed(f"field '{column.field.name}' can not be sorted in a query call")
    keyed = [(folded(column.field, value_of(org, column, record)), record) for record in records]
    key: Callable[[tuple[Any, Record]], Any] = lambda pair: pair[0]  # noqa: E731  # one key for both calls below
    nulls = [record for value, record in keyed if value is None]
    known = sorted((pair for pair in keyed if pair[0] is not None), key=key, reverse=ordering.descending)
    rest = [record for _, record in known]
    return rest + nulls if ordering.nulls_last else nulls + rest


def build_shape(org: Org, access: Access, sobject: SObject, query: Query) -> Shape:
    shape = Shape(sobject)
    for entry in query.fields or ():
        if isinstance(entry, Query):
            add_children(org, access, shape, entry)
        else:
            add_path(org, access, shape, entry)
    return shape


def add_path(org: Org, access: Access, shape: Shape, path: tuple[str, ...]) -> None:
    column = resolve(org, access, shape.sobject, path)
    for hop in column.hops:
        name = str(hop.relationship)
        parent = shape.entries.get(name)
        if not isinstance(parent, Parent):
            target = next(org.schema.objects[entry] for entry in hop.reference_to if entry in org.schema.objects)
            parent = shape.entries[name] = Parent(hop, Shape(target))
        shape = parent.shape
    if column.field.name in shape.entries:
        raise SalesforceError("INVALID_FIELD", f"duplicate field selected: {column.field.name}")
    shape.entries[column.field.name] = column.field


def add_children(org: Org, access: Access, shape: Shape, query: Query) -> None:
    found = org.schema.children.get((shape.sobject.name, query.sobject.lower()))
    if found is None or not access.can(found[0], "read"):
        message = f"Didn't understand relationship '{query.sobject}' in FROM part of query call."
        raise SalesforceError("INVALID_TYPE", message)
    child, reference = found
    build_shape(org, access, child, query)
    shape.entries[str(reference.child_relationship)] = Children(query, child, reference)


def attributes(org: Org, sobject: SObject, record_id: Any) -> dict[str, str]:
    url = f"/services/data/v{org.world.api_version}/sobjects/{sobject.name}/{record_id}"
    return {"type": sobject.name, "url": url}


def show(org: Org, access: Access, shape: Shape, record: Mapping[str, Any]) -> Shown:
    shown: Shown = {"attributes": attributes(org, shape.sobject, record.get("Id"))}
    for name, entry in shape.entries.items():
        if isinstance(entry, Field):
            shown[name] = show_field(org, shape.sobject, record, entry)
        elif isinstance(entry, Parent):
            target = org.store.get(record.get(entry.reference.name) or "")
            shown[name] = show(org, access, entry.shape, target) if target else None
        else:
            shown[name] = show_children(org, access, entry, str(record["Id"]))
    return shown


def show_field(org: Org, sobject: SObject, record: Mapping[str, Any], entry: Field) -> Any:
    if entry.type == "address":
        return show_address(record, entry.name.removesuffix("Address"))
    return write_value(entry, org.field_value(sobject, record, entry))


def show_address(record: Mapping[str, Any], prefix: str) -> Shown | None:
    """Compound field: the parts under one name, null when all are."""
    parts = {part: record.get(f"{prefix}{part}") for part in ("City", "Country", "PostalCode", "State", "Street")}
    if not any(parts.values()):
        return None
    shown: Shown = {"city": parts["City"], "country": parts["Country"], "geocodeAccuracy": None, "latitude": None}
    return shown | {
        "longitude": None,
        "postalCode": parts["PostalCode"],
        "state": parts["State"],
        "street": parts["Street"],
    }


def show_children(org: Org, access: Access, entry: Children, parent_id: str) -> Shown | None:
    ids = org.store.find(entry.sobject, entry.reference, parent_id)
    records = [org.store.tables[entry.sobject.name][record_id] for record_id in ids]
    rows = select(org, access, entry.sobject, entry.query, records)
    if not rows:
        return None
    shape = build_shape(org, access, entry.sobject, entry.query)
    return {"totalSize": len(rows), "done": True, "records": [show(org, access, shape, row) for row in rows]}
