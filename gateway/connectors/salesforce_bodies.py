"""Salesforce's JSON and our values, both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from gateway.connectors.salesforce_errors import unclear
from gateway.connectors.salesforce_types import Describe, FieldInfo, GraphAnswer, SaveResult, SubAnswer, flaws
from gateway.records import Json

T = TypeVar("T")

WRITING = {
    # An assignment rule would hand the record to someone else because its Stripe fields changed.
    "Sforce-Auto-Assign": "FALSE",
    # A duplicate rule that only warns would refuse the write.
    "Sforce-Duplicate-Rule-Header": "allowSave=true",
}


def wire(body: Json) -> bytes:
    """JSON with Decimals as numbers: Salesforce's number fields are doubles, exact to 15 digits."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def page_of(answer: Json) -> tuple[list[dict[str, Json]], str | None]:
    """The records of a page of a query, and where the next page is (the last part of its path)."""

    def read() -> tuple[list[dict[str, Json]], str | None]:
        more = None if answer.get("done", True) else str(answer["nextRecordsUrl"]).rpartition("/")[2]
        return list(answer["records"]), more

    return _read(read, writes=False)


def sub_answers(answer: Json, *, writes: bool) -> list[SubAnswer]:
    return _read(lambda: [_sub(each) for each in answer["compositeResponse"]], writes=writes)


def graph_answers(answer: Json) -> list[GraphAnswer]:
    return _read(lambda: [_graph(each) for each in answer["graphs"]], writes=True)


def save_results(answer: Json, count: int) -> list[SaveResult]:
    def read() -> list[SaveResult]:
        results = [SaveResult(each.get("id"), bool(each["success"]), flaws(each.get("errors", []))) for each in answer]
        if len(results) != count:
            raise ValueError("one result per record")
        return results

    return _read(read, writes=True)


def describe_of(sobject: str, answer: Json) -> Describe:
    return _read(lambda: Describe(sobject, {each["name"]: _field(each) for each in answer["fields"]}), writes=False)


def names_of(answer: Json) -> frozenset[str]:
    return _read(lambda: frozenset(each["name"] for each in answer["sobjects"]), writes=False)


def _field(described: Mapping[str, Json]) -> FieldInfo:
    return FieldInfo(
        type=described["type"],
        length=int(described.get("length") or 0),
        picklist=tuple(each["value"] for each in described.get("picklistValues", ()) if each.get("active", True)),
        updateable=bool(described.get("updateable")),
        createable=bool(described.get("createable")),
        custom=bool(described.get("custom")),
    )


def _sub(part: Mapping[str, Json]) -> SubAnswer:
    return SubAnswer(str(part["referenceId"]), int(part["httpStatusCode"]), part.get("body"))


def _graph(part: Mapping[str, Json]) -> GraphAnswer:
    nodes = tuple(_sub(each) for each in part["graphResponse"]["compositeResponse"])
    return GraphAnswer(str(part["graphId"]), bool(part["isSuccessful"]), nodes)


def _read(read: Callable[[], T], *, writes: bool) -> T:
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise unclear("salesforce_unreadable_answer", writes=writes) from exc
