"""Killed at an effect: before it, and after it but before anybody heard of it. The next process goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.scenarios.lab import Effects, Lab, ask, drop, later, truth, until

# Effects (commits, calls to Stripe and Salesforce) of a send-invoice for a new customer: about fifteen.
SAMPLE = (1, 2, 3, 5, 6, 7, 8, 9, 11, 13, 15)


async def crash_and_resume(lab: Lab, name: str, members: dict[str, Any], effects: Effects) -> None:
    gateway = await lab.boot(effects.watch)
    asking = asyncio.create_task(ask(gateway, name, members, key="k", wait=8.0))
    try:
        await until(lambda: effects.dead or asking.done(), 15, "the crash")
        if not effects.dead:  # the work has fewer effects than that: let it end, nothing to resume
            await asyncio.sleep(0.3)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await drop(gateway)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kill_at", SAMPLE)
def test_a_kill_at_any_effect_leaves_exactly_one_invoice(lab: Lab, kill_at: int, after: bool) -> None:
    async def story() -> None:
        members = {"record_id": lab.fleet}
        await crash_and_resume(lab, "send-invoice", members, Effects(kill_at, after=after))
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "send-invoice", members, key="k")  # the caller asks again, as Apex would

            assert answer.envelope["success"], answer.envelope
            assert [x["status"] for x in lab.of_record("invoice", lab.fleet)] == ["open"]
            assert len(lab.of_record("customer", lab.account)) + len(lab.of_record("customer", lab.fleet)) == 1
            await later(gateway)
            await until(lambda: not list(truth(lab, lab.fleet)), what="the write-back")

    asyncio.run(story())


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4, 5, 6, 8])
def test_a_kill_at_any_effect_leaves_exactly_one_refund(lab: Lab, kill_at: int) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
        lab.pay(lab.of_record("invoice", lab.fleet)[0])
        members = {"record_id": lab.fleet, "amount": "100.00"}
        await crash_and_resume(lab, "refund-payment", members, Effects(kill_at))
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "refund-payment", members, key="k")

            assert answer.envelope["success"], answer.envelope
            assert [r["amount"] for r in lab.objects("refund")] == [10000]
            await later(gateway)
            await until(lambda: lab.record("Opportunity", lab.fleet).get("Stripe_Status__c") == "Partially Refunded")

    asyncio.run(story())
