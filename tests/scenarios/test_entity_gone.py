"""An entity that was renamed or taken out of the configuration: told in words, and gone on with once it is back."""

from __future__ import annotations

import pytest

from gateway.app import Gateway
from gateway.engine import jobs
from gateway.engine.circuit import open_circuits
from gateway.errors import Misconfigured
from gateway.pipeline.answers import state
from gateway.pipeline.preview import preview
from tests.scenarios.lab import MACHINE, Lab, ask, end_of, submission, tell, until
from tests.scenarios.outage import US, closed_now, open_now, read_again, states
from tests.scenarios.test_repeats import renamed

pytestmark = pytest.mark.plain  # what flows ask for has no entity any more

OTHER = [{"description": "Pumps", "amount": "9.00"}]


def invoiced(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="first", caller=MACHINE)
        assert sent.envelope["success"]
        await until(lambda: bool(lab.records("Stripe_Invoice__c")), what="the write-back")

    tell(lab, story)


def test_a_preview_says_which_entity_is_missing_and_who_puts_it_back(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    invoiced(lab)
    renamed(lab)

    async def story(gateway: Gateway) -> None:
        asked = submission("send-invoice", lab.invoice_members(lines=OTHER), caller=MACHINE)
        with pytest.raises(Misconfigured) as refused:
            await preview(gateway.tools, asked)

        assert (refused.value.code, refused.value.http_status) == ("entity_not_configured", 503)
        assert "operator must put [entities.us] back" in refused.value.message

    tell(lab, story)


def test_an_action_on_a_record_of_that_entity_waits_for_it_and_says_so(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    invoiced(lab)
    before = lab.config_file.read_text()
    renamed(lab)

    async def story(gateway: Gateway) -> None:
        members = lab.invoice_members(lines=OTHER, additional=True)
        asked = await ask(gateway, "send-invoice", members, key="more", caller=MACHINE, wait=0)
        await open_now(gateway)
        told = await state(gateway.tools, asked.action_id)

        assert told is not None
        assert "operator must put [entities.us] back" in told[1]["user_message"]
        assert await gateway.tools.store.read(jobs.dead_groups) == []
        [circuit] = await gateway.tools.store.read(open_circuits)
        assert (circuit.scope, circuit.error_code) == (US, "entity_not_configured")

        lab.passes(gateway, 16 * 60)  # longer than an automation's patience: it is over, with nothing sent
        gateway.tools.engine.poke()
        assert (await end_of(gateway, asked))["error_code"] == "expired"

    tell(lab, story)
    lab.config_file.write_text(before)

    async def put_back(gateway: Gateway) -> None:
        await closed_now(gateway)
        members = lab.invoice_members(lines=OTHER, additional=True)
        answer = await ask(gateway, "send-invoice", members, key="again", caller=MACHINE, wait=0)

        assert (await end_of(gateway, answer))["success"]
        assert len(lab.of_record("invoice", lab.fleet)) == 2

    tell(lab, put_back)


def test_a_reading_of_what_is_at_that_entity_waits_and_is_made_when_it_is_back(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    invoiced(lab)
    before = lab.config_file.read_text()
    [invoice] = lab.of_record("invoice", lab.fleet)
    lab.pay(invoice)
    renamed(lab)

    async def story(gateway: Gateway) -> None:
        first = await ask(gateway, "send-invoice", lab.invoice_members(), key="first", caller=MACHINE)
        await read_again(gateway, first)
        await open_now(gateway)

        assert await gateway.tools.store.read(jobs.dead_groups) == []

    tell(lab, story)
    lab.config_file.write_text(before)

    async def put_back(gateway: Gateway) -> None:
        await closed_now(gateway)
        await until(lambda: lab.records("Stripe_Invoice__c")[0]["Status__c"] == "Paid", what="the reading")

    tell(lab, put_back)


def test_a_stored_plan_of_that_entity_is_carried_to_its_end_when_it_is_back(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    before = lab.config_file.read_text()
    lab.fault("stripe", "http_503", "/v1/invoices/*/finalize", times=1000)

    async def planned(gateway: Gateway) -> None:
        await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE, wait=0)
        await until(lambda: bool(lab.of_record("invoice", lab.fleet)), what="the draft")

    tell(lab, planned)
    renamed(lab)
    lab.heal()

    async def story(gateway: Gateway) -> None:
        await open_now(gateway)

        assert (await states(gateway))["dead"] == 0

    tell(lab, story)
    lab.config_file.write_text(before)

    async def put_back(gateway: Gateway) -> None:
        await closed_now(gateway)
        again = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE, wait=0)

        assert (await end_of(gateway, again))["success"]
        assert [x["status"] for x in lab.of_record("invoice", lab.fleet)] == ["open"]

    tell(lab, put_back)
