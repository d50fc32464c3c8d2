"""
Form bodies and query strings, decoded strictly into nested dictionaries of strings.

``lines[0][price_data][currency]=eur`` becomes ``{"lines": {"0": {"price_data": {"currency": "eur"}}}}``; ``expand[]=a``
takes the next free index. Whether a level is an array or a hash is the parameter table's business (params.py).
"""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from gateway.sandbox.stripe.errors import StripeError, invalid

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_ADVICE = "check that your POST content type is application/x-www-form-urlencoded"

Form = dict[str, Any]


def malformed(detail: str) -> StripeError:
    return invalid(f"Invalid request ({_ADVICE}): {detail}")


@lru_cache(maxsize=16_384)
def path_of(name: str) -> tuple[str, ...]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise malformed(f"cannot read the parameter name {name!r}")
    return (match.group(1), *_PART.findall(match.group(2)))


def text_of(raw: str) -> str:
    try:
        return unquote_plus(raw, errors="strict")
    except UnicodeDecodeError as exc:
        raise malformed("the text is not UTF-8") from exc


def decode(raw: bytes) -> Form:
    """Raises StripeError 400 for unreadable names, doubled or contradictory parameters, and text that is not UTF-8."""
    result: Form = {}
    if not raw:
        return result
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as exc:
        raise malformed("bytes outside ASCII must be percent-encoded") from exc
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name:
            put(result, path_of(text_of(name)), text_of(value))
    return result


def put(root: Form, path: tuple[str, ...], value: str) -> None:
    level = root
    for part in path[:-1]:
        level = level.setdefault(part or str(len(level)), {})
        if not isinstance(level, dict):
            raise malformed(f"{path[0]!r} is given both as a value and as a hash")
    last = path[-1] or str(len(level))
    if last in level:
        raise malformed(f"{path[0]!r} is given twice")
    level[last] = value
