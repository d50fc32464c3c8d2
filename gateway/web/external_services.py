"""
The gateway described in OpenAPI 3.0.3, within what Salesforce's External Services take, for Flow without Apex.

Salesforce Help, "OpenAPI 2.0 and 3.0 Schema Support", "Schema Definition Considerations", "Operation Output
Parameters": no response headers, every parameter named, and an answer whose status is not declared reaches Flow as text
only. So every operation declares 200, 202 and default with one flat schema, and all that matters is in the body.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway import actions
from gateway.actions import Action
from gateway.records import Json
from gateway.web import schemas
from gateway.web.schemas import PLACE, VERSION, WORDS, Schema

ANSWER = "GatewayAnswer"
_KEPT = ("type", "$ref", "description", "enum", "items", "properties", "required")
_ABOUT = "Actions at Stripe, each exactly once. Every answer has the same members; those with nothing to say are empty."


def identifier(*words: str) -> str:
    """Names as Apex takes them: ``send-invoice`` → ``sendInvoice``."""
    first, *rest = "-".join(words).split("-")
    return first + "".join(word.capitalize() for word in rest)


def document(*, money_out: bool = True) -> Schema:
    """The same for every installation: the address is the named credential's. Refunds can be left out."""
    told = [action for action in actions.registry().values() if money_out or not action.money_out]
    paths: dict[str, Schema] = {}
    for action in told:
        paths[f"/v1/actions/{action.name}"] = {"post": _act(action)}
        paths[f"/v1/actions/{action.name}/preview"] = {"post": _preview(action)}
    key = _parameter("request_key", "query", "The key the action was sent under", required=True)
    action_id = _parameter("action_id", "path", WORDS["action_id"], required=True)
    paths["/v1/actions"] = {"get": _operation("findAction", "Find Stripe action by request key", [key])}
    paths["/v1/actions/{action_id}"] = {"get": _operation("readAction", "Read Stripe action", [action_id])}
    paths["/v1/outbox/pull"] = {"post": _operation("pullOutbox", "Look at the Stripe outbox now", [])}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Stripe action gateway", "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": _schemas(told)},
    }


def _act(action: Action) -> Schema:
    wait = "wait=N: seconds to wait for the end, 0 to 110, before the answer is pending"
    parameters = [_parameter("Prefer", "header", wait)]
    return _operation(identifier(action.name), action.label, parameters, action.request.__name__)


def _preview(action: Action) -> Schema:
    name, summary = identifier("preview", action.name), f"Preview: {action.label}"
    return _operation(name, summary, [], action.request.__name__)


def _operation(name: str, summary: str, parameters: list[Schema], body: str | None = None) -> Schema:
    content = {"application/json": {"schema": {"$ref": f"{PLACE}{body}"}}}
    answer = {"application/json": {"schema": {"$ref": f"{PLACE}{ANSWER}"}}}
    told = {"200": "Done, or refused", "202": "Still working", "default": "Not done"}
    return {
        "operationId": name,
        "summary": summary,
        "description": summary,
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": {"required": True, "content": content}} if body else {}),
        "responses": {status: {"description": text, "content": answer} for status, text in told.items()},
    }


def _schemas(told: Collection[Action]) -> dict[str, Schema]:
    asked = {name: _plain(part) for action in told for name, part in schemas.told(action.request).items()}
    for action in told:
        if action.money_out:  # there is no header to carry the key here
            asked[action.request.__name__]["required"].append("request_key")
    parts = schemas.answers()
    members: dict[str, Json] = {
        name: _plain(schema)
        for part in ("Answer", "Problem", "PreviewAnswer")
        for name, schema in parts[part]["properties"].items()
        if "$ref" not in schema
    }
    members["status"].pop("enum")  # a word that is added one day must not break a flow
    return {**asked, ANSWER: {"type": "object", "description": _ABOUT, "properties": members}}


def _plain(schema: Mapping[str, Json]) -> Schema:
    """The same with one type each, and nothing that External Services are not known to take."""
    plain = {name: value for name, value in schema.items() if name in _KEPT and value != []}
    if isinstance(plain.get("type"), list):
        plain["type"] = plain["type"][0]  # what may be text and number is text; what may be null is left empty
    if "items" in plain:
        plain["items"] = _plain(plain["items"])
    if "properties" in plain:
        plain["properties"] = {name: _plain(member) for name, member in plain["properties"].items()}
    return plain


def _parameter(name: str, place: str, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": place, "required": required, "description": description, "schema": {"type": "string"}}
