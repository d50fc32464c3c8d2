"""What goes to Salesforce and comes back, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.records import Json


@dataclass(frozen=True, slots=True)
class SubRequest:
    """
    One request inside a Composite or a node of a graph; ``url`` is relative to the version: ``sobjects/Account/001…``.

    ``ref`` is its reference id: letters, digits and underscores, unique within the request.
    """

    method: str
    url: str
    ref: str
    body: Json = None


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """``body`` as Salesforce sent it: a record, ``{"id", "success", "created"}``, or a list of errors."""

    ref: str
    status: int
    body: Json

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def errors(self) -> tuple[Flaw, ...]:
        return () if self.ok else flaws(self.body)


Node = SubRequest


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes that are all done or none."""

    id: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    id: str
    successful: bool
    nodes: tuple[SubAnswer, ...]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One of Salesforce's errors: ``errorCode`` or ``statusCode``, the words, the fields it is about."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SaveResult:
    id: str | None
    success: bool
    errors: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field of an object, as describe tells it; ``picklist`` holds the active values."""

    type: str
    length: int
    picklist: tuple[str, ...]
    updateable: bool
    createable: bool
    custom: bool


@dataclass(frozen=True, slots=True)
class Describe:
    sobject: str
    fields: Mapping[str, FieldInfo] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """What a user may do with a record, sharing and object rights together."""

    read: bool
    edit: bool


def flaws(body: Json) -> tuple[Flaw, ...]:
    """Salesforce's errors in any of their shapes: a list, one object, an OAuth error, or nothing of that."""
    listed = body if isinstance(body, list) else [body]
    return tuple(_flaw(each) for each in listed if isinstance(each, dict))


def _flaw(error: Mapping[str, Json]) -> Flaw:
    code = error.get("errorCode") or error.get("statusCode") or error.get("error") or "UNKNOWN_EXCEPTION"
    message = error.get("message") or error.get("error_description") or ""
    return Flaw(str(code), str(message), tuple(str(name) for name in error.get("fields") or ()))
