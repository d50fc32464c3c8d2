"""What came in, read strictly: JSON in which nothing is guessed, requests in which every wrong member is named."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.cards import redact_cards
from gateway.config.explain import path_in
from gateway.config.problems import Path, dotted
from gateway.errors import Rejected

MAX_DEPTH = 32
_MAX_DIGITS = 40
_MAX_EXPONENT = 400

M = TypeVar("M", bound=BaseModel)

_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_EXPONENT = re.compile(r"[eE][+-]?0*([0-9]*)$")


def parse_json(data: bytes) -> Any:  # JSON is dynamic
    """Strict JSON (RFC 8259, I-JSON): no duplicate members, NaN, lone surrogates, NUL, depth beyond 32."""
    text = _decode(data)
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise malformed(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = json.loads(
            text,
            parse_float=_fraction,
            parse_int=_whole,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as exc:
        raise malformed("The body is not valid JSON.") from exc
    if b"\\u" in data:
        _check_escapes(value)
    return value


def parse(model: type[M], data: Any) -> M:
    """The validated request; Rejected 422 names the first wrong member and never repeats its value."""
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)
        raise _wrong_member(errors, data) from exc


def _decode(data: bytes) -> str:
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise malformed("The body begins with a byte order mark; send plain UTF-8.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise malformed("The body is not UTF-8.") from exc


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for token in _NESTING.finditer(data):
        char = token.group()
        if char in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in b"]}":
            depth -= 1
    return deepest


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise malformed("A number has too many digits.")
    return int(text)


def _fraction(text: str) -> Decimal:
    exponent = _EXPONENT.search(text)
    if len(text) > _MAX_DIGITS or (exponent and (len(exponent[1]) > 3 or int(exponent[1] or 0) > _MAX_EXPONENT)):
        raise malformed("A number has too many digits.")
    return Decimal(text)


def _constant(name: str) -> NoReturn:
    raise malformed("The body is not valid JSON: NaN and Infinity are no numbers.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise malformed("A member of the JSON appears twice.")
    return members


def _check_escapes(value: Any) -> None:
    """Escapes are the only way a NUL or half a character can get in: neither can be stored."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, str) and ("\x00" in item or any("\ud800" <= char <= "\udfff" for char in item)):
            raise malformed("A text holds a character that cannot be stored (NUL or half a character).")


def malformed(message: str) -> Rejected:
    """400: not even JSON."""
    return Rejected("malformed_request", message, http_status=400)


def _wrong_member(errors: list[ErrorDetails], data: Any) -> Rejected:
    # An unknown member is told first: it is usually the misspelt name of the one that is missing.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    path = path_in(first, data)
    name = _shown(path)
    code, words = _WORDS.get(first["type"], ("invalid_member", _told(first, path)))
    if sum(path_in(one, data) == path for one in errors) > 1:
        words = _form(path)
    return Rejected(code, f"{name or 'The body'} {words}.", field=name or None)


def _shown(path: Path) -> str:
    """``lines[0].description``, fit to be shown and logged."""
    text = "".join(char if char.isprintable() else "?" for char in dotted(path))
    return redact_cards(text[:100]) or ('""' if path else "")


def _told(error: ErrorDetails, path: Path) -> str:
    if error["type"] in _OURS:
        return redact_cards(error["msg"])
    words = _FORMS.get(error["type"])
    if words is None:
        return _form(path)
    return words.format(**{name: str(value)[:100] for name, value in error.get("ctx", {}).items()})


def _form(path: Path) -> str:
    """What it should look like, where the member is known for it."""
    example = _EXAMPLES.get(str(path[-1])) if path else None
    return f"must be {example}" if example else "has a form that is not possible here"


# What a person is told, by pydantic's type of error (docs.pydantic.dev/latest/errors/validation_errors).
_FORMS = {
    "string_type": "must be a text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "model_type": "must be an object with members",
    "model_attributes_type": "must be an object with members",
    "dict_type": "must be an object with members",
}
_AMOUNT = 'a decimal number as a text, such as "12.50"'
_EXAMPLES = {
    **dict.fromkeys(("amount", "unit_price", "portion_amount", "discount_amount"), _AMOUNT),
    **dict.fromkeys(("quantity", "portion_percent", "discount_percent"), 'a decimal number, such as "2" or "12.5"'),
    "due_date": "a date such as 2027-01-31",
    "tax_code": "one of Stripe's tax codes (txcd_ and eight digits)",
    "tax_id_type": "one of Stripe's types, such as eu_vat",
    "line_id": "the Salesforce id of a line (15 or 18 characters)",
}
# Errors whose words are our own.
_OURS = frozenset({"widening_member"})
_WORDS = {
    "extra_forbidden": ("unknown_member", "is not a member of this request"),
    "missing": ("missing_member", "is missing"),
    "invalid_id": ("invalid_id", "is not a Salesforce record id (15 or 18 letters and digits)"),
}
