"""Cursor pages: newest first, ``starting_after``, ``ending_before``, ``limit`` (docs.stripe.com/api/pagination)."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from gateway.sandbox.stripe.errors import invalid, missing
from gateway.sandbox.stripe.routes import Call
from gateway.sandbox.stripe.tables import Row

DEFAULT_LIMIT = 10


def in_range(value: int, limits: Mapping[str, int]) -> bool:
    return (
        value > limits.get("gt", -1)
        and value >= limits.get("gte", -1)
        and value < limits.get("lt", value + 1)
        and value <= limits.get("lte", value)
    )


def one_direction(params: Mapping[str, Any]) -> None:
    if "starting_after" in params and "ending_before" in params:
        raise invalid("You cannot parametrize both starting_after and ending_before.")


def page(
    call: Call,
    kind: str,
    url: str,
    *,
    by: Mapping[str, Any] | None = None,
    keep: Callable[[Row], bool] = lambda row: True,
) -> Row:
    """``by``: indexed fields; ``keep``: the rest of the filters. ``created`` is applied when the caller sent it."""
    params, table = call.params, call.ledger.table(kind)
    after, before = params.get("starting_after"), params.get("ending_before")
    one_direction(params)
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor and not table.known(cursor):
            raise missing(kind, cursor, name, status=400)
    created = params.get("created")
    rows = table.newest(by or {}, older_than=after, newer_than=before)
    matching = (row for row in rows if keep(row) and (created is None or in_range(row["created"], created)))
    return answer(matching, params.get("limit", DEFAULT_LIMIT), url, backwards=before is not None)


def answer(rows: Iterable[Row], limit: int, url: str, *, backwards: bool = False) -> Row:
    found = list(islice(rows, limit + 1))
    data = found[:limit]
    return {
        "object": "list",
        "data": data[::-1] if backwards else data,
        "has_more": len(found) > limit,
        "url": url,
    }


def sequence(call: Call, rows: list[Row], url: str) -> Row:
    """A page of an ordered sequence, first element first (invoice lines, items of a link)."""
    params = call.params
    one_direction(params)
    identities = [row["id"] for row in rows]
    for name in ("starting_after", "ending_before"):
        if params.get(name) and params[name] not in identities:
            raise missing("line item", params[name], name, status=400)
    limit = params.get("limit", DEFAULT_LIMIT)
    if params.get("ending_before"):
        stop = identities.index(params["ending_before"])
        first = max(0, stop - limit)
        return {"object": "list", "data": rows[first:stop], "has_more": first > 0, "url": url}
    first = identities.index(params["starting_after"]) + 1 if params.get("starting_after") else 0
    return answer(rows[first:], limit, url)
