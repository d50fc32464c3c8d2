"""Flows without entry conditions, which ask the gateway on every save, also on that of its own stamp: nothing loops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import Gateway, build
from gateway.config import load
from gateway.sandbox.identity import INTEGRATION
from gateway.sandbox.processes import free_port
from gateway.sandbox.wire import Server
from tests.scenarios.hostile import judge
from tests.scenarios.lab import QUICK, Lab, ask, until
from tests.scenarios.test_hostile import link, stamp, tell
from tests.scenarios.test_http import Caller


def test_a_flow_that_asks_on_every_save_settles_with_one_invoice(hostile: Lab) -> None:
    lab = hostile

    async def story(gateway: Gateway) -> None:
        answer = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")
        assert answer.envelope["success"], answer.envelope
        await until(lambda: stamp(lab, lab.fleet) == "Invoice Open")

    tell(lab, story)
    asyncio.run(judge(lab))

    assert [x["status"] for x in lab.of_record("invoice", lab.fleet)] == ["open"]
    asked = [row for row in lab.records("Stripe_Action__c") if row["Caller_Kind__c"] == "outbox"]
    assert {row["Caller__c"] for row in asked} == {INTEGRATION}  # the flow ran as whoever wrote the stamp
    assert {row["Status__c"] for row in asked} == {"succeeded"}


def test_a_flow_that_is_refused_on_every_save_settles_too(hostile: Lab) -> None:
    lab = hostile
    [case, *_] = lab.records("Case")

    async def story(gateway: Gateway) -> None:
        done = await ask(gateway, "create-payment-link", link(case["Id"]), key="k")
        assert done.envelope["success"], done.envelope
        await until(lambda: stamp(lab, case["Id"], "Case") is not None)

    tell(lab, story)
    asyncio.run(judge(lab))

    refused = [row for row in lab.records("Stripe_Action__c") if row["Status__c"] == "rejected"]
    assert refused
    assert len(lab.objects("payment_link")) == 1


@pytest.fixture
def refunding(tmp_path: Path, sqlite_url: str) -> Iterator[Lab]:
    """An org whose flow asks for a refund on every save of an Opportunity."""
    made = Lab(tmp_path, sqlite_url, profile={"base": "hostile", "flows": {"Opportunity": "refund-payment"}})
    try:
        yield made
        asyncio.run(judge(made))
    finally:
        made.close()


def test_a_flow_that_refunds_on_every_save_moves_no_money_on_our_own_write(refunding: Lab) -> None:
    lab = refunding

    async def story(gateway: Gateway) -> None:
        sent = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")
        assert sent.envelope["success"], sent.envelope
        lab.pay(lab.of_record("invoice", lab.fleet)[0])
        await until(lambda: stamp(lab, lab.fleet) is not None)

    tell(lab, story)
    asyncio.run(judge(lab))

    refused = [row for row in lab.records("Stripe_Action__c") if row["Status__c"] == "rejected"]
    assert {row["Error_Code__c"] for row in refused} == {"caused_by_gateway"}
    assert lab.objects("refund") == []


@pytest.fixture
def calling(tmp_path: Path, sqlite_url: str) -> Iterator[Caller]:
    """An org whose flow calls the action itself, with a new key on every save, and a gateway it can reach."""
    port = free_port()
    lab = Lab(tmp_path, sqlite_url, profile={"base": "hostile", "flow_calls": True}, port=port)
    made = build(load(lab.config_file, {}))
    made.tools.patience = QUICK
    try:
        with Server(made.app, port) as server:
            yield Caller(lab, server.url)
        asyncio.run(judge(lab))
    finally:
        lab.close()


def test_a_flow_that_calls_the_gateway_itself_on_every_save_settles(calling: Caller) -> None:
    lab = calling.lab
    done = calling("POST", "/v1/actions/send-invoice", {"record_id": lab.fleet}, Idempotency_Key="k").json()

    def asked() -> int:
        return sum(row["Action__c"] == "send-invoice" for row in lab.records("Stripe_Action__c"))

    assert done["success"], done
    asyncio.run(until(lambda: asked() >= 2, what="the flow's own request"))
    assert len(lab.of_record("invoice", lab.fleet)) == 1
