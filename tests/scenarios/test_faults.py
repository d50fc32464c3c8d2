"""Each fault at each call of each action: exactly one effect and the right end, or an outcome shown as unknown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.errors import Rejected
from gateway.pipeline import unknown
from tests.scenarios.lab import Lab, ask, truth, until

LOST = (
    "drop_before", "drop_after", "truncated", "html_200", "empty_200", "http_429", "http_500", "http_500_cached",
    "http_502", "http_503", "http_409_lock", "http_429_lock_timeout",
)  # fmt: skip
STEPS = {
    "customer": ("/v1/customers", "POST"),
    "invoice": ("/v1/invoices", "POST"),
    "lines": ("/v1/invoices/*/add_lines", "POST"),
    "finalize": ("/v1/invoices/*/finalize", "POST"),
    "send": ("/v1/invoices/*/send", "POST"),
}
# Half of the pairs: each kind meets every second step, each step every second kind.
PAIRS = [(step, kind) for n, kind in enumerate(LOST) for m, step in enumerate(STEPS) if (n + m) % 2 == 0]


@pytest.mark.parametrize(("step", "kind"), PAIRS)
def test_a_fault_in_an_invoice_leaves_one_invoice_and_the_right_answer(lab: Lab, step: str, kind: str) -> None:
    async def story() -> None:
        path, method = STEPS[step]
        lab.fault("stripe", kind, path, method=method)
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")

            assert answer.envelope["success"], answer.envelope
            [invoice] = lab.of_record("invoice", lab.fleet)
            assert (invoice["status"], invoice["total"]) == ("open", 2152800)
            assert len(lab.objects("customer")) == 1
            await until(lambda: not list(truth(lab, lab.fleet)), what="the write-back")

    asyncio.run(story())


@pytest.mark.parametrize("kind", LOST)
def test_a_fault_in_a_payment_link_leaves_one_link(sqlite_lab: Lab, kind: str) -> None:
    lab = sqlite_lab

    async def story() -> None:
        lab.fault("stripe", kind, "/v1/payment_links", method="POST")
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "create-payment-link", {"record_id": lab.fleet}, key="k")

            assert answer.envelope["success"], answer.envelope
            assert [x["active"] for x in lab.objects("payment_link")] == [True]

    asyncio.run(story())


@pytest.mark.parametrize("kind", LOST)
def test_a_fault_in_a_refund_leaves_one_refund_or_says_that_nobody_knows(lab: Lab, kind: str) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            lab.pay(lab.of_record("invoice", lab.fleet)[0])
            lab.fault("stripe", kind, "/v1/refunds", method="POST")
            answer = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "100.00"}, key="r")

            made = lab.objects("refund")
            if answer.envelope["success"]:
                assert [r["amount"] for r in made] == [10000]
            else:
                assert (answer.envelope["status"], made) == ("unknown", []), answer.envelope
                await resolved(gateway, answer.action_id)

    asyncio.run(story())


async def resolved(gateway: Any, action_id: str) -> None:
    """An operator finds that it did not happen: the money is free again and the same refund can be asked anew."""
    tools = gateway.tools
    said = unknown.Resolution(action_id, False, "operator", "not in the dashboard")
    await tools.store.write(lambda conn: unknown.order(conn, tools.sealer, said))
    tools.engine.poke()
    assert await tools.engine.wait(f"resolve:{action_id}", 10)
    with pytest.raises(Rejected, match="not_unknown"):
        await tools.store.write(lambda conn: unknown.order(conn, tools.sealer, said))


def test_a_draft_whose_lines_stripe_refuses_is_taken_back(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    line = {"description": "Frames", "amount": "100.00", "tax_rates": ["txr_doesnotexist"]}

    async def story() -> None:
        async with lab.gateway() as gateway:
            members = lab.invoice_members(lines=[line])
            answer = await ask(gateway, "send-invoice", members, key="k")

            assert (answer.envelope["status"], answer.envelope["error_code"]) == ("failed", "resource_missing")
            assert lab.of_record("invoice", lab.fleet) == []

    asyncio.run(story())


ANSWERED = ("lock_row", "expired_session")  # certainly not written
UNCLEAR = ("drop_before", "drop_after", "truncated", "html_200", "http_429", "http_503")  # perhaps written


@pytest.mark.parametrize("kind", [*ANSWERED, *UNCLEAR])
def test_a_salesforce_fault_only_delays_the_write_back(lab: Lab, kind: str) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            lab.fault("salesforce", kind, "*/composite/graph*")
            answer = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")

            assert answer.envelope["success"], answer.envelope
            await until(lambda: not list(truth(lab, lab.fleet)), 40, what="the write-back")

    asyncio.run(story())
