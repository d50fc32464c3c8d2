"""``sobjects/…``: single records by id and by external id."""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from gateway.sandbox.salesforce import describe
from gateway.sandbox.salesforce.access_query import visible
from gateway.sandbox.salesforce.calls import Answer, Call
from gateway.sandbox.salesforce.errors import MultipleMatchesError, SalesforceError, malformed_json, not_found
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.query import attributes, show_field
from gateway.sandbox.salesforce.saving import external_id_field, readable_field
from gateway.sandbox.salesforce.schema import SObject
from gateway.sandbox.salesforce.store import Record
from gateway.sandbox.salesforce.values import read_value

CREATED: Mapping[str, Any] = {"success": True, "errors": []}


def global_describe(call: Call) -> Answer:
    return Answer(200, describe.describe_global(call.org, call.access))


def basic(call: Call) -> Answer:
    sobject = call.sobject(call.path[1])
    return Answer(200, {"objectDescribe": describe.summary(call.org, call.access, sobject), "recentItems": []})


def describe_one(call: Call) -> Answer:
    return Answer(200, describe.describe(call.org, call.access, call.sobject(call.path[1])))


def create(call: Call) -> Answer:
    record_id = call.writer().create(call.sobject(call.path[1]), call.record_body())
    location = f"/services/data/v{call.org.world.api_version}/sobjects/{call.path[1]}/{record_id}"
    return Answer(201, {"id": record_id, **CREATED}, {"Location": location})


def read(call: Call) -> Answer:
    sobject = call.sobject(call.path[1])
    return Answer(200, shown(call, sobject, by_id(call, sobject, call.path[2])))


def update(call: Call) -> Answer:
    sobject = call.sobject(call.path[1])
    for given in call.record_body():
        if given.lower() == "id":
            raise SalesforceError("INVALID_FIELD", "The Id field should not be specified in the sobject data.", ["Id"])
    check_unmodified(call, by_id(call, sobject, call.path[2]))
    call.writer().update(sobject, call.path[2], call.record_body())
    return Answer(204)


def delete(call: Call) -> Answer:
    sobject = call.sobject(call.path[1])
    record = by_id(call, sobject, call.path[2])
    check_unmodified(call, record)
    call.writer().delete(sobject, record["Id"])
    return Answer(204)


def read_by_key(call: Call) -> Answer:
    sobject = call.sobject(call.path[1])
    return Answer(200, shown(call, sobject, by_key(call, sobject)))


def upsert(call: Call) -> Answer:
    sobject = call.sobject(call.path[1])
    update_only = call.params.get("updateOnly", "false").lower() == "true"
    writer = call.writer()
    record_id, created = writer.upsert(sobject, call.path[2], call.path[3], call.record_body(), update_only=update_only)
    return Answer(201 if created else 200, {"id": record_id, **CREATED, "created": created})


def delete_by_key(call: Call) -> Answer:
    sobject = call.sobject(call.path[1])
    call.writer().delete(sobject, by_key(call, sobject)["Id"])
    return Answer(204)


def by_id(call: Call, sobject: SObject, text: str) -> Record:
    record_id = full_id(text)
    if record_id is None:
        message = f"Provided external ID field does not exist or is not accessible: {text}"
        raise SalesforceError("NOT_FOUND", message)
    record = call.org.store.tables[sobject.name].get(record_id)
    if record is not None and visible(call.org, call.user, sobject, [record]):
        return record
    if record_id in call.org.store.deleted or record_id in call.org.store.merged:
        raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted", [])
    raise not_found()


def by_key(call: Call, sobject: SObject) -> Record:
    """The record with this external id: 404 when there is none, 300 when there are several."""
    field = external_id_field(sobject, call.path[2])
    found = call.org.store.find(sobject, field, read_value(field, call.path[3]))
    if len(found) > 1:
        raise MultipleMatchesError([attributes(call.org, sobject, entry)["url"] for entry in found])
    if not found:
        raise not_found()
    return by_id(call, sobject, found[0])


def shown(call: Call, sobject: SObject, record: Record) -> dict[str, Any]:
    """All readable fields, or those of ``?fields=``."""
    wanted = [name.strip() for name in call.params.get("fields", "").split(",") if name.strip()]
    if wanted:
        fields = [readable_field(call.org, sobject, name, call.access) for name in wanted]
    else:
        fields = [entry for entry in sobject.fields.values() if call.access.readable(sobject, entry)]
    body: dict[str, Any] = {"attributes": attributes(call.org, sobject, record["Id"])}
    return body | {entry.name: show_field(call.org, sobject, record, entry) for entry in fields}


def check_unmodified(call: Call, record: Record) -> None:
    """``If-Unmodified-Since`` compares whole seconds."""
    given = call.headers.get("if-unmodified-since")
    if given is None:
        return
    try:
        limit = parsedate_to_datetime(given)
    except ValueError as exc:
        raise malformed_json(f"If-Unmodified-Since is not an HTTP date: {given}") from exc
    if datetime.fromisoformat(record["LastModifiedDate"]).replace(microsecond=0) > limit:
        raise SalesforceError("PRECONDITION_FAILED", "One or more conditional request headers failed")


Handler = Callable[[Call], Answer]
# Number of path segments after "sobjects" -> method -> handler.
ROUTES: Mapping[int, Mapping[str, Handler]] = {
    0: {"GET": global_describe},
    1: {"GET": basic, "POST": create},
    2: {"GET": read, "PATCH": update, "DELETE": delete},
    3: {"GET": read_by_key, "PATCH": upsert, "POST": upsert, "DELETE": delete_by_key},
}


def handler(call: Call) -> Handler:
    if len(call.path) == 3 and call.path[2] == "describe" and call.method == "GET":
        return describe_one
    methods = ROUTES.get(len(call.path) - 1)
    if methods is None:
        raise not_found()
    if call.method not in methods:
        message = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(methods)}"
        raise SalesforceError("METHOD_NOT_ALLOWED", message)
    return methods[call.method]


def handle(call: Call) -> Answer:
    return handler(call)(call)
