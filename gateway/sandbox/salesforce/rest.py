"""The REST API below ``/services/data/vXX.X``: which handler answers which address."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from gateway.sandbox.salesforce import composite, graph, many, rows
from gateway.sandbox.salesforce.calls import Answer, Call
from gateway.sandbox.salesforce.errors import SalesforceError, not_found
from gateway.sandbox.salesforce.query import run

RESOURCES = ("sobjects", "query", "limits", "composite")
SMALLEST_BATCH = 200


def resources(call: Call) -> Answer:
    return Answer(200, {name: f"{call.url.rstrip('/')}/{name}" for name in RESOURCES})


def query(call: Call) -> Answer:
    only(call, "GET")
    if len(call.path) == 2:
        return more(call, call.path[1])
    if "q" not in call.params:
        raise SalesforceError("MALFORMED_QUERY", "A query string has to be specified")
    result = run(call.org, call.access, call.params["q"])
    if result.count is not None:
        return Answer(200, {"totalSize": result.count, "done": True, "records": []})
    size = batch_size(call)
    if len(result.rows) <= size:
        return Answer(200, {"totalSize": len(result.rows), "done": True, "records": result.rows})
    cursor = f"01g{secrets.token_hex(6)}AAA"
    call.org.cursors[cursor] = result.rows
    return page(call, cursor, 0, size)


def batch_size(call: Call) -> int:
    """``Sforce-Query-Options: batchSize=N`` (200 to 2000); the world may set smaller batches for tests."""
    _, _, given = call.headers.get("sforce-query-options", "").partition("batchSize=")
    wanted = int(given) if given.isdecimal() else call.org.world.query_batch
    return min(max(wanted, min(SMALLEST_BATCH, call.org.world.query_batch)), call.org.world.query_batch)


def more(call: Call, locator: str) -> Answer:
    """``<cursor>-<position>-<size>``: the next batch of a snapshot taken when the query ran."""
    cursor, _, rest = locator.partition("-")
    position, _, size = rest.partition("-")
    if cursor not in call.org.cursors or not position.isdecimal() or not size.isdecimal():
        raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return page(call, cursor, int(position), int(size))


def page(call: Call, cursor: str, position: int, size: int) -> Answer:
    rows_ = call.org.cursors[cursor]
    end = position + size
    body: dict[str, Any] = {"totalSize": len(rows_), "done": end >= len(rows_)}
    if not body["done"]:
        body["nextRecordsUrl"] = f"/services/data/v{call.org.world.api_version}/query/{cursor}-{end}-{size}"
    return Answer(200, {**body, "records": rows_[position:end]})


def limits(call: Call) -> Answer:
    only(call, "GET")
    used = {"Max": call.org.daily_calls, "Remaining": max(0, call.org.daily_calls - call.org.calls)}
    return Answer(200, {"DailyApiRequests": used, "DataStorageMB": {"Max": 1024, "Remaining": 1024}})


def composites(call: Call) -> Answer:
    if call.path[1:2] == ("sobjects",):
        return many.handle(call)
    only(call, "POST")
    if len(call.path) == 1:
        return composite.handle(call)
    if call.path[1:] == ("graph",):
        return graph.handle(call)
    raise not_found()


def only(call: Call, method: str) -> None:
    if call.method != method:
        raise SalesforceError("METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are {method}")


HANDLERS: Mapping[str, Callable[[Call], Answer]] = {
    "": resources,
    "sobjects": rows.handle,
    "query": query,
    "limits": limits,
    "composite": composites,
}


def dispatch(call: Call) -> Answer:
    """Raises SalesforceError."""
    handler = HANDLERS.get(call.path[0] if call.path else "")
    if handler is None:
        raise not_found()
    return handler(call)
