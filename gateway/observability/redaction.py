"""Black out what must never leave: keys, tokens, session ids, private keys, card numbers, e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.cards import redact_cards

MASK = "[redacted]"

# Members whose value is secret whatever it looks like; compared in lower case with dashes as underscores.
SECRET_MEMBERS = frozenset(
    {
        "access_token",
        "api_key",
        "assertion",
        "authorization",
        "client_secret",
        "consumer_key",
        "cookie",
        "password",
        "private_key",
        "preview_token",
        "refund_key",
        "secret",
        "secret_key",
        "session_id",
        "set_cookie",
        "stripe_signature",
        "token",
        "webhook_secret",
    }
)

# (what it looks like, what stands there instead). The first group, if any, is kept: it tells which kind of key it was.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), "[key]"),
    (re.compile(r"\b([sr]k_(?:org_)?(?:live|test)_)\w+"), r"\1" + MASK),
    (re.compile(r"\b(whsec_)[\w+/=-]+"), r"\1" + MASK),
    (re.compile(r"\b((?:pi|seti|cs)_\w+?_secret_)\w+"), r"\1" + MASK),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*"), "[token]"),
    # A Salesforce session id is the org id, an exclamation mark and the session itself.
    (re.compile(r"\b(00D\w{12,15})(?:!|%21)[\w.]+"), r"\1![session]"),
    (re.compile(r"\b([Bb]earer )[\w.~+/!=-]{8,}"), r"\1" + MASK),
    (re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
)
# Substring searches decide first whether a text can hold any of the above: nearly every logged value cannot, and ten
# of them cost a twentieth of one regular expression with ten branches.
_MARKS = ("@", "!", "_", "eyJ", "-----BEGIN", "%40", "%21", "earer ")
_KEYS = ("sk_", "rk_", "whsec_", "_secret_")
_MANY_DIGITS = re.compile(r"\d(?:[^\w.:]?\d){12}")


def redact(text: str) -> str:
    """The text without anything that looks like a secret, a card number or an e-mail address."""
    if not _suspect(text):
        return text
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return redact_cards(text)


def _suspect(text: str) -> bool:
    if len(text) < 6:
        return False
    for mark in _MARKS:
        if mark in text and (mark != "_" or any(key in text for key in _KEYS)):
            return True
    return len(text) > 12 and _MANY_DIGITS.search(text) is not None


# Any: log values are whatever the caller has at hand.
def redacted(value: Any, depth: int = 8) -> Any:
    """The same value, redacted all through; objects become their redacted ``repr``, deep nesting is cut."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if value < 10**12 else redact(str(value))
    if depth == 0:
        return "[cut]"
    if isinstance(value, Mapping):
        return {redact(str(key)): _member(str(key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted(item, depth - 1) for item in value]
    return redact(value.decode(errors="replace") if isinstance(value, bytes) else repr(value))


def _member(name: str, value: Any, depth: int) -> Any:
    secret = name.lower().replace("-", "_") in SECRET_MEMBERS and value not in (None, "")
    return MASK if secret else redacted(value, depth)
