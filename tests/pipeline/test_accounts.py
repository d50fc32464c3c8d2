"""At start: each key, and each refund key, belongs to the account its entity names, or nothing is started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.connectors import unobserved
from gateway.connectors.limits import Limiter
from gateway.connectors.stripe import StripeConnector
from gateway.connectors.stripe_account import account_behind
from gateway.errors import Misconfigured
from gateway.pipeline.accounts import check_accounts
from gateway.sandbox.stripe.app import create_app
from gateway.sandbox.stripe.world import StripeWorld
from gateway.sandbox.wire import Server
from tests.support.upstreams import FrozenEntity, FrozenSecret, SteppedClock

OURS, OURS_RESTRICTED = "sk_test_ours", "rk_test_ours"
THEIRS, THEIRS_RESTRICTED = "sk_test_theirs", "rk_test_theirs"
ORGANIZATION = "sk_org_test_ours"
ACCOUNTS = [
    {
        "id": "acct_ours",
        "keys": [OURS, {"key": OURS_RESTRICTED, "scopes": ["rak_invoice_write"]}, ORGANIZATION],
        "connected": ["acct_connected"],
    },
    {"id": "acct_theirs", "keys": [THEIRS, {"key": THEIRS_RESTRICTED, "scopes": ["rak_charge_write"]}]},
    {"id": "acct_connected", "keys": []},
]


@pytest.fixture(scope="module")
def stripe_url() -> Iterator[str]:
    with Server(create_app(StripeWorld.of(ACCOUNTS))) as server:
        yield server.url


@dataclass
class Settings:
    entities: dict[str, FrozenEntity]


@dataclass
class Tools:
    """The part of a process that the check looks at."""

    config: Settings
    stripe: StripeConnector

    def entity(self, name: str) -> FrozenEntity:
        return self.config.entities[name]


def check(url: str, **members: str) -> None:
    secrets = {name: FrozenSecret(value) for name, value in members.items() if name.endswith("_key")}
    plain = {name: value for name, value in members.items() if name not in secrets}
    entities = {"us": FrozenEntity(**{"account": "acct_ours", **plain}, **secrets)}  # type: ignore[arg-type]

    async def main() -> None:
        clock = SteppedClock()
        limiter = Limiter(clock, enabled=False)
        connector = StripeConnector(entities, url, clock=clock, limiter=limiter, observe=unobserved)
        try:
            await check_accounts(Tools(Settings(entities), connector))  # type: ignore[arg-type]  # that part of it
        finally:
            await connector.close(grace=1)

    asyncio.run(main())


@pytest.mark.parametrize(
    "members",
    [
        {"secret_key": OURS},
        {"secret_key": OURS_RESTRICTED},
        {"secret_key": OURS, "refund_key": OURS_RESTRICTED},
        {"secret_key": OURS, "stripe_account": "acct_connected"},
        {"secret_key": ORGANIZATION, "stripe_context": "acct_connected", "account": "acct_connected"},
    ],
)
def test_keys_of_the_pinned_account_are_taken(stripe_url: str, members: dict[str, str]) -> None:
    check(stripe_url, **members)


@pytest.mark.parametrize(
    ("members", "key"),
    [
        ({"secret_key": THEIRS}, "secret_key"),
        ({"secret_key": THEIRS_RESTRICTED}, "secret_key"),
        ({"secret_key": OURS, "refund_key": THEIRS}, "refund_key"),
        ({"secret_key": OURS, "refund_key": THEIRS_RESTRICTED}, "refund_key"),
        ({"secret_key": THEIRS, "stripe_account": "acct_connected"}, "secret_key"),
        ({"secret_key": ORGANIZATION, "stripe_context": "acct_connected"}, "secret_key"),
    ],
)
def test_a_key_of_another_account_is_refused(stripe_url: str, members: dict[str, str], key: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        check(stripe_url, **members)

    assert refused.value.code == "wrong_account"
    assert f"entities.us.{key}" in refused.value.message


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", None])
def test_what_cannot_be_asked_now_does_not_keep_anything_from_starting(stripe_url: str, url: str | None) -> None:
    check(url or stripe_url, secret_key="sk_test_nobodys" if url is None else OURS)


def test_the_account_is_asked_of_the_key_in_question(stripe_url: str) -> None:
    entities = {"us": FrozenEntity(secret_key=FrozenSecret(OURS), refund_key=FrozenSecret(THEIRS_RESTRICTED))}

    async def main() -> list[str | None]:
        clock = SteppedClock()
        limiter = Limiter(clock, enabled=False)
        connector = StripeConnector(entities, stripe_url, clock=clock, limiter=limiter, observe=unobserved)
        found = [await account_behind(connector, "us"), await account_behind(connector, "us", "refund")]
        await connector.close(grace=1)
        return found

    assert asyncio.run(main()) == ["acct_ours", "acct_theirs"]
