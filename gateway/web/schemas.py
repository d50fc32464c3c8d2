"""What is asked and what is answered, as JSON Schema: requests from their models, answers from the envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from gateway import actions
from gateway.actions import WIDENING, Request
from gateway.records import Envelope, Json, Status

Schema = dict[str, Json]

PLACE = "#/components/schemas/"
VERSION = "1"  # of the HTTP surface: /v1
STATUSES = (*Status, "preview")
_AMOUNT = [{"type": "string"}, {"type": "integer"}, {"type": "number"}]
_TOLD = "A decimal as text, e.g. 12.50."

# Every member of the envelope and of a problem, in the words of the documents.
WORDS = {
    "success": "Whether what was asked for has been done",
    "status": f"One of: {', '.join(STATUSES)}. queued and pending go on by themselves: ask again",
    "action_id": "Id of the action in the gateway, act_…",
    "request_id": "Id of this request, for the logs",
    "record_id": "Salesforce record the action belongs to, 18 characters",
    "stripe_id": "Id of what was made or changed at Stripe",
    "stripe_status": "Its status at Stripe",
    "number": "Number of the invoice",
    "url": "Page of the invoice or payment link for the payer",
    "amount": f"Amount in major units of currency. {_TOLD}",
    "currency": "ISO 4217, upper case",
    "error_code": "Why it was not done, for machines; never changes once released",
    "user_message": "What happened and who mends it, for the person who asked",
    "retryable": "Whether the same request may be sent again as it is",
    "retry_after_seconds": "When to ask or send again",
    "replayed": "Whether this answer was given before: nothing was done a second time",
    "field": "The member of the request it is about",
    "type": "Kind of problem, a URN with the error code (RFC 9457)",
    "title": "What happened, by HTTP status",
    "detail": "The same as user_message",
    "status_code": "HTTP status",
    "preview_token": "Send it with the action: refused if anything changed since. Lives for 15 minutes",
}
_PROBLEM = {"type": "string", "title": "string", "detail": "string", "status_code": "integer"}
_DUE = {"days_until_due": "integer", "due_date": "integer"}


def requests() -> dict[str, Schema]:
    """The body of each action and what it is made of, by the name of the model."""
    found: dict[str, Schema] = {}
    for action in actions.registry().values():
        found |= told(action.request)
    return found


def told(model: type[Request]) -> dict[str, Schema]:
    """One request and what it is made of."""
    schema = model.model_json_schema(ref_template=f"{PLACE}{{model}}")
    parts: Mapping[str, Schema] = {**schema.pop("$defs", {}), model.__name__: schema}
    found = {name: _object(part) for name, part in parts.items()}
    found[model.__name__]["examples"] = [dict(example) for example in model.examples]
    return found


def answers() -> dict[str, Schema]:
    """Every answer with a schema, by name."""
    envelope: Mapping[str, Schema] = TypeAdapter(Envelope).json_schema()["properties"]
    members = {name: {**_nullable(schema), "description": WORDS[name]} for name, schema in envelope.items()}
    members["status"]["enum"] = list(STATUSES)
    field = {"field": {"type": "string", "description": WORDS["field"]}}
    problem = {name: {"type": kind, "description": WORDS[name]} for name, kind in _PROBLEM.items()}
    token = {"type": "string", "description": WORDS["preview_token"]}
    shown = {"preview": {"$ref": f"{PLACE}Preview"}, "preview_token": token}
    return {
        "Answer": closed("How an action stands, or why it was refused", {**members, **field}, required=members),
        "Problem": closed("A fault", {**members, **problem, **field}, required=(*members, *problem)),
        "PreviewAnswer": closed("What would happen", {**members, **field, **shown}, required=members),
        "Preview": _preview(),
        "PreviewLine": closed("A line", _of({"description": "string", "quantity": "integer", "amount": "string"})),
        "Candidate": closed("Somebody who may receive the bill", _texts("contact_id", "name", "email", "why")),
        "Trace": _trace(),
        "Readiness": _readiness(),
    }


def closed(description: str, properties: Mapping[str, Schema], *, required: Any = None) -> Schema:
    """An object with these members and no others."""
    names = list(properties if required is None else required)
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": names,
        "additionalProperties": False,
    }


def _preview() -> Schema:
    """What the plans' summaries hold; which of it depends on the action."""
    lists = {"candidates": "Candidate", "lines": "PreviewLine"}
    members: dict[str, Schema] = {
        **_texts("customer", "recipient", "recipient_why", "total", "tax", "tax_status", "tax_error", "currency"),
        **_texts("amount", "paid", "remaining", "invoiced_so_far", "entity"),
        **{name: {"type": "array", "items": {"$ref": f"{PLACE}{item}"}} for name, item in lists.items()},
        **{name: _list({"type": "string"}) for name in ("warnings", "invoiced_in_other_currencies")},
        "due": closed("Days, or the last second of the day (Unix time)", _of(_DUE), required=()),
        "reusable": {"type": "boolean"},
    }
    return closed("What would be done, in amounts as text", members, required=("entity", "warnings"))


def _trace() -> Schema:
    parts: dict[str, Schema] = {
        "action": {"type": "object"},
        "answer": {"$ref": f"{PLACE}Answer"},
        "plan": {"type": ["array", "null"], "items": {"type": "object"}},
        "job": {"type": ["object", "null"]},
        **{name: _list({"type": "object"}) for name in ("steps", "write_back", "audit")},
    }
    return closed("Every step, attempt, upstream request id and write-back, redacted", parts)


def _readiness() -> Schema:
    circuit = closed(
        "An upstream that is given a rest", _of({"scope": "string", "error_code": "string", "open_seconds": "number"})
    )
    parts: dict[str, Schema] = {
        "ready": {"type": "boolean"},
        "problems": _list({"type": "string"}),
        "clock_behind_seconds": {"type": ["number", "null"]},
        "circuits": _list(circuit),
    }
    return closed("Whether requests should be sent here", parts)


def _object(schema: Schema) -> Schema:
    members = {name: _member(name, member) for name, member in schema["properties"].items()}
    return closed(" ".join(schema["description"].split()), members, required=schema.get("required", ()))


def _member(name: str, schema: Schema) -> Schema:
    """A member of a request. Null is not told: who has nothing to say leaves the member out."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "title"}}
    if rest.get("default") is None:
        rest.pop("default", None)
    if kinds == _AMOUNT:
        return {"type": ["string", "number"], **rest, "description": f"{rest['description']}. {_TOLD}"}
    if len(kinds) > 1:
        raise TypeError(f"{name}: a member of several kinds cannot be told to Flow")
    least = {"minItems": 1} if rest.get("type") == "array" and name in WIDENING else {}
    return {**(kinds[0] if kinds else {}), **rest, **least}


def _nullable(schema: Schema) -> Schema:
    kinds = [kind["type"] for kind in schema.get("anyOf", (schema,))]
    return {"type": kinds if len(kinds) > 1 else kinds[0]}


def _of(kinds: Mapping[str, str]) -> dict[str, Schema]:
    return {name: {"type": kind} for name, kind in kinds.items()}


def _texts(*names: str) -> dict[str, Schema]:
    return {name: {"type": ["string", "null"]} for name in names}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}
