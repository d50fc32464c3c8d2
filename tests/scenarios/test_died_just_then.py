"""A process that dies just after it has learnt or settled something: the next one says and does what it would have."""

from __future__ import annotations

import asyncio

import pytest

from tests.scenarios.effects import Effects, Point, drop
from tests.scenarios.lab import MACHINE, Lab, ask, until
from tests.scenarios.test_pauses import BY_ORG, pause, resting, resumed_later, seen

pytestmark = pytest.mark.plain


async def dead(effects: Effects) -> None:
    await until(lambda: effects.dead, what="the crash")


def test_what_is_not_known_of_a_mail_is_told_by_the_next_process(lab: Lab) -> None:
    broken = {"match": {"path": "/v1/invoices/*/send"}, "kind": "http_500_cached", "when": "after", "times": 1}

    async def story() -> None:
        effects = Effects()
        gateway = await lab.boot(effects.watch)
        effects.arm(Point("step send skipped", 1))
        lab.control("stripe", "POST", "faults", broken)
        asking = asyncio.create_task(ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE))
        await dead(effects)
        asking.cancel()
        await drop(gateway)

        async with lab.gateway() as again:
            told = await ask(again, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE)

        assert told.envelope["success"], told.envelope
        assert "not known whether Stripe mailed it" in told.envelope["user_message"]
        assert len(lab.objects("mail")) == 1

    asyncio.run(story())


def test_why_an_invoice_was_not_mailed_is_told_by_the_next_process(lab: Lab) -> None:
    async def dies_at(step: str) -> None:
        effects = Effects()
        gateway = await lab.boot(effects.watch)
        effects.arm(Point(step, 1))
        asking = asyncio.create_task(ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE))
        await dead(effects)
        asking.cancel()
        await drop(gateway)

    async def story() -> None:
        await dies_at("step recipient_again skipped")
        [customer] = lab.stripe_world.rows_of("customer") or []
        customer["email"] = "somebody.else@harborcycles.example"
        await dies_at("step send skipped")

        async with lab.gateway() as again:
            told = await ask(again, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE)

        assert told.envelope["success"], told.envelope
        assert "It was not mailed" in told.envelope["user_message"]
        assert lab.objects("mail") == []

    asyncio.run(story())


def test_a_refund_that_rested_for_a_day_is_made_although_its_process_died_before_it_was_sent(lab: Lab) -> None:
    members = {"record_id": lab.fleet, "amount": "10.00"}

    async def story() -> None:
        effects = Effects()
        gateway = await lab.boot(effects.watch)
        await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="invoice")
        lab.pay(lab.of_record("invoice", lab.fleet)[0])
        lab.fault("stripe", "http_429", "/v1/refunds", method="POST", times=-1)
        rests = await ask(gateway, "refund-payment", members, key="r", wait=0)
        await until(lambda: bool(lab.control("stripe", "GET", "faults")[0]["hits"]), what="its plan, turned away")
        pause(lab, BY_ORG)
        await until(lambda: resting(lab).get(rests.action_id) == BY_ORG, what="it rests, planned and unsent")
        lab.heal()
        lab.passes(gateway, 21 * 3600.0)
        effects.arm(Point("may be sent now", 1))
        await resumed_later(gateway, BY_ORG)
        gateway.tools.engine.poke()
        await dead(effects)
        await drop(gateway)
        assert lab.objects("refund") == []

        async with lab.gateway() as again:
            await seen(again)
            told = await ask(again, "refund-payment", members, key="r")

        assert told.envelope["status"] == "succeeded", told.envelope
        assert [x["amount"] for x in lab.objects("refund")] == [1000]

    asyncio.run(story())
