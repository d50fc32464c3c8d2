"""A whole upstream away: work waits unattempted, is told until when, ends by itself unsent, and goes on afterwards."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import CircuitOpen
from gateway.pipeline.preview import preview
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import MACHINE, Lab, ask, later, submission, truth, until
from tests.scenarios.outage import (
    US,
    back,
    calls_of,
    closed_now,
    move,
    open_now,
    orders,
    read_again,
    scopes,
    states,
    statuses,
)

DAY = 86400.0


def test_a_refused_connection_or_two_stop_nothing(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            lab.stripe_server.stop()
            asked = asyncio.create_task(ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE))
            await asyncio.sleep(0.3)
            lab.stripe_server.start()

            assert (await asked).envelope["success"]
            assert await scopes(gateway) == []

    asyncio.run(story())


def test_while_stripe_is_away_callers_are_told_until_when_and_nothing_is_tried(lab: Lab) -> None:
    first, second, *_ = orders(lab)

    async def story() -> None:
        async with lab.gateway() as gateway:
            lab.stripe_server.stop()
            await ask(gateway, "send-invoice", first, key="a", caller=MACHINE, wait=0)
            await open_now(gateway)
            tried = gateway.metrics.render()
            async with asyncio.timeout(30):  # nobody waits as long as was asked for
                answer = await ask(gateway, "send-invoice", second, key="b", caller=MACHINE, wait=110)

            assert answer.running
            assert 1 <= answer.envelope["retry_after_seconds"] <= 60
            assert "Stripe is not available now" in answer.envelope["user_message"]
            assert "it ends with nothing sent" in answer.envelope["user_message"]
            assert calls_of(tried) == calls_of(gateway.metrics.render())
            refund = submission(
                "refund-payment", {"record_id": lab.fleet, "payment_intent": "pi_3Qxxxxxxxxxxxxxxxxxxxxx0"}
            )
            with pytest.raises(CircuitOpen):  # cannot be answered later: 503
                await preview(gateway.tools, refund)

            move(lab, gateway, 61)
            back(lab, 61)
            await closed_now(gateway)
            assert await gateway.tools.engine.wait(answer.action_id, 20)
            await until(lambda: len(lab.objects("invoice")) == 2, what="both invoices")

    asyncio.run(story())


def test_what_was_not_sent_in_time_expires_and_what_was_sent_goes_on(lab: Lab) -> None:
    first, second, third = orders(lab)[:3]

    async def story() -> None:
        async with lab.gateway() as gateway:
            made = await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
            assert made.envelope["success"], made.envelope
            lab.fault("stripe", "http_503", "/v1/invoices/*/add_lines", method="POST", times=-1)
            await ask(gateway, "send-invoice", first, key="sent", caller=MACHINE, wait=0)
            await until(lambda: len(lab.objects("invoice")) == 1, what="the draft")
            lab.stripe_server.stop()
            await ask(gateway, "send-invoice", second, key="tried", caller=MACHINE, wait=0)
            await open_now(gateway)
            await ask(gateway, "send-invoice", third, key="never tried", caller=MACHINE, wait=0)
            await ask(gateway, "create-payment-link", {"record_id": third["record_id"]}, key="person", wait=0)

            move(lab, gateway, 16 * 60)
            async with asyncio.timeout(90):
                while (await statuses(gateway))["failed expired"] < 3:  # noqa: ASYNC110 - looks at the database
                    await asyncio.sleep(0.1)

            assert await statuses(gateway) == {"succeeded": 1, "pending": 1, "failed expired": 3}
            assert await scopes(gateway) == [US]  # what expired has proved nothing

            back(lab, 16 * 60)
            lab.heal()
            move(lab, gateway, 61)
            await closed_now(gateway)
            await until(lambda: [x["status"] for x in lab.objects("invoice")] == ["open"], what="the one that was sent")
            await later(gateway)
            await until(lambda: not list(truth(lab, first["record_id"])), what="the write-back")

    asyncio.run(story())


def test_a_week_without_stripe_and_salesforce_makes_no_dead_letters(lab: Lab) -> None:
    first, second, third = orders(lab)[:3]

    async def story() -> None:
        async with lab.gateway() as gateway:
            sent = await ask(gateway, "send-invoice", first, key="done", caller=MACHINE)
            assert sent.envelope["success"], sent.envelope
            lab.fault("stripe", "http_503", "/v1/invoices/*/add_lines", method="POST", times=-1)
            await ask(gateway, "send-invoice", second, key="begun", caller=MACHINE, wait=0)
            await until(lambda: len(lab.objects("invoice")) == 2, what="the draft")
            lab.stripe_server.stop()
            lab.control("salesforce", "POST", "outage", {"down": True})
            await read_again(gateway, sent)
            await ask(gateway, "send-invoice", third, key="waiting", caller=MACHINE, wait=0)
            await open_now(gateway)

            for _ in range(28):  # a week, a quarter of a day at a time
                move(lab, gateway, DAY / 4)
                await asyncio.sleep(0.15)

            assert "dead" not in await states(gateway)
            assert gateway.tools.engine.counters.dead == 0
            assert US in await scopes(gateway)

            back(lab, 7 * DAY)
            lab.heal()
            lab.control("salesforce", "POST", "outage", {"down": False})
            for _ in range(3):
                move(lab, gateway, 61)
                lab.control("stripe", "POST", "clock", {"advance": 61})
                await asyncio.sleep(0.5)
            await closed_now(gateway)
            await until(lambda: sorted(x["status"] for x in lab.objects("invoice")) == ["open", "open"], what="both")
            assert await statuses(gateway) == {"succeeded": 3, "failed expired": 1}
            move(lab, gateway, 3600)
            await later(gateway)
            await until(lambda: not list(truth(lab, second["record_id"])), what="the write-back")

    asyncio.run(story())


def test_a_limit_that_lets_nothing_through_opens_the_circuit(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            lab.fault("stripe", "http_429", "/v1/*", times=-1)
            waiting = await ask(gateway, "send-invoice", lab.invoice_members(), key="a", caller=MACHINE, wait=0)
            await open_now(gateway)
            lab.heal()
            move(lab, gateway, 61)
            lab.control("stripe", "POST", "clock", {"advance": 61})

            assert await gateway.tools.engine.wait(waiting.action_id, 30)
            assert len(lab.objects("invoice")) == 1
            await closed_now(gateway)

    asyncio.run(story())


def test_while_salesforce_is_away_what_must_be_read_waits_and_the_rest_is_done(lab: Lab) -> None:
    first, second, *_ = orders(lab)

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
            lab.salesforce_server.stop()
            reading = await ask(gateway, "send-invoice", {"record_id": first["record_id"]}, key="a", wait=0)
            scope = f"salesforce:{ORG}"
            await open_now(gateway, scope)
            done = await ask(gateway, "send-invoice", second, key="b", caller=MACHINE)
            told = await ask(gateway, "send-invoice", {"record_id": first["record_id"]}, key="a", wait=0)

            assert done.envelope["success"], done.envelope
            assert told.envelope["user_message"].startswith("Salesforce is not available now")
            lab.salesforce_server.start()
            gateway.tools.clock.offset += 61
            for upstream in ("stripe", "salesforce"):
                lab.control(upstream, "POST", "clock", {"advance": 61})
            gateway.tools.engine.poke()
            assert await gateway.tools.engine.wait(reading.action_id, 30)
            await closed_now(gateway)
            await until(lambda: len(lab.objects("invoice")) == 2, what="both invoices")

    asyncio.run(story())
