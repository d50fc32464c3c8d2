"""Requests that meet on one record: whatever is turned away, resumed or dead in between, the thing is there once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.engine import jobs, links
from gateway.pipeline.accept import Answer
from gateway.pipeline.answers import state
from gateway.pipeline.keys import customer_base, step_key
from gateway.pipeline.work import Patience
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import BILLED, MACHINE, PATIENCE, Lab, ask, end_of, tell, until
from tests.scenarios.test_hard_cases import at_stripe, hours_pass, put_down

SLOW = Patience(tries=(0.01,), first=1.5, longest=2.0)  # long enough for a second request to come in between


async def known(lab: Lab, gateway: Gateway) -> None:
    """The fleet's customer is there, so that nothing is waited for."""
    await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")


def open_invoices(lab: Lab) -> list[int]:
    return [x["total"] for x in lab.of_record("invoice", lab.fleet) if x["status"] == "open"]


async def both(
    gateway: Gateway, name: str, first: dict[str, Any], second: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two requests of one record, the first of them turned away by Stripe as often as it takes; how both end."""
    a = await ask(gateway, name, first, key="a", caller=MACHINE, wait=0.5)
    b = await ask(gateway, name, second, key="b", caller=MACHINE, wait=0.5)
    return await end_of(gateway, a), await end_of(gateway, b)


def test_a_planned_invoice_that_is_turned_away_is_not_sent_beside_an_equal_one(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        await known(lab, gateway)
        gateway.tools.patience = SLOW
        lab.fault("stripe", "http_429", "/v1/invoices", method="POST", times=4)

        first, second = await both(gateway, "send-invoice", lab.invoice_members(), lab.invoice_members())

        assert open_invoices(lab) == [397800]
        assert first["success"], first
        assert second["success"], second
        assert (second["stripe_id"], second["replayed"]) == (first["stripe_id"], True)

    tell(lab, story)


def test_a_planned_invoice_that_is_turned_away_is_not_sent_beside_another_one(lab: Lab) -> None:
    other = lab.invoice_members(lines=[{"description": "Bell", "amount": "77.00"}])

    async def story(gateway: Gateway) -> None:
        await known(lab, gateway)
        gateway.tools.patience = SLOW
        lab.fault("stripe", "http_429", "/v1/invoices", method="POST", times=2)

        first, second = await both(gateway, "send-invoice", lab.invoice_members(), other)

        assert open_invoices(lab) == [397800]
        assert first["success"], first
        assert (second["status"], second["error_code"]) == ("rejected", "invoice_already_open")

    tell(lab, story)


def test_a_planned_payment_link_that_is_turned_away_is_made_once(lab: Lab) -> None:
    members = {"record_id": lab.fleet, "amount": "50.00", "currency": "USD", "description": "Deposit"}

    async def story(gateway: Gateway) -> None:
        gateway.tools.patience = SLOW
        lab.fault("stripe", "http_429", "/v1/payment_links", method="POST", times=4)

        first, second = await both(gateway, "create-payment-link", members, members)

        assert [x["active"] for x in lab.of_record("payment_link", lab.fleet)] == [True]
        assert second["stripe_id"] == first["stripe_id"]

    tell(lab, story)


@pytest.mark.plain  # a flow may send the record's own invoice meanwhile
def test_a_planned_action_that_is_turned_away_for_too_long_ends_unsent_and_lets_the_next_one_go(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        await known(lab, gateway)
        lab.fault("stripe", "http_429", "/v1/invoices", method="POST", times=-1)
        first = await ask(gateway, "send-invoice", lab.invoice_members(), key="a", caller=MACHINE, wait=0.2)
        second = await ask(gateway, "send-invoice", lab.invoice_members(), key="b", caller=MACHINE, wait=0.2)
        assert first.running
        assert second.running

        lab.passes(gateway, 1000.0)

        assert (await end_of(gateway, first))["error_code"] == "expired"
        assert (await end_of(gateway, second))["error_code"] == "expired"
        lab.heal()
        third = await ask(gateway, "send-invoice", lab.invoice_members(), key="c2", caller=MACHINE)
        assert third.envelope["success"], third.envelope
        assert open_invoices(lab) == [397800]

    tell(lab, story)


def test_a_dead_customer_replayed_after_another_was_made_neither_makes_nor_takes_one(lab: Lab) -> None:
    key = step_key(entity="us", mode="test", base=customer_base(ORG, lab.account, 1), step="customer", generation=1)
    members = {"record_id": lab.account, "recipient_email": BILLED}

    async def story(gateway: Gateway) -> None:
        at_stripe(lab, "/v1/customers", {"name": "From before the database was restored"}, key)
        dead = await ask(gateway, "create-customer", members, key="dead")
        assert dead.envelope["status"] == "unknown"
        early = await ask(gateway, "create-customer", members, key="made")
        assert early.envelope["error_code"] == "earlier_action_unknown", early.envelope
        # As an older state of the database may have it: another action took the customer over all the same.
        await gateway.tools.store.write(lambda conn: links.remake(conn, ORG, "us", lab.account, "act_another", 1.0))
        made = await ask(gateway, "create-customer", members, key="made")
        assert made.envelope["success"], made.envelope
        customers = len(lab.objects("customer"))

        lab.passes(gateway, 25 * 3600.0)  # so that no key protects the one that was made
        await gateway.tools.store.write(lambda conn: jobs.replay(conn, dead.action_id))
        gateway.tools.engine.poke()
        end = await end_of_unknown(gateway, dead)
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="i")

        assert (end["status"], end["error_code"]) == ("failed", "customer_superseded")
        assert len(lab.objects("customer")) == customers
        assert sent.envelope["success"], sent.envelope
        assert lab.of_record("invoice", lab.fleet)[0]["customer"] == made.envelope["stripe_id"]

    tell(lab, story)


@pytest.mark.plain  # a flow would ask for the same invoice meanwhile
def test_a_late_answer_about_a_deleted_customer_does_not_forget_the_one_made_since(lab: Lab) -> None:
    customer = {"record_id": lab.account, "recipient_email": BILLED}

    async def story(gateway: Gateway) -> None:
        old = await ask(gateway, "create-customer", customer, key="c")
        gateway.tools.patience = Patience(tries=(), first=600, longest=600)
        lab.fault("stripe", "http_429", "/v1/invoices", method="POST", times=1)
        late = await ask(gateway, "send-invoice", lab.invoice_members(), key="late", caller=MACHINE, wait=0)
        await until(lambda: put_down(lab, late.action_id), what="it was put down")
        await gateway.tools.stripe.call("us", "DELETE", f"/v1/customers/{old.envelope['stripe_id']}")
        new = await ask(gateway, "create-customer", customer, key="c2")

        hours_pass(lab, gateway, 0.2)
        assert (await end_of(gateway, late))["error_code"] == "resource_missing"
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE)

        assert sent.envelope["success"], sent.envelope
        assert [x["id"] for x in lab.objects("customer")] == [new.envelope["stripe_id"]]
        assert {x["customer"] for x in lab.of_record("invoice", lab.fleet)} == {new.envelope["stripe_id"]}

    tell(lab, story)


async def end_of_unknown(gateway: Gateway, asked: Answer) -> dict[str, Any]:
    """What an action of unknown outcome ends with after all."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await gateway.tools.engine.wait(asked.action_id, 1.0)
            found = await state(gateway.tools, asked.action_id)
            assert found is not None
            if found[0].status != "unknown":
                return found[1]
            await asyncio.sleep(0.02)
