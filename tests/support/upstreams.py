"""Small pieces the connector tests share: a clock, secrets, entities, a loop runner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

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


@dataclass(frozen=True)
class FrozenLogin:
    login_url: str
    private_key: RSAPrivateKey
    instance_url: str | None = None
    username: str = "gateway@acme.example"
    consumer_key: str = "3MVG9consumer"
    api_version: str = "65.0"


@dataclass(frozen=True)
class FrozenOrg:
    salesforce: FrozenLogin


@cache
def rsa_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)
