"""A key that is refused stops what needs it, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.stripe.access import ApiKey
from gateway.sandbox.stripe.resources import ENDPOINTS
from gateway.sandbox.stripe.world import StripeWorld
from tests.scenarios.lab import MACHINE, Lab, ask, until
from tests.scenarios.outage import US, closed_now, move, open_now, orders, scopes


class Keys(Lab):
    """The refund key of this one may read and nothing else, until it is given more."""

    REFUND_KEY = "rk_test_refunds000000000000"

    def _stripe_world(self, url: str) -> StripeWorld:
        self.world = super()._stripe_world(url)
        self.keys("rak_charge_read", "rak_invoice_read")
        return self.world

    def keys(self, *scopes: str) -> None:
        account = self.world.doorman.keys[self.identity.stripe_key].account
        self.world.doorman.keys[self.REFUND_KEY] = ApiKey(self.REFUND_KEY, account, frozenset(scopes))


def paths(lab: Lab) -> list[str]:
    return [call["path"] for call in lab.calls("stripe")]


@pytest.fixture
def keys(tmp_path: Path, sqlite_url: str) -> Iterator[Keys]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Keys(folder, sqlite_url)
    text = made.config_file.read_text()
    own = f"secret_key = {json.dumps(made.identity.stripe_key)}"
    made.config_file.write_text(text.replace(own, f"{own}\nrefund_key = {json.dumps(Keys.REFUND_KEY)}"))
    yield made
    made.close()


def test_a_refund_key_without_its_permission_stops_refunds_and_nothing_else(keys: Keys) -> None:
    lab, (first, second, *_) = keys, orders(keys)
    refunds = f"{US}:refund:POST /v1/refunds"

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", first, key="a", caller=MACHINE)
            lab.pay(lab.objects("invoice")[0])
            some = {"record_id": first["record_id"], "amount": "10.00"}
            refund = await ask(gateway, "refund-payment", some, key="r", wait=0)
            await open_now(gateway, refunds)
            more = await ask(gateway, "refund-payment", some, key="s", wait=2)
            invoice = await ask(gateway, "send-invoice", second, key="b", caller=MACHINE)

            assert invoice.envelope["success"], invoice.envelope
            assert (refund.running, more.running) == (True, True)
            assert len([c for c in lab.calls("stripe") if (c["method"], c["path"]) == ("POST", "/v1/refunds")]) == 1
            assert await scopes(gateway) == [refunds]

            lab.keys("rak_charge_write")
            move(lab, gateway, 61)
            lab.control("stripe", "POST", "clock", {"advance": 61})
            for answer in (refund, more):
                assert await gateway.tools.engine.wait(answer.action_id, 30)
            await closed_now(gateway)
            assert [x["amount"] for x in lab.objects("refund")] == [1000, 1000]

    asyncio.run(story())


def test_a_key_that_was_rolled_stops_the_entity_until_the_old_one_is_accepted_again(keys: Keys) -> None:
    lab, (first, second, *_) = keys, orders(keys)

    async def story() -> None:
        async with lab.gateway() as gateway:
            key = lab.world.doorman.keys.pop(lab.identity.stripe_key)
            one = await ask(gateway, "send-invoice", first, key="a", caller=MACHINE, wait=0)
            await open_now(gateway)
            two = await ask(gateway, "send-invoice", second, key="b", caller=MACHINE)
            asked = paths(lab)
            move(lab, gateway, 61)
            await until(
                lambda: paths(lab).count("/v1/account") == 3, what="a probe"
            )  # both keys were asked at the start
            assert await scopes(gateway) == [US]

            assert two.running
            assert asked == ["/v1/account", "/v1/account", "/v1/customers"]  # the second action was not even tried
            lab.world.doorman.keys[lab.identity.stripe_key] = key
            move(lab, gateway, 61)
            lab.control("stripe", "POST", "clock", {"advance": 122})
            for answer in (one, two):
                assert await gateway.tools.engine.wait(answer.action_id, 30)
            assert len(lab.objects("invoice")) == 2

    asyncio.run(story())


def test_a_key_that_may_not_read_checkouts_holds_the_unnamed_refunds_of_records_with_a_link(keys: Keys) -> None:
    lab = keys
    first = next(each for each in orders(lab) if each["record_id"] != lab.fleet)
    lab.keys("rak_charge_write")
    checkouts = f"{US}:billing:GET /v1/checkout/sessions"

    async def story() -> None:
        async with lab.gateway() as gateway:
            everything = lab.world.doorman.keys[lab.identity.stripe_key]
            allowed = {f"rak_{each.scope}_write" for each in ENDPOINTS if each.scope != "checkout_session"}
            lab.world.doorman.keys[everything.value] = replace(everything, scopes=frozenset(allowed))
            link = {"record_id": lab.fleet, "amount": "50.00", "currency": "USD", "description": "Deposit"}
            made = await ask(gateway, "create-payment-link", link, key="link")
            session = lab.control("stripe", "POST", f"payment_links/{made.envelope['stripe_id']}/pay", {})
            await ask(gateway, "send-invoice", first, key="a", caller=MACHINE)
            lab.pay(lab.objects("invoice")[0])
            part: dict[str, Any] = {"record_id": lab.fleet, "amount": "10.00"}

            payment = {"payment_intent": session["payment_intent"]}
            named = await ask(gateway, "refund-payment", {**part, **payment}, key="named")
            unnamed = await ask(gateway, "refund-payment", part, key="unnamed", wait=0)
            await open_now(gateway, checkouts)
            elsewhere = {"record_id": first["record_id"], "amount": "20.00"}
            other = await ask(gateway, "refund-payment", elsewhere, key="other")

            assert [x.envelope["success"] for x in (named, other)] == [True, True], (named.envelope, other.envelope)
            assert unnamed.running
            assert sorted(x["amount"] for x in lab.objects("refund")) == [1000, 2000]
            assert await scopes(gateway) == [checkouts]

            lab.world.doorman.keys[everything.value] = everything
            move(lab, gateway, 61)
            lab.control("stripe", "POST", "clock", {"advance": 61})
            assert await gateway.tools.engine.wait(unnamed.action_id, 30)
            await closed_now(gateway)
            assert sorted(x["amount"] for x in lab.objects("refund")) == [1000, 1000, 2000]

    asyncio.run(story())
