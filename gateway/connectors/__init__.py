"""The only code that talks to the outside: Stripe and Salesforce, their errors turned into ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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


_EMAIL = re.compile(r"[^\s@<>'\"(),;:]+@[^\s@<>'\"(),;:]+\.\w+")


def without_personal_data(text: str, limit: int = 500) -> str:
    """Shorten an upstream's message and cut what may not be stored: e-mail addresses, digit runs like card numbers."""
    text = _EMAIL.sub("(e-mail address)", text)
    text = re.sub(r"\b\d(?:[ -]?\d){11,18}\b", "(number)", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
