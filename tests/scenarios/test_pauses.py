"""What the operator pauses is not begun, by nobody, however long it takes; what has begun goes to its end."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from gateway.app import Gateway
from gateway.engine.database import transaction
from gateway.engine.schema import audit, job
from gateway.pipeline import pausing
from gateway.pipeline.preview import preview
from gateway.sandbox.identity import ENTITY, ORG
from tests.scenarios.effects import drop
from tests.scenarios.lab import MACHINE, Lab, ask, submission, tell, until
from tests.scenarios.outage import back, move, open_now, orders, scopes, statuses

BY_ORG, BY_ENTITY, INVOICES = f"org:{ORG}", f"entity:{ENTITY}", "action:send-invoice"
# The stories end paused: what flows ask for meanwhile never ends.
pytestmark = pytest.mark.plain

DAY = 86400.0


def pause(lab: Lab, scope: str, reason: str | None = "the bank is asking") -> None:
    """As the command line does it: one transaction, from outside."""
    with transaction(lab.database) as conn:
        pausing.begin(conn, scope, actor="cli:ops", reason=reason)


def resume(lab: Lab, scope: str) -> int | None:
    with transaction(lab.database) as conn:
        return pausing.end(conn, scope, actor="cli:ops", reason=None)


async def resumed_later(gateway: Gateway, scope: str) -> int | None:
    """The same by the clock of a world in which time has passed."""
    return await gateway.tools.store.write(lambda conn: pausing.end(conn, scope, actor="cli:ops", reason=None))


async def paused_later(gateway: Gateway, scope: str) -> None:
    await gateway.tools.store.write(lambda conn: pausing.begin(conn, scope, actor="cli:ops", reason=None))


def resting(lab: Lab) -> dict[str, str]:
    """Job → the pause it rests for."""
    with transaction(lab.database, readonly=True) as conn:
        rows = conn.execute(sa.select(job.c.id, job.c.paused_by).where(job.c.paused_by.is_not(None)))
        return {row.id: row.paused_by for row in rows}


async def seen(gateway: Gateway, *expected: str) -> None:
    await until(lambda: set(gateway.tools.engine.pauses) == set(expected), what="the process saw it")


@pytest.mark.parametrize("scope", [BY_ORG, BY_ENTITY, INVOICES])
def test_what_is_paused_is_taken_and_told_so_and_goes_on_when_resumed(lab: Lab, scope: str) -> None:
    async def story(gateway: Gateway) -> None:
        pause(lab, scope)
        await seen(gateway, scope)
        before = lab.calls("stripe")

        answer = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE, wait=60)
        await until(lambda: resting(lab) == {answer.action_id: scope}, what="it rests")
        again = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE, wait=60)

        for told in (answer, again):
            assert told.running
            assert told.envelope["status"] == "queued"
            assert "paused by the gateway's operator: the bank is asking." in told.envelope["user_message"]
            assert "nothing expires" in told.envelope["user_message"]
            assert told.envelope["retry_after_seconds"] == 60
        assert lab.calls("stripe") == before
        assert resume(lab, scope) == 1
        await seen(gateway)
        assert await gateway.tools.engine.wait(answer.action_id, 30)
        assert await statuses(gateway) == {"succeeded": 2}  # the invoice, and the customer it needed
        assert len(lab.objects("invoice")) == 1

    tell(lab, story)


def test_other_actions_of_the_same_record_go_on_and_the_paused_ones_are_planned_when_resumed(lab: Lab) -> None:
    """Were both planned while they rest, both would be sent: neither plan would know of the other's invoice."""
    first = lab.invoice_members()
    second = {**first, "lines": [{"description": "Something else", "amount": "77.00"}]}

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
        pause(lab, INVOICES)
        await seen(gateway, INVOICES)
        one = await ask(gateway, "send-invoice", first, key="one", caller=MACHINE, wait=0)
        two = await ask(gateway, "send-invoice", second, key="two", caller=MACHINE, wait=0)
        await until(lambda: len(resting(lab)) == 2, what="both rest")

        link = await ask(gateway, "create-payment-link", {"record_id": lab.fleet}, key="link")
        assert link.envelope["success"], link.envelope
        resume(lab, INVOICES)
        assert await gateway.tools.engine.wait(one.action_id, 30)
        assert await gateway.tools.engine.wait(two.action_id, 30)
        assert await statuses(gateway) == {"succeeded": 3, "rejected invoice_already_open": 1}
        assert len(lab.objects("invoice")) == 1

    tell(lab, story)


def test_an_action_that_has_sent_something_goes_to_its_end(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
        lab.fault("stripe", "http_503", "/v1/invoices/*/add_lines", method="POST", times=-1)
        begun = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE, wait=0)
        await until(lambda: len(lab.objects("invoice")) == 1, what="the draft")
        pause(lab, BY_ORG)
        await seen(gateway, BY_ORG)
        lab.heal()

        assert await gateway.tools.engine.wait(begun.action_id, 60)
        assert [x["status"] for x in lab.objects("invoice")] == ["open"]
        assert resting(lab) == {}

    tell(lab, story)


def test_nothing_expires_while_it_is_paused_and_its_time_counts_from_the_end_of_it(lab: Lab) -> None:
    first, second, third = orders(lab)[:3]

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
        pause(lab, BY_ORG)
        await seen(gateway, BY_ORG)
        one = await ask(gateway, "send-invoice", first, key="one", caller=MACHINE, wait=0)
        await until(lambda: list(resting(lab)) == [one.action_id], what="it rests")

        lab.passes(gateway, 3 * DAY)
        gateway.tools.engine.poke()
        assert await resumed_later(gateway, BY_ORG) == 1
        assert await gateway.tools.engine.wait(one.action_id, 30)
        assert len(lab.objects("invoice")) == 1

        # What had expired before it was paused stays so.
        lab.stripe_server.stop()
        await ask(gateway, "send-invoice", second, key="two", caller=MACHINE, wait=0)
        await open_now(gateway)
        late = await ask(gateway, "send-invoice", third, key="three", caller=MACHINE, wait=0)
        move(lab, gateway, 16 * 60)
        await paused_later(gateway, BY_ORG)
        await seen(gateway, BY_ORG)
        assert await gateway.tools.engine.wait(late.action_id, 60)
        assert (await statuses(gateway))["failed expired"] >= 1
        back(lab, 16 * 60)

    tell(lab, story)


def test_a_pause_outlives_a_restart(lab: Lab) -> None:
    async def story() -> None:
        gateway = await lab.boot()
        pause(lab, BY_ENTITY)
        await seen(gateway, BY_ENTITY)
        await ask(gateway, "send-invoice", lab.invoice_members(), key="before", caller=MACHINE, wait=0)
        await until(lambda: len(resting(lab)) == 1, what="it rests")
        await drop(gateway)

        async with lab.gateway() as next_one:
            assert set(next_one.tools.engine.pauses) == {BY_ENTITY}  # before anything could be begun
            other = orders(lab)[1]
            await ask(next_one, "send-invoice", other, key="after", caller=MACHINE, wait=0)
            await until(lambda: len(resting(lab)) == 2, what="both rest")
            assert lab.objects("invoice") == []
            assert resume(lab, BY_ENTITY) == 2
            await until(lambda: len(lab.objects("invoice")) == 2, what="both invoices")

    asyncio.run(story())


def test_an_invoice_waits_for_a_customer_that_may_not_be_made(lab: Lab) -> None:
    customers = "action:create-customer"

    async def story(gateway: Gateway) -> None:
        pause(lab, customers, None)
        await seen(gateway, customers)
        asked = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k", wait=0)
        await until(lambda: resting(lab).get(asked.action_id) == customers, what="it rests")
        told = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k", wait=60)

        assert "The action create-customer is paused by the gateway's operator." in told.envelope["user_message"]
        assert lab.objects("customer") == []
        lab.passes(gateway, DAY)
        await resumed_later(gateway, customers)
        assert await gateway.tools.engine.wait(asked.action_id, 30)
        assert await statuses(gateway) == {"succeeded": 2}

    tell(lab, story)


def test_a_call_that_succeeds_and_an_outage_leave_a_pause_alone(lab: Lab) -> None:
    first, second = orders(lab)[:2]

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
        pause(lab, INVOICES)
        await seen(gateway, INVOICES)
        await ask(gateway, "send-invoice", first, key="one", caller=MACHINE, wait=0)
        await until(lambda: len(resting(lab)) == 1, what="it rests")

        lab.stripe_server.stop()
        await ask(gateway, "create-payment-link", {"record_id": second["record_id"]}, key="link", wait=0)
        await open_now(gateway)
        back(lab, 61)
        move(lab, gateway, 61)
        await until(lambda: len(lab.objects("payment_link")) == 1, 60, what="the link")

        assert set(gateway.tools.engine.pauses) == {INVOICES}
        assert list(resting(lab).values()) == [INVOICES]
        assert lab.objects("invoice") == []
        assert INVOICES not in await scopes(gateway)
        resume(lab, INVOICES)
        await until(lambda: len(lab.objects("invoice")) == 1, what="the invoice")

    tell(lab, story)


def test_rows_of_the_outbox_are_taken_up_and_wait(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        pause(lab, BY_ORG)
        await seen(gateway, BY_ORG)
        fields = {"Action__c": "send-invoice", "Source_Record_Id__c": lab.fleet, "Status__c": "queued"}
        lab.save("Stripe_Action__c", fields)
        lab.passes(gateway, 61)
        gateway.tools.engine.poke()
        await until(lambda: len(resting(lab)) == 1, what="it rests")

        resume(lab, BY_ORG)
        await until(lambda: len(lab.objects("invoice")) == 1, what="the invoice")

    tell(lab, story)


def test_a_preview_says_that_it_would_wait(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        pause(lab, INVOICES, "month end")
        await seen(gateway, INVOICES)

        shown = await preview(gateway.tools, submission("send-invoice", {"record_id": lab.fleet}))

        words = (
            "The action send-invoice is paused by the gateway's operator: month end. It would wait until that is over."
        )
        assert words in shown.summary["warnings"]

    tell(lab, story)


def test_metrics_and_the_audit_log_tell_of_it(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        pause(lab, BY_ORG)
        pause(lab, BY_ORG, "still")
        await seen(gateway, BY_ORG)
        page = gateway.metrics.render().decode()
        resume(lab, BY_ORG)
        assert resume(lab, BY_ORG) is None
        query = sa.select(audit.c.act, audit.c.org, audit.c.actor).where(audit.c.ref == BY_ORG).order_by(audit.c.seq)
        rows = await gateway.tools.store.read(lambda conn: conn.execute(query).all())

        assert f'gateway_paused_seconds{{scope="{BY_ORG}"}}' in page
        assert [tuple(row) for row in rows] == [
            ("pause.begun", ORG, "cli:ops"),
            ("pause.begun", ORG, "cli:ops"),
            ("pause.ended", ORG, "cli:ops"),
        ]

    tell(lab, story)


@pytest.mark.postgres
def test_two_processes_obey_the_same_pause(tmp_path, postgres_url) -> None:  # type: ignore[no-untyped-def]  # pytest's
    folder = tmp_path / "world"
    folder.mkdir()
    lab = Lab(folder, postgres_url)
    first, second = orders(lab)[:2]

    async def story() -> None:
        async with lab.gateway() as one, lab.gateway() as two:
            pause(lab, INVOICES)
            await seen(one, INVOICES)
            await seen(two, INVOICES)
            await ask(one, "send-invoice", first, key="one", caller=MACHINE, wait=0)
            await ask(two, "send-invoice", second, key="two", caller=MACHINE, wait=0)
            await until(lambda: len(resting(lab)) == 2, what="both rest")
            assert lab.objects("invoice") == []
            assert resume(lab, INVOICES) == 2
            await until(lambda: len(lab.objects("invoice")) == 2, what="both invoices")

    try:
        asyncio.run(story())
    finally:
        lab.close()
