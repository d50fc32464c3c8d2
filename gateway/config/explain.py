"""What the models found wrong, in words an operator can act on, and at which key of the file."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.problems import Path, Wrong, did_you_mean, nearest

Finding = tuple[Path, str, str | None]  # where, what, suggestion

# pydantic's kind of error → our words; {} members come from the error's context.
_WORDS = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list in [ ]",
    "frozen_set_type": "must be a list in [ ]",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "literal_error": "must be {expected}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_pattern_mismatch": "must look like {shape}",
    "too_short": "needs at least {min_length}",
    "too_long": "has {actual_length}; at most {max_length} are possible",
}


# What a pattern looks like when it is kept; whoever writes the file reads no regular expressions.
_SHAPES = {
    r"^00D": "00D… (Setup → Company Information)",
    r"^[6-9][0-9]\.0$": "65.0, and 60.0 or newer",
    r"^[a-z0-9][a-z0-9_-]{0,30}$": "eu-west_1: small letters, digits, - and _, at most 31",
    r"^[A-Za-z][A-Za-z0-9]*(?:_{1,2}[A-Za-z0-9]+)*$": "an API name, for example Opportunity or Project__c",
    r"^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*__c$": "the API name of a custom field, for example Project__c",
    r"^(?:[A-Za-z]\w*(?:\.[A-Za-z]\w*){0,4})?$": "a field, for example PO_Number__c or Account.Terms__c",
    r"^[A-Za-z0-9_/]{1,200}$": "acct_…, or several of them with / between",
}


def explain(error: ValidationError, model: type[BaseModel], data: Any) -> Iterator[Finding]:
    """Every finding of one section, its path relative to the section. Values are never quoted: one may be a secret."""
    found = {path_in(one, data): one for one in reversed(error.errors(include_url=False, include_input=False))}
    misspelt = {(*path[:-1], name) for path, one in found.items() if (name := _meant(one, model, path)) is not None}
    for path, details in reversed(found.items()):
        # Told once, where it stands under another name.
        if details["type"] == "missing" and path in misspelt:
            continue
        # A list whose only entry is wrong counts as empty to pydantic: the entry is told, its list is not.
        if details["type"] != "too_short" or not any(other[: len(path)] == path != other for other in found):
            yield path, *_say(details, model, path)


def _say(details: ErrorDetails, model: type[BaseModel], path: Path) -> tuple[str, str | None]:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return "is missing", _what_it_is(model, path)
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return "is not a known key", did_you_mean(str(path[-1]), known) or f"known are {', '.join(known)}"
    if isinstance(wrong := context.get("error"), Wrong):
        return wrong.message, wrong.suggestion
    words = _WORDS.get(kind)
    shape = _SHAPES.get(str(context.get("pattern")), context.get("pattern"))
    return (words.format(**context, shape=shape) if words else details["msg"].replace("Input should", "must")), None


def _meant(details: ErrorDetails, model: type[BaseModel], path: Path) -> str | None:
    """The key that an unknown one was probably meant to be."""
    if details["type"] != "extra_forbidden":
        return None
    return nearest(str(path[-1]), _keys_at(model, path[:-1]))


def _what_it_is(model: type[BaseModel] | None, path: Path) -> str | None:
    """What the reference says of a key, so that nobody must look it up to fill it in."""
    for part in path[:-1]:
        if model and isinstance(part, str):
            by_key = {field.alias or name: field for name, field in model.model_fields.items()}
            model = model_in(by_key[part].annotation) if part in by_key else None
    fields = model.model_fields.items() if model else ()
    told = next((field.description for name, field in fields if (field.alias or name) == path[-1]), None)
    return f"add it: {told[0].lower() + told[1:] if told[1:2].islower() else told}" if told else None


def path_in(details: ErrorDetails, data: Any) -> Path:
    """The part of pydantic's location that is a member of the data, or would be one."""
    path: Path = ()
    for part in details["loc"]:
        if isinstance(data, dict) and (part in data or details["type"] == "missing"):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
        path = (*path, part)
    return path


def _keys_at(model: type[BaseModel] | None, path: Path) -> list[str]:
    for part in path:
        if model and isinstance(part, str):
            by_key = {field.alias or name: field for name, field in model.model_fields.items()}
            model = model_in(by_key[part].annotation) if part in by_key else None
    return [field.alias or name for name, field in model.model_fields.items() if field.description] if model else []


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model a field holds, alone or in a collection."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in typing.get_args(annotation) if (found := model_in(one))), None)
