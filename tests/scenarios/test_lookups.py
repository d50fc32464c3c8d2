"""What became of a call without an answer: only Stripe's own word that it did not happen counts as that."""

from __future__ import annotations

import asyncio
import time

import pytest
import requests

from gateway.app import Gateway
from gateway.engine.clock import now
from gateway.pipeline.work import Patience
from tests.scenarios.effects import drop
from tests.scenarios.lab import BILLED, PATIENCE, Lab, ask, end_of, until
from tests.scenarios.test_hard_cases import hours_pass, paid, tell

MANY = 1001  # objects Stripe lists in eleven pages


def test_a_refused_look_up_is_not_taken_for_a_refused_refund(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        await paid(lab, gateway)
        gateway.tools.patience = Patience(tries=(3.0,), first=0.05, longest=0.3)
        lab.fault("stripe", "drop_after", "/v1/refunds", method="POST")
        lab.fault("stripe", "http_400", "/v1/refunds", method="GET", after=1)  # the first one is read for the plan

        asked = asyncio.create_task(
            ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "10.00"}, key="r", wait=PATIENCE)
        )
        await until(lambda: len(lab.objects("refund")) == 1, what="the refund whose answer is lost")
        hours_pass(lab, gateway, 25)
        answer = await asked

        assert answer.envelope["success"], answer.envelope
        assert [x["amount"] for x in lab.objects("refund")] == [1000]

    tell(lab, story)


@pytest.mark.postgres
@pytest.mark.parametrize("wrong", [30 * 3600.0, -30 * 3600.0], ids=["a day ahead", "a day behind"])
def test_a_key_is_as_old_as_the_database_says_whatever_the_machines_clock_does(postgres_lab: Lab, wrong: float) -> None:
    lab = postgres_lab

    async def story(gateway: Gateway) -> None:
        await paid(lab, gateway)
        clock = gateway.tools.clock
        clock.now = lambda: time.time() + clock.offset + wrong  # type: ignore[method-assign,attr-defined]  # a machine's
        await gateway.tools.store.write(now)  # the clocks are compared
        gateway.tools.patience = Patience(tries=(3.0,), first=0.05, longest=0.3)
        lab.fault("stripe", "drop_after", "/v1/refunds", method="POST")

        asked = asyncio.create_task(
            ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "10.00"}, key="r", wait=PATIENCE)
        )
        await until(lambda: len(lab.objects("refund")) == 1, what="the refund whose answer is lost")
        hours_pass(lab, gateway, 25)
        answer = await asked

        assert answer.envelope["success"], answer.envelope
        assert [x["amount"] for x in lab.objects("refund")] == [1000]

    tell(lab, story)


def test_what_stripe_made_and_would_not_show_is_read_again_and_told_with_its_id(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        lab.fault("stripe", "drop_after", "/v1/customers", method="POST")  # so the answer is a replay, and read anew
        lab.fault("stripe", "http_400", "/v1/customers/*", method="GET")

        made = await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="i")

        [customer] = lab.objects("customer")
        assert (made.envelope["status"], made.envelope["stripe_id"]) == ("succeeded", customer["id"])
        assert sent.envelope["success"], sent.envelope
        assert lab.of_record("invoice", lab.fleet)[0]["customer"] == customer["id"]

    tell(lab, story)


def test_a_customer_deleted_before_the_end_is_told_with_its_id_and_made_anew_for_the_next(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        lab.fault("stripe", "drop_after", "/v1/customers", method="POST")
        lab.fault("stripe", "http_400", "/v1/customers/*", method="GET", times=-1)
        asked = await ask(gateway, "create-customer", {"record_id": lab.account}, key="c", wait=0.0)
        await until(lambda: any(c["path"].startswith("/v1/customers/") for c in lab.calls("stripe")), what="the read")
        [customer] = lab.objects("customer")
        await gateway.tools.stripe.call("us", "DELETE", f"/v1/customers/{customer['id']}")
        lab.heal()

        told = await end_of(gateway, asked)
        again = await ask(gateway, "create-customer", {"record_id": lab.account}, key="c2")

        assert (told["status"], told["stripe_id"]) == ("succeeded", customer["id"])
        assert again.envelope["success"], again.envelope
        assert again.envelope["stripe_id"] != customer["id"]

    tell(lab, story)


UP_AND_DOWN = [
    {"description": "Frames", "amount": "10.00"},
    {"description": "Frames, returned", "amount": "-10.00"},
    {"description": "Bell", "amount": "50.00"},
]


def test_lines_that_add_up_to_nothing_and_are_refused_are_not_taken_for_added(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        gateway.tools.lines_per_call["us"] = 2  # as learned from Stripe
        lab.fault("stripe", "http_400", "/v1/invoices/*/add_lines", method="POST")

        refused = await ask(gateway, "send-invoice", lab.invoice_members(lines=UP_AND_DOWN), key="a")

        assert refused.envelope["status"] == "failed", refused.envelope
        assert lab.of_record("invoice", lab.fleet) == []

    tell(lab, story)


def test_lines_that_add_up_to_nothing_are_found_where_their_answer_was_lost(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    broken = {"match": {"path": "/v1/invoices/*/add_lines"}, "kind": "http_500_cached", "when": "after", "times": 1}

    async def story(gateway: Gateway) -> None:
        gateway.tools.lines_per_call["us"] = 2
        lab.control("stripe", "POST", "faults", broken)

        sent = await ask(gateway, "send-invoice", lab.invoice_members(lines=UP_AND_DOWN), key="a")

        assert sent.envelope["success"], sent.envelope
        [invoice] = lab.of_record("invoice", lab.fleet)
        assert [line["amount"] for line in invoice["lines"]["data"]] == [1000, -1000, 5000]

    tell(lab, story)


@pytest.mark.timeout(180)
def test_a_customer_is_found_behind_any_number_of_younger_ones(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members = {"record_id": lab.account, "recipient_email": BILLED}

    async def story() -> None:
        gateway = await lab.boot()
        lab.fault("stripe", "drop_after", "/v1/customers", method="POST", times=-1)
        await ask(gateway, "create-customer", members, key="c", wait=0.1)
        await until(lambda: len(lab.objects("customer")) == 1, what="the customer whose answer is lost")
        await drop(gateway)
        lab.heal()
        await asyncio.to_thread(_crowd, lab)
        lab.ahead = 21 * 3600.0
        for upstream in ("stripe", "salesforce"):
            lab.control(upstream, "POST", "clock", {"advance": lab.ahead})

        gateway = await lab.boot()
        answer = await end_of(gateway, await ask(gateway, "create-customer", members, key="c"))
        await gateway.stop()

        assert answer["success"], answer
        assert [x["id"] for x in lab.of_record("customer", lab.account)] == [answer["stripe_id"]]

    asyncio.run(story())


def _crowd(lab: Lab) -> None:
    """Customers of somebody else, each younger than ours."""
    lab.control("stripe", "POST", "clock", {"advance": 60})
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {lab.identity.stripe_key}"
        for n in range(MANY):
            session.post(f"{lab.stripe_url}/v1/customers", data={"name": f"Other {n}"}, timeout=30).raise_for_status()
