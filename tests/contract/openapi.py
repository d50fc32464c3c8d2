"""Stripe's public OpenAPI spec as a judge of requests and answers (stripe_openapi.json.gz, see its ``provenance``)."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.contract.problems import MISSING, UNKNOWN, Problem, best, decimal, joined, truth, whole

PACKED = Path(__file__).with_name("stripe_openapi.json.gz")
# Lists that Stripe adds to an answer only when they are asked for by ``expand``.
INCLUDABLE = {
    "charge": {"refunds"},
    "checkout.session": {"line_items"},
    "customer": {"cash_balance", "sources", "subscriptions", "tax_ids"},
    "invoice": {"confirmation_secret", "payments"},
    "payment_link": {"line_items"},
}


@cache
def spec() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(gzip.decompress(PACKED.read_bytes()))
    return data


@cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    paths = sorted(spec()["paths"], key=lambda path: (path.count("{"), path))
    return [(path, re.compile(re.sub(r"\{[^}]+\}", r"[^/]+", path))) for path in paths]


def operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The path's template and what the spec says of this method."""
    for template, pattern in _templates():
        if pattern.fullmatch(path) and method.upper() in spec()["paths"][template]:
            return template, spec()["paths"][template][method.upper()]
    return None


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = spec()["schemas"][schema["$ref"]]
        return found
    return schema


def request_problems(method: str, path: str, params: Any) -> list[Problem]:
    found = operation(method, path)
    if found is None:
        return [Problem(f"{method} {path}", "not in the spec")]
    return list(_parameter(found[1]["request"], params, ""))


def response_problems(method: str, path: str, body: Any) -> list[Problem]:
    found = operation(method, path)
    if found is None:
        return [Problem(f"{method} {path}", "not in the spec")]
    return list(_value(found[1]["response"], body, ""))


def object_problems(kind: str, body: Any) -> list[Problem]:
    """For an object that comes without a request, out of an event: ``kind`` is its ``object``."""
    return list(_value({"$ref": kind}, body, ""))


def _parameter(schema: dict[str, Any], value: Any, where: str) -> Iterator[Problem]:
    """Typed values and their form spellings both count: ``True`` and ``"true"``."""
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if not (isinstance(value, dict | list) and "enum" in option)]
        yield from best(list(_parameter(option, value, where)) for option in options or schema["anyOf"])
    elif schema.get("type") == "object" or "properties" in schema:
        yield from _hash(schema, value, where)
    elif schema.get("type") == "array":
        items = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(items, list):
            yield Problem(where, "not an array")
            return
        for position, item in enumerate(items):
            yield from _parameter(schema["items"], item, f"{where}[{position}]")
    elif not _parameter_fits(schema, value):
        yield Problem(where, f"{value!r} is not {schema.get('enum') or schema.get('format') or schema.get('type')}")
    elif len(str(value)) > schema.get("maxLength", 5000):
        yield Problem(where, f"longer than {schema.get('maxLength', 5000)}")


def _hash(schema: dict[str, Any], value: Any, where: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(where, "not a hash")
        return
    properties = schema.get("properties")
    if properties is None:
        yield from (Problem(f"{where}[{key}]", "not text") for key, text in value.items() if not isinstance(text, str))
        return
    for key, child in value.items():
        name = f"{where}[{key}]" if where else key
        if key in properties:
            yield from _parameter(properties[key], child, name)
        else:
            yield Problem(name, UNKNOWN)
    for key in schema.get("required", ()):
        if key not in value:
            yield Problem(f"{where}[{key}]" if where else key, MISSING)


def _parameter_fits(schema: dict[str, Any], value: Any) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    match schema.get("type"):
        case "integer":
            return whole(value)
        case "number":
            return decimal(value)
        case "boolean":
            return truth(value)
        case "string" if schema.get("format") == "decimal":
            return decimal(value)
        case "string":
            return isinstance(value, str)
    return True


def _value(schema: dict[str, Any], value: Any, where: str) -> Iterator[Problem]:
    if value is None and schema.get("nullable"):
        return
    name, schema = schema.get("$ref"), resolved(schema)
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if _could_be(option, value)] or schema["anyOf"]
        yield from best(list(_value(option, value, where)) for option in options)
    elif schema.get("type") == "array":
        if not isinstance(value, list):
            yield Problem(where, "not an array")
            return
        for position, item in enumerate(value):
            yield from _value(schema["items"], item, f"{where}[{position}]")
    elif schema.get("type") == "object":
        yield from _members(schema, value, where, name)
    elif not _answer_fits(schema, value):
        yield Problem(where, f"{value!r} is not {schema.get('enum') or schema.get('type')}")


def _could_be(option: dict[str, Any], value: Any) -> bool:
    """An expanded member is an object of its own kind, not the id it stands for."""
    option = resolved(option)
    if not isinstance(value, dict):
        return option.get("type") != "object" and "properties" not in option
    kinds = option.get("properties", {}).get("object", {}).get("enum")
    if option.get("type") != "object" or (kinds and value.get("object") not in kinds):
        return False
    return ("deleted" in option.get("required", ())) is ("deleted" in value)


def _members(schema: dict[str, Any], value: Any, where: str, name: str | None) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(where, "not an object")
        return
    properties = schema.get("properties")
    if properties is None:
        return
    for key, child in value.items():
        if key in properties:
            yield from _value(properties[key], child, joined(where, key))
        else:
            yield Problem(joined(where, key), UNKNOWN)
    yield from (Problem(joined(where, key), MISSING) for key in promised(schema, name) if key not in value)


def promised(schema: dict[str, Any], name: str | None) -> list[str]:
    """What must be there: required members, and of whole objects the nullable ones, which Stripe sends as null."""
    properties = schema["properties"]
    required = list(schema.get("required", ()))
    if "object" in properties and "id" in properties:
        nullable = [key for key, child in properties.items() if child.get("nullable")]
        required += [key for key in nullable if key not in INCLUDABLE.get(name or "", set())]
    return list(dict.fromkeys(required))


def _answer_fits(schema: dict[str, Any], value: Any) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    match schema.get("type"):
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
    return True
