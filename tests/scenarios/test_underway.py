"""An action that takes longer than anybody waits shows in Salesforce as it stands; any other is written once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.engine import ledger
from gateway.pipeline.underway import told_to_ask_again
from tests.scenarios.lab import MACHINE, PERSON, Lab, ask, later, truth, until
from tests.scenarios.test_outbox import PARTS, deal, insert, pull

FINALIZE = "/v1/invoices/*/finalize"
Row = dict[str, Any]


def tell(lab: Lab, story: Callable[[Gateway], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with lab.gateway() as gateway:
            await story(gateway)

    asyncio.run(whole())


def rows(lab: Lab, action_id: str) -> list[Row]:
    """What Salesforce holds of an action."""
    return [row for row in lab.records("Stripe_Action__c") if row["Gateway_Action_Id__c"] == action_id]


def shows(lab: Lab, action_id: str, status: str) -> bool:
    return [row["Status__c"] for row in rows(lab, action_id)] == [status]


def stamp(lab: Lab, record_id: str) -> tuple[str, str]:
    record = lab.record("Opportunity", record_id)
    return record["Stripe_Status__c"], record["Stripe_Last_Action_Status__c"]


async def known_customer(lab: Lab, gateway: Gateway) -> None:
    made = await ask(gateway, "create-customer", {"record_id": lab.account}, key="customer")
    assert made.envelope["success"], made.envelope


def test_one_click_is_written_once_at_its_end(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        await known_customer(lab, gateway)
        await until(lambda: len(lab.records("Stripe_Customer__c")) == 1, what="the customer's row")

        answer = await ask(gateway, "send-invoice", lab.invoice_members(), key="k")
        await until(lambda: shows(lab, answer.action_id, "succeeded"), what="the write-back")

        assert [row["Sync_Version__c"] for row in rows(lab, answer.action_id)] == [1]

    tell(lab, story)


@pytest.mark.parametrize("caller", [PERSON, MACHINE], ids=["a person", "an automation"])
def test_a_caller_who_was_told_to_ask_again_finds_the_action_on_the_record(lab: Lab, caller: Any) -> None:
    async def story(gateway: Gateway) -> None:
        await known_customer(lab, gateway)
        lab.fault("stripe", "http_503", FINALIZE, method="POST", times=-1)
        asked = partial(ask, gateway, "send-invoice", lab.invoice_members(), key="k", caller=caller)
        first = await asked(wait=0)
        await until(lambda: len(lab.objects("invoice")) == 1, what="the draft, and so the plan")

        answer = await asked(wait=0)

        assert (answer.running, answer.action_id) == (True, first.action_id)
        await until(lambda: shows(lab, answer.action_id, "pending"), what="the row of an action under way")
        await until(lambda: stamp(lab, lab.fleet) == ("In Progress", "pending"), what="its stamp")
        lab.heal()
        await until(lambda: shows(lab, answer.action_id, "succeeded"), what="the end")
        await until(lambda: stamp(lab, lab.fleet) == ("Invoice Open", "succeeded"), what="the stamp of the end")
        assert not list(truth(lab, lab.fleet))

    tell(lab, story)


def test_an_action_that_waits_for_stripe_to_come_back_says_so_on_the_record(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.configure(server={"wait_seconds": 0})

    async def story(gateway: Gateway) -> None:
        await known_customer(lab, gateway)
        lab.fault("stripe", "http_503", FINALIZE, method="POST", times=-1)

        row = insert(lab, **PARTS)
        await pull(gateway)

        await until(lambda: lab.record("Stripe_Action__c", row)["Status__c"] == "pending", what="the row put down")
        told = lab.record("Stripe_Action__c", row)
        assert told["Gateway_Action_Id__c"]
        assert "Still working" in told["User_Message__c"]
        await until(lambda: stamp(lab, lab.fleet) == ("In Progress", "pending"), what="its stamp")
        lab.heal()
        await until(lambda: lab.record("Stripe_Action__c", row)["Status__c"] == "succeeded", what="the end")
        assert len(lab.of_record("invoice", lab.fleet)) == 1

    tell(lab, story)


def test_a_refund_under_way_names_the_account_whose_card_it_may_have_been_asked_on(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.configure(server={"wait_seconds": 0})

    async def story(gateway: Gateway) -> None:
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="invoice")
        await until(lambda: shows(lab, sent.action_id, "succeeded"), what="the invoice")
        lab.pay(lab.of_record("invoice", lab.fleet)[0])
        lab.fault("stripe", "http_503", "/v1/refunds", method="POST", times=-1)

        asked = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "100.00"}, key="k", wait=0)

        told = [("pending", lab.account, lab.fleet)]
        await until(
            lambda: (
                [(row["Status__c"], row["Account__c"], row["Opportunity__c"]) for row in rows(lab, asked.action_id)]
                == told
            ),
            what="the row of a refund under way",
        )
        lab.heal()
        await until(lambda: shows(lab, asked.action_id, "succeeded"), what="the end")

    tell(lab, story)


def test_rows_of_the_outbox_that_go_through_are_written_once(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.configure(server={"wait_seconds": 0})

    async def story(gateway: Gateway) -> None:
        await known_customer(lab, gateway)
        asked = [insert(lab, Source_Record_Id__c=deal(lab, n), **PARTS) for n in range(5)]
        await pull(gateway)

        await until(
            lambda: all(lab.record("Stripe_Action__c", row)["Status__c"] not in {"queued", "pending"} for row in asked),
            what="the rows' answers",
        )

        assert {lab.record("Stripe_Action__c", row)["Sync_Version__c"] for row in asked} == {1}

    tell(lab, story)


def test_nothing_is_shown_of_a_person_whose_access_nobody_knows(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.share("Opportunity", lab.fleet, "Read")

    async def story(gateway: Gateway) -> None:
        lab.fault("salesforce", "http_503", "*/composite", times=-1)
        answer = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", wait=0)
        assert answer.running
        again = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", wait=0)
        assert again.running

        lab.heal()
        assert await gateway.tools.engine.wait(answer.action_id, 30)
        row = await gateway.tools.store.read(lambda conn: ledger.by_id(conn, answer.action_id))
        assert (row.status, row.error_code) == ("rejected", "no_such_record")

    tell(lab, story)  # stopping sends what is to be sent
    assert lab.records("Stripe_Action__c") == []
    assert lab.record("Opportunity", lab.fleet)["Stripe_Status__c"] is None


def test_what_was_shown_as_under_way_is_ended_there_whatever_the_end_is(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.configure(server={"wait_seconds": 0})
    refund = {"record_id": lab.fleet, "payment_intent": "pi_3Qxxxxxxxxxxxxxxxxxxxxx0"}

    async def story(gateway: Gateway) -> None:
        lab.fault("stripe", "http_503", "/v1/payment_intents/*", times=-1)
        answer = await ask(gateway, "refund-payment", refund, key="k", wait=0)
        await until(lambda: shows(lab, answer.action_id, "queued"), what="the row of an action under way")

        lab.heal()  # there is no such payment, which the record does not hear of otherwise

        await until(lambda: shows(lab, answer.action_id, "rejected"), what="the end")
        await until(lambda: stamp(lab, lab.fleet) == ("Needs Attention", "rejected"), what="the stamp")

    tell(lab, story)


def test_a_late_word_that_it_is_under_way_does_not_undo_the_end(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        await known_customer(lab, gateway)
        lab.fault("stripe", "http_503", FINALIZE, method="POST", times=-1)
        answer = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", wait=0)
        await until(lambda: len(lab.objects("invoice")) == 1, what="the draft")
        running = await gateway.tools.store.read(lambda conn: ledger.by_id(conn, answer.action_id))
        lab.heal()
        assert await gateway.tools.engine.wait(answer.action_id, 30)

        await told_to_ask_again(gateway.tools, running)

        await until(lambda: shows(lab, answer.action_id, "succeeded"), what="the end")
        await until(lambda: stamp(lab, lab.fleet) == ("Invoice Open", "succeeded"), what="its stamp")

    tell(lab, story)


def test_a_write_that_arrives_after_the_end_changes_nothing(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.configure(server={"wait_seconds": 0})

    async def story(gateway: Gateway) -> None:
        await known_customer(lab, gateway)
        lab.fault("stripe", "http_503", FINALIZE, method="POST", times=-1)
        lab.fault("salesforce", "drop_after", "*/composite/graph*", times=1, after=1)  # after the customer's own
        answer = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", wait=0)
        await until(lambda: bool(rows(lab, answer.action_id)), what="the row of an action under way")

        lab.heal()
        assert await gateway.tools.engine.wait(answer.action_id, 30)
        await later(gateway)

        await until(lambda: shows(lab, answer.action_id, "succeeded"), 40, what="the end")
        await until(lambda: stamp(lab, lab.fleet) == ("Invoice Open", "succeeded"), 40, what="its stamp")

    tell(lab, story)
