"""WHERE as predicates over records, and the index that spares a scan."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.sandbox.salesforce.columns import Column, resolve, value_of
from gateway.sandbox.salesforce.errors import SalesforceError
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.permissions import Access
from gateway.sandbox.salesforce.schema import NUMERIC, TEXTUAL, Field, SObject
from gateway.sandbox.salesforce.soql import Comparison, Condition, Value
from gateway.sandbox.salesforce.store import Record
from gateway.sandbox.salesforce.values import ZONE_WITHOUT_COLON, write_datetime

Predicate = Callable[[Record], bool]
ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def predicate(org: Org, access: Access, sobject: SObject, condition: Condition) -> Predicate:
    if isinstance(condition, Comparison):
        return comparison(org, resolve(org, access, sobject, condition.path), condition)
    terms = [predicate(org, access, sobject, term) for term in condition.terms]
    if condition.operator == "not":
        return lambda record: not terms[0](record)
    if condition.operator == "and":
        return lambda record: all(term(record) for term in terms)
    return lambda record: any(term(record) for term in terms)


def comparison(org: Org, column: Column, condition: Comparison) -> Predicate:
    """Two-valued, as SOQL is: null is equal to null only, and ``!=`` and ``NOT IN`` match null."""
    field, operator = column.field, condition.operator
    if not field.filterable:
        raise SalesforceError("INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
    if operator == "like":
        return like(org, column, condition.values[0].value)
    wanted = [literal(field, value) for value in condition.values]
    if operator in ORDERED:
        return ordered(org, column, operator, wanted[0])
    keys = {folded(field, value) for value in wanted}
    if operator in ("=", "in"):
        return lambda record: folded(field, value_of(org, column, record)) in keys
    return lambda record: folded(field, value_of(org, column, record)) not in keys


def ordered(org: Org, column: Column, operator: str, wanted: Any) -> Predicate:
    field = column.field
    if field.type == "boolean" or wanted is None:
        message = f"invalid operator on {field.type} field: {operator} {field.name}"
        raise SalesforceError("INVALID_QUERY_FILTER_OPERATOR", message)
    test, limit = ORDERED[operator], folded(field, wanted)

    def run(record: Record) -> bool:
        value = value_of(org, column, record)
        return value is not None and test(folded(field, value), limit)

    return run


def like(org: Org, column: Column, pattern: str) -> Predicate:
    if column.field.type not in TEXTUAL:
        message = f"invalid operator on {column.field.type} field: like {column.field.name}"
        raise SalesforceError("INVALID_QUERY_FILTER_OPERATOR", message)
    matches = re.compile(like_regex(pattern), re.IGNORECASE | re.DOTALL).fullmatch

    def run(record: Record) -> bool:
        value = value_of(org, column, record)
        return value is not None and matches(value) is not None

    return run


def like_regex(pattern: str) -> str:
    parts, escaped = [], False
    for char in pattern:
        if escaped:
            parts.append(re.escape(char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
    return "".join(parts)


def folded(field: Field, value: Any) -> Any:
    """Text compares without regard to case, except ids and case-sensitive fields; a checkbox is never null."""
    if value is None:
        return False if field.type == "boolean" else None
    if isinstance(value, str) and field.type in TEXTUAL and not field.case_sensitive:
        return value.lower()
    return value


def literal(field: Field, given: Value) -> Any:
    """The literal in stored form; raises when its type does not fit the field's."""
    if given.kind == "null" or (given.value == "" and field.type in TEXTUAL):
        return None  # the platform stores no empty text, so '' asks for null
    expected = expected_kind(field)
    if given.kind != expected:
        quotes = "should be enclosed in quotes" if expected == "string" else "should not be enclosed in quotes"
        message = f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quotes}"
        raise SalesforceError("INVALID_FIELD", message)
    if given.kind == "datetime":
        text = ZONE_WITHOUT_COLON.sub(r"\1:\2", given.value.replace("Z", "+00:00"))
        return write_datetime(datetime.fromisoformat(text).astimezone(UTC))
    if field.type in ("id", "reference") or field.name == "RecordId":
        long = full_id(given.value)
        if long is None:
            raise SalesforceError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {given.value}")
        return long
    return given.value


def expected_kind(field: Field) -> str:
    if field.type in NUMERIC:
        return "number"
    return field.type if field.type in ("boolean", "date", "datetime") else "string"


def candidates(org: Org, sobject: SObject, condition: Condition | None) -> Iterable[Record]:
    """Every record that can match: found by id or index when a top-level condition allows it."""
    ids = indexed_ids(org, sobject, condition)
    if ids is None:
        return list(org.store.all(sobject))
    table = org.store.tables[sobject.name]
    return [table[record_id] for record_id in dict.fromkeys(ids) if record_id in table]


def indexed_ids(org: Org, sobject: SObject, condition: Condition | None) -> list[str] | None:
    if condition is None:
        return None
    if not isinstance(condition, Comparison):
        terms = condition.terms if condition.operator == "and" else ()
        return next((ids for term in terms if (ids := indexed_ids(org, sobject, term)) is not None), None)
    field = sobject.find(condition.path[0]) if len(condition.path) == 1 else None
    if field is None or condition.operator not in ("=", "in"):
        return None
    values = [literal(field, value) for value in condition.values]
    if None in values:
        return None
    if field.name == "Id":
        return values
    if not field.indexed or not (field.type == "reference" or field.case_sensitive or field.type in TEXTUAL):
        return None
    return [record_id for value in values for record_id in org.store.find(sobject, field, value)]
