"""Ids of Salesforce, of Stripe and of our own: checked before they are used in a path, a query or a key."""

from __future__ import annotations

import re
import secrets
import threading
import time
from typing import NewType

from gateway.cards import find_card_number
from gateway.errors import Rejected

RecordId = NewType("RecordId", str)
ActionId = NewType("ActionId", str)
OrgId = NewType("OrgId", str)
StripeId = NewType("StripeId", str)

USER = "005"
ORGANIZATION = "00D"

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SALESFORCE = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?", re.ASCII)
_STRIPE = re.compile(r"([a-z]{2,12})_(?:test_|live_)?[A-Za-z0-9]{1,200}", re.ASCII)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)


def salesforce_id(text: object, *, field: str = "record_id") -> str:
    """The 18-character form of a 15- or 18-character id; ``invalid_id`` when alphabet, length or suffix is wrong."""
    if not isinstance(text, str) or not _SALESFORCE.fullmatch(text) or text.startswith("000"):
        raise _invalid(field, "is not a Salesforce record id (15 or 18 letters and digits)")
    full = text[:15] + _suffix(text)
    if len(text) == 18 and text != full:
        raise _invalid(field, "is not a Salesforce record id: its last three characters do not fit the others")
    return full


def key_prefix(record_id: str) -> str:
    """The first three characters, which name the object: ``005`` is a user, ``006`` an opportunity."""
    return record_id[:3]


def stripe_id(text: object, *prefixes: str, field: str = "stripe_id") -> str:
    """A Stripe id with one of the prefixes (``in``, ``cus``; none = any); ``invalid_id`` otherwise."""
    match = _STRIPE.fullmatch(text) if isinstance(text, str) else None
    if not match or (prefixes and match[1] not in {prefix.rstrip("_") for prefix in prefixes}):
        wanted = " or ".join(f"{prefix.rstrip('_')}_…" for prefix in prefixes) or "like in_…"
        raise _invalid(field, f"is not a Stripe id ({wanted})")
    return match[0]


def request_key(text: object, *, field: str = "request_key") -> str:
    """1–255 printable ASCII characters without a card number; ``invalid_request_key`` otherwise."""
    if not isinstance(text, str) or not 1 <= len(text) <= 255 or not text.isascii() or not text.isprintable():
        raise Rejected(
            "invalid_request_key", "The request key must be 1 to 255 printable ASCII characters.", field=field
        )
    if text != text.strip():
        raise Rejected("invalid_request_key", "The request key must not begin or end with a space.", field=field)
    if find_card_number(text):
        raise Rejected("card_data_refused", "The request key looks like a card number; use a UUID.", field=field)
    return text


class _Clockwork:
    """Rises with every call in this process, also within a millisecond and when the clock steps back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        fresh = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
        with self._lock:
            self._last = fresh if fresh >> 80 > self._last >> 80 else self._last + 1
            return self._last


_clockwork = _Clockwork()


def new_id(prefix: str) -> str:
    """``act_`` + 26 Crockford base-32 characters (48 bits of milliseconds, 80 random): sorts by time of making."""
    number = _clockwork.next()
    return f"{prefix.rstrip('_')}_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def own_id(text: object, prefix: str, *, field: str = "id") -> str:
    """An id made by ``new_id`` with this prefix; ``invalid_id`` otherwise."""
    head = prefix.rstrip("_") + "_"
    if not isinstance(text, str) or len(text) != len(head) + 26 or not text.startswith(head):
        raise _invalid(field, f"is not an id of the form {head}…")
    if not set(text[len(head) :]) <= set(_CROCKFORD):
        raise _invalid(field, f"is not an id of the form {head}…")
    return text


def _suffix(text: str) -> str:
    """One character per five: which of them are upper case (Salesforce, "What are the 15 and 18 character ids")."""
    return "".join(
        _SUFFIX[sum(1 << bit for bit, char in enumerate(text[at : at + 5]) if "A" <= char <= "Z")] for at in (0, 5, 10)
    )


def _invalid(field: str, what: str) -> Rejected:
    return Rejected("invalid_id", f"The {field.replace('_', ' ')} {what}.", field=field)
