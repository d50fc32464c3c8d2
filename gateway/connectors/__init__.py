"""The only code that talks to the outside: Stripe and Salesforce, their errors turned into ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol


class Clock(Protocol):
    """Seconds: ``monotonic`` for waits, ``now`` since the epoch."""

    def monotonic(self) -> float: ...
    def now(self) -> float: ...


@dataclass(frozen=True, slots=True)
class CallEvent:
    """
    One upstream call, as metrics and logs see it: never parameters or bodies.

    ``who`` is the entity (Stripe) or the org (Salesforce); ``endpoint`` is the path with ids replaced; ``outcome`` is
    ``ok`` or the code of the error; ``status`` is 0 when no answer came; ``seconds`` is wall-clock time.
    """

    upstream: str
    who: str
    method: str
    endpoint: str
    outcome: str
    status: int
    seconds: float
    request_id: str | None = None


Observe = Callable[[CallEvent], None]


def unobserved(event: CallEvent) -> None:
    """Watch nothing."""


_LONGEST_PAUSE = 3600.0  # seconds: an upstream that asks for more is asked again after that


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds an answer asks to wait (RFC 9110, 10.2.3): a number, or a date told by the answer's own clock."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), _LONGEST_PAUSE)
    try:
        pause = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(pause.total_seconds(), 0.0), _LONGEST_PAUSE)


_EMAIL = re.compile(r"[^\s@<>'\"(),;:]+@[^\s@<>'\"(),;:]+\.\w+")


def without_personal_data(text: str, limit: int = 500) -> str:
    """Shorten an upstream's message and cut what may not be stored: e-mail addresses, digit runs like card numbers."""
    text = _EMAIL.sub("(e-mail address)", text)
    text = re.sub(r"\b\d(?:[ -]?\d){11,18}\b", "(number)", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
