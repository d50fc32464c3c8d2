"""Small pieces the connector tests share: a clock, secrets, entities, a loop runner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class SteppedClock:
    """Real time plus what the test adds."""

    ahead: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def now(self) -> float:
        return time.time() + self.ahead


@dataclass(frozen=True)
class FrozenSecret:
    text: str

    def reveal(self) -> str:
        return self.text


@dataclass(frozen=True)
class FrozenEntity:
    name: str = "us"
    mode: str = "test"
    account: str = "acct_1"
    secret_key: FrozenSecret = FrozenSecret("sk_test_billing")
    refund_key: FrozenSecret | None = None
    stripe_account: str | None = None
    stripe_context: str | None = None


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)
