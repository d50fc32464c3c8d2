"""``composite/sobjects``: up to 200 records of one or several objects in one call (sObject Collections)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from gateway.sandbox.salesforce.calls import Answer, Call
from gateway.sandbox.salesforce.errors import SalesforceError, malformed_json, not_found
from gateway.sandbox.salesforce.saving import Writer
from gateway.sandbox.salesforce.schema import SObject

MAX_RECORDS, MAX_CHUNKS = 200, 10
ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"
Result = dict[str, Any]
Row = Mapping[str, Any]
One = Callable[[Call, Writer, SObject, Row], Result]


def handle(call: Call) -> Answer:
    if call.method == "DELETE" and len(call.path) == 2:
        return delete(call)
    if call.method == "POST" and len(call.path) == 2:
        return write(call, create_one)
    if call.method == "PATCH" and len(call.path) == 2:
        return write(call, update_one)
    if call.method == "PATCH" and len(call.path) == 4:
        return write(call, upsert_one)
    raise not_found()


def write(call: Call, one: One) -> Answer:
    body = call.record_body()
    rows = read_rows(call, body.get("records"))
    call.bulk.update(Counter(row["attributes"]["type"] for row in rows))
    writer = call.writer()
    twice = repeated(call, rows, one)
    steps = [
        partial(refuse_twice, call, n) if n in twice else partial(write_row, call, writer, one, row)
        for n, row in enumerate(rows)
    ]
    return Answer(200, run(call, steps, all_or_none=body.get("allOrNone") is True))


def repeated(call: Call, rows: Sequence[Row], one: One) -> frozenset[int]:
    """Rows that name the same record as an earlier one: by id, or by external id in an upsert."""
    if one is create_one:
        return frozenset()
    name = call.path[3].lower() if one is upsert_one else "id"
    seen: set[tuple[str, str]] = set()
    twice = set()
    for n, row in enumerate(rows):
        key = next((str(value) for member, value in row.items() if member.lower() == name and value is not None), None)
        if key is None:
            continue
        mark = (str(row["attributes"]["type"]).lower(), key[:15] if name == "id" else key)
        if mark in seen:
            twice.add(n)
        seen.add(mark)
    return frozenset(twice)


def refuse_twice(call: Call, n: int) -> Result:
    what = "external id" if len(call.path) == 4 else "id"
    raise SalesforceError("DUPLICATE_VALUE", f"Duplicate {what} specified: record {n + 1}", [])


def write_row(call: Call, writer: Writer, one: One, row: Row) -> Result:
    return one(call, writer, sobject_of(call, row), row)


def read_rows(call: Call, given: Any) -> list[Row]:
    if not isinstance(given, list) or not given:
        raise malformed_json("records must be a list of records")
    if len(given) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records in this request"
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)
    for row in given:
        if (
            not isinstance(row, dict)
            or not isinstance(row.get("attributes"), dict)
            or not row["attributes"].get("type")
        ):
            raise malformed_json("every record needs attributes with a type")
    chunks = [name for name, _ in groupby(given, key=lambda row: row["attributes"]["type"])]
    if len(chunks) > MAX_CHUNKS:
        message = f"Cannot have more than {MAX_CHUNKS} chunks in a single operation. Please rearrange the data."
        raise SalesforceError("LIMIT_EXCEEDED", message)
    if len(call.path) == 4 and any(name.lower() != call.path[2].lower() for name in chunks):
        raise SalesforceError("INVALID_TYPE", f"all records must be of type {call.path[2]}")
    return given


def sobject_of(call: Call, row: Row) -> SObject:
    name = str(row["attributes"]["type"])
    sobject = call.org.schema.find(name)
    if sobject is None or not call.access.can(sobject, "read"):
        raise SalesforceError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return sobject


def run(call: Call, steps: Sequence[Callable[[], Result]], *, all_or_none: bool) -> list[Result]:
    """Every record in a transaction of its own; with allOrNone one failure undoes all."""
    with call.org.store.transaction() as mark:
        results = [attempt(call, step) for step in steps]
        if all_or_none and not all(result["success"] for result in results):
            call.org.store.rollback(mark)
            undone = SalesforceError("ALL_OR_NONE_OPERATION_ROLLED_BACK", ROLLED_BACK, [])
            return [refused(undone) if result["success"] else result for result in results]
    return results


def attempt(call: Call, step: Callable[[], Result]) -> Result:
    try:
        with call.org.store.transaction():
            return step()
    except SalesforceError as exc:
        return refused(exc)


def refused(error: SalesforceError) -> Result:
    return {"success": False, "errors": [error.save_error()]}


def done(record_id: str) -> Result:
    return {"id": record_id, "success": True, "errors": []}


def create_one(_: Call, writer: Writer, sobject: SObject, row: Row) -> Result:
    return done(writer.create(sobject, row))


def update_one(_: Call, writer: Writer, sobject: SObject, row: Row) -> Result:
    ids = [value for name, value in row.items() if name.lower() == "id"]
    if len(ids) != 1:
        raise SalesforceError("MISSING_ARGUMENT", "Id not specified in an update call", ["Id"])
    body = {name: value for name, value in row.items() if name.lower() != "id"}
    return done(writer.update(sobject, str(ids[0]), body))


def upsert_one(call: Call, writer: Writer, sobject: SObject, row: Row) -> Result:
    """Here the key stands in the record itself."""
    name = call.path[3]
    keys = {given: value for given, value in row.items() if given.lower() == name.lower()}
    if len(keys) != 1 or None in keys.values():
        raise SalesforceError("MISSING_ARGUMENT", f"{name} not specified", [name])
    [(given, key)] = keys.items()
    body = {member: value for member, value in row.items() if member != given}
    record_id, created = writer.upsert(sobject, name, str(key), body)
    return {**done(record_id), "created": created}


def delete(call: Call) -> Answer:
    ids = [text for text in call.params.get("ids", "").split(",") if text]
    if not ids or len(ids) > MAX_RECORDS:
        raise SalesforceError("EXCEEDED_ID_LIMIT", f"ids must name 1 to {MAX_RECORDS} records")
    writer = call.writer()

    def remove(record_id: str) -> Result:
        sobject = call.org.schema.by_prefix.get(record_id[:3])
        if sobject is None:
            raise SalesforceError("MALFORMED_ID", f"malformed id {record_id}", [])
        writer.delete(sobject, record_id)
        return done(record_id)

    steps = [partial(remove, entry) for entry in ids]
    return Answer(200, run(call, steps, all_or_none=call.params.get("allOrNone", "").lower() == "true"))
