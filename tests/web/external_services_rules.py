"""
What Salesforce's External Services take, as rules that a document breaks or keeps.

Salesforce Help: "OpenAPI 2.0 and 3.0 Schema Support", "Schema Definition Considerations", "Schema Definition Limits",
"Naming and Description", "Operation Output Parameters". Stricter than Salesforce where what it does is not documented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

IDENTIFIER = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*", re.ASCII)
METHODS = {"get", "put", "post", "patch", "delete"}
IGNORED = {"security", "tags", "externalDocs", "callbacks", "servers"}
UNKNOWN = {"not", "anyOf", "oneOf", "allOf", "nullable", "additionalProperties", "discriminator", "readOnly", "const"}
TYPES = {"string", "integer", "boolean", "object", "array"}  # no "number": amounts are text
LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_SCHEMA, MOST_OPERATIONS = 80, 1333, 10_000_000, 3000
# Words Apex does not take as names (Apex Developer Guide, "Reserved Keywords"); what External Services make of them as
# members is not documented.
_APEX = """
abstract activate and any array as asc autonomous begin bigdecimal blob boolean break bulk by byte case cast catch char
class collect commit const continue currency date datetime decimal default delete desc do double else end enum exception
exit export extends false final finally float for from global goto group having hint if implements import in inner
insert instanceof int integer interface into join like limit list long loop map merge new not null nulls number object
of on or outer override package parallel pragma private protected public retrieve return rollback select set short
sobject sort static string super switch synchronized system testmethod then this throw time transaction trigger true try
undelete update upsert using virtual void webservice when where while
"""
RESERVED = set(_APEX.split())


def findings(document: dict[str, Any]) -> list[str]:
    """Every rule that is broken, with the place."""
    return [*_whole(document), *_paths(document), *_schemas(document)]


def reserved(document: dict[str, Any]) -> set[str]:
    """Members whose name is a word of Apex."""
    schemas = document["components"]["schemas"].values()
    return {name for schema in schemas for name in schema["properties"] if name.lower() in RESERVED}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((path, method, operation) for method, operation in item.items())


def _whole(document: dict[str, Any]) -> Iterator[str]:
    if not re.fullmatch(r"3\.0\.\d", document["openapi"]):
        yield f"OpenAPI {document['openapi']} is not 3.0"
    if len(json.dumps(document)) > LONGEST_SCHEMA:
        yield "too long"
    yield from (f"{name} is ignored" for name in IGNORED & document.keys())
    yield from _nodes(document, "", document)


def _nodes(node: Any, where: str, document: dict[str, Any]) -> Iterator[str]:
    """What holds wherever it stands."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _nodes(item, f"{where}[{index}]", document)
    if not isinstance(node, dict):
        return
    if isinstance(text := node.get("description"), str) and len(text) > LONGEST_DESCRIPTION:
        yield f"{where}: the description would be cut"
    if isinstance(ref := node.get("$ref"), str) and _target(ref, document) is None:
        yield f"{where}: {ref} does not exist"
    if "content" in node and set(node["content"]) != {"application/json"}:
        yield f"{where}: {sorted(node['content'])} instead of application/json"
    for name, value in node.items():
        yield from _nodes(value, f"{where}/{name}", document)


def _target(ref: str, document: dict[str, Any]) -> Any:
    found: Any = document
    for name in ref.removeprefix("#/").split("/"):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _paths(document: dict[str, Any]) -> Iterator[str]:
    found = list(operations(document))
    if len(found) > MOST_OPERATIONS:
        yield "too many operations"
    names = [operation.get("operationId", "").lower() for _, _, operation in found]
    yield from (f"operation {name} exists twice" for name in sorted(set(names)) if names.count(name) > 1)
    for path, method, operation in found:
        yield from (f"{method} {path}: {problem}" for problem in _operation(path, method, operation))


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    name = operation.get("operationId", "")
    if method not in METHODS:
        yield f"{method} is not supported"
    if not IDENTIFIER.fullmatch(name) or len(name) > LONGEST_NAME or name.lower() in RESERVED:
        yield f"operationId {name!r} is no name for Apex"
    if not operation.get("description"):
        yield "has no description"
    if method in {"get", "delete"} and "requestBody" in operation:
        yield "takes no body"
    yield from (f"{word} is ignored" for word in IGNORED & operation.keys())
    yield from _parameters(path, operation.get("parameters", []))
    yield from _responses(operation["responses"])


def _parameters(path: str, parameters: list[dict[str, Any]]) -> Iterator[str]:
    for parameter in parameters:
        name = parameter.get("name", "")
        if not IDENTIFIER.fullmatch(name):
            yield f"parameter {name!r} has no name for Apex"
        if parameter.get("in") not in {"path", "query", "header"}:
            yield f"parameter {name}: {parameter.get('in')} is not supported"
        if parameter.get("schema", {}).get("type") not in TYPES - {"object", "array"}:
            yield f"parameter {name} has no simple type"
        if parameter.get("in") == "path" and not parameter.get("required"):
            yield f"parameter {name} must be required"
    told = {parameter.get("name") for parameter in parameters if parameter.get("in") == "path"}
    if told != set(re.findall(r"{(\w+)}", path)):
        yield f"path parameters are {sorted(map(str, told))}"


def _responses(responses: dict[str, Any]) -> Iterator[str]:
    if set(responses) != {"200", "202", "default"}:
        yield f"answers {sorted(responses)}: an answer that is not declared reaches Flow as text only"
    answers = [json.dumps(response.get("content"), sort_keys=True) for response in responses.values()]
    if len(set(answers)) != 1 or "#/components/schemas/" not in answers[0]:
        yield "answers differ"
    yield from (f"answer {s}: headers are not supported" for s, response in responses.items() if "headers" in response)


def _schemas(document: dict[str, Any]) -> Iterator[str]:
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for name, schema in schemas.items():
        if not IDENTIFIER.fullmatch(name) or name.lower() in RESERVED:
            yield f"schema {name!r} is no name for Apex"
        if f'"#/components/schemas/{name}"' not in text:
            yield f"schema {name} is not used"
        if schema.get("type") != "object" or not schema.get("properties"):
            yield f"schema {name} has no members"
        yield from (f"{name}: {problem}" for problem in _members(schema))
    answered = {
        schema["$ref"].rpartition("/")[2]
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        for schema in [response.get("content", {}).get("application/json", {}).get("schema", {})]
        if "$ref" in schema
    }
    for name in sorted(answered & schemas.keys()):
        deep = [k for k, m in schemas[name].get("properties", {}).items() if m.get("type") in (None, "object", "array")]
        yield from (f"{name}: {member} is not flat" for member in deep)


def _members(schema: dict[str, Any]) -> Iterator[str]:
    members = schema.get("properties", {})
    yield from (f"{word} is not supported" for word in UNKNOWN & schema.keys())
    yield from (f"requires {name}, which is no member" for name in set(schema.get("required", ())) - members.keys())
    for name, member in members.items():
        if not IDENTIFIER.fullmatch(name):
            yield f"member {name!r} is no name for Apex"
        if not member.get("description"):
            yield f"member {name} has no description"
        yield from (f"member {name}: {problem}" for problem in _kind(member))


def _kind(member: dict[str, Any]) -> Iterator[str]:
    yield from (f"{word} is not supported" for word in UNKNOWN & member.keys())
    kind = member.get("type")
    if "$ref" in member:
        return
    if kind not in TYPES if isinstance(kind, str) else True:
        yield f"type {kind!r} is not supported"
    if kind == "object":
        yield "an object without a name"
    if kind == "array" and member.get("items", {}).get("type") in {"array", "object"}:
        yield "a list of what has no name cannot be used in Flow"
    if kind == "array" and not ({"type", "$ref"} & member.get("items", {}).keys()):
        yield "a list of nothing"
    if not all(isinstance(value, str) for value in member.get("enum", ())):
        yield "an enumeration of something else than text"
