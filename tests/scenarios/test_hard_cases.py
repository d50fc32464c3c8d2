"""Where an effect is easily doubled, lost, or told wrongly: each of these was once so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests

from gateway.app import Gateway
from gateway.engine import jobs, lanes, ledger, live, schedule
from gateway.engine.database import transaction
from gateway.engine.worker import Claim, Done
from gateway.pipeline import answers, unknown
from gateway.pipeline.accept import work_of
from gateway.pipeline.keys import customer_base, step_key
from gateway.pipeline.preview import preview
from gateway.pipeline.refresh import refresh
from gateway.pipeline.work import Patience
from gateway.records import dumps
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import BILLED, MACHINE, Lab, ask, submission, tell, truth, until
from tests.scenarios.outage import back, move


def hours_pass(lab: Lab, gateway: Gateway, hours: float) -> None:
    """For everybody at once: the gateway and both simulators."""
    gateway.tools.clock.offset += hours * 3600  # type: ignore[attr-defined]  # the system's clock can be moved
    for upstream in ("stripe", "salesforce"):
        lab.control(upstream, "POST", "clock", {"advance": hours * 3600})
    gateway.tools.engine.poke()


async def paid(lab: Lab, gateway: Gateway) -> str:
    """The fleet's invoice, sent and paid; returns its charge."""
    await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="invoice")
    lab.pay(lab.of_record("invoice", lab.fleet)[0])
    return str(lab.objects("charge")[0]["id"])


def at_stripe(lab: Lab, path: str, form: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    """Somebody else's call with the same key: the dashboard, a script, an older database of ours."""
    headers = {"Authorization": f"Bearer {lab.identity.stripe_key}"} | ({"Idempotency-Key": key} if key else {})
    answer = requests.post(f"{lab.stripe_url}{path}", data=form, headers=headers, timeout=10)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def test_a_refund_frozen_between_two_tries_for_longer_than_its_key_lives_is_looked_up_first(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await paid(lab, gateway)
        gateway.tools.patience = Patience(tries=(1.5,))
        lab.fault("stripe", "drop_after", "/v1/refunds", method="POST")

        asked = asyncio.create_task(
            ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "10.00"}, key="r")
        )
        await until(lambda: len(lab.objects("refund")) == 1, what="the refund whose answer is lost")
        hours_pass(lab, gateway, 25)
        answer = await asked

        assert answer.envelope["success"], answer.envelope
        assert [x["amount"] for x in lab.objects("refund")] == [1000]

    tell(lab, story)


def test_an_invoice_that_stripe_will_not_mail_is_told_with_its_link_and_never_made_again(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        lab.fault("stripe", "http_400", "/v1/invoices/*/send", times=-1)

        first = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="a")
        again = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="b")

        assert first.envelope["success"], first.envelope
        assert "did not mail it" in first.envelope["user_message"]
        assert first.envelope["url"].startswith("http")
        assert again.envelope["stripe_id"] == first.envelope["stripe_id"]
        assert [x["status"] for x in lab.of_record("invoice", lab.fleet)] == ["open"]
        await until(lambda: not list(truth(lab, lab.fleet)), what="the write-back")

    tell(lab, story)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_invoice_whose_mailing_stripe_keeps_an_error_for_is_not_mailed_again(sqlite_lab: Lab, when: str) -> None:
    lab = sqlite_lab
    broken = {"match": {"path": "/v1/invoices/*/send"}, "kind": "http_500_cached", "when": when, "times": 1}

    async def story(gateway: Gateway) -> None:
        lab.control("stripe", "POST", "faults", broken)

        sent = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="a")

        assert sent.envelope["success"], sent.envelope
        assert "not known whether Stripe mailed it" in sent.envelope["user_message"]
        assert len(lab.objects("mail")) == (1 if when == "after" else 0)

    tell(lab, story)


def test_each_change_of_a_customer_reaches_stripe_also_one_back_to_before(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        for n, address in enumerate(["a@example.com", "b@example.com", "c@example.com", "b@example.com"]):
            members = {"record_id": lab.account, "recipient_email": address}
            answer = await ask(gateway, "create-customer", members, key=f"k{n}")

            assert answer.envelope["success"], answer.envelope
            assert [x["email"] for x in lab.objects("customer")] == [address]

    tell(lab, story)


def test_every_invoice_goes_to_the_address_it_was_asked_for(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    wanted = ["other@example.com", BILLED, "third@example.com", BILLED]

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        for n, address in enumerate(wanted):
            lines = [{"description": f"Part {n}", "amount": "5.00"}]
            members = lab.invoice_members(recipient_email=address, lines=lines, additional=True)
            answer = await ask(gateway, "send-invoice", members, key=f"k{n}")
            assert answer.envelope["success"], answer.envelope

        mailed = {
            x["lines"]["data"][0]["description"]: x["customer_email"] for x in lab.of_record("invoice", lab.fleet)
        }
        assert mailed == {f"Part {n}": address for n, address in enumerate(wanted)}

    tell(lab, story)


def test_an_address_changed_at_stripe_meanwhile_gets_no_invoice_that_nobody_confirmed(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        made = await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        at_stripe(lab, f"/v1/customers/{made.envelope['stripe_id']}", {"email": "finance@example.com"})

        refused = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")
        shown = await preview(gateway.tools, submission("send-invoice", {"record_id": lab.fleet}))
        confirmed = await ask(gateway, "send-invoice", {"record_id": lab.fleet, "preview_token": shown.token}, key="l")

        assert (refused.envelope["success"], refused.envelope["error_code"]) == (False, "recipient_differs")
        assert confirmed.envelope["success"], confirmed.envelope
        assert [x["customer_email"] for x in lab.of_record("invoice", lab.fleet)] == [BILLED]

    tell(lab, story)


@pytest.mark.parametrize(
    "changed", [{"recipient_email": "mallory@example.com"}, {"due_date": "2033-01-01"}, {"footer": "Pay elsewhere"}]
)
def test_a_confirmed_preview_holds_for_nothing_but_what_was_shown(sqlite_lab: Lab, changed: dict[str, str]) -> None:
    lab = sqlite_lab
    members = {"recipient_email": BILLED, "due_date": "2030-01-01"}

    async def story(gateway: Gateway) -> None:
        shown = await preview(gateway.tools, submission("send-invoice", lab.invoice_members(**members)))
        other = lab.invoice_members(**{**members, **changed, "preview_token": shown.token})
        same = lab.invoice_members(**members, preview_token=shown.token)

        stale = await ask(gateway, "send-invoice", other, key="other")
        done = await ask(gateway, "send-invoice", same, key="same")

        assert stale.envelope["error_code"] == "preview_stale"
        assert done.envelope["success"], done.envelope

    tell(lab, story)


def test_a_customer_that_cannot_be_made_ends_who_waits_for_it_and_waits_for_a_person_itself(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    key = step_key(entity="us", mode="test", base=customer_base(ORG, lab.account, 1), step="customer", generation=1)

    async def story(gateway: Gateway) -> None:
        at_stripe(lab, "/v1/customers", {"name": "From before the database was restored"}, key)
        started = gateway.tools.engine.slots.started

        answer = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")

        assert (answer.envelope["status"], answer.envelope["error_code"]) == ("failed", "customer_not_created")
        assert gateway.tools.engine.slots.started - started < 12
        [dead] = await gateway.tools.store.read(jobs.dead_groups)
        assert (dead.kind, dead.error_code) == ("action", "idempotency_key_reused")

        def told() -> list[tuple[str, str]]:
            return sorted((row["Action__c"], row["Status__c"]) for row in lab.asked())

        await until(lambda: told() == [("create-customer", "unknown"), ("send-invoice", "failed")], what="both told")

    tell(lab, story)


def test_an_action_that_died_with_its_plan_is_looked_up_and_found(lab: Lab) -> None:
    """Somebody's script finalized the draft under our key: our own call is refused for good, but the invoice is out."""

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        gateway.tools.patience = Patience(tries=(), first=600, longest=600)
        lab.fault("stripe", "http_503", "/v1/invoices/*/finalize", method="POST", times=-1)
        asked = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE, wait=0)
        action_id = asked.action_id
        await until(lambda: put_down(lab, action_id), what="it was put down")
        lab.heal()
        key = step_key(entity="us", mode="test", base=action_id, step="finalize", generation=1)
        [invoice] = lab.objects("invoice")
        at_stripe(lab, f"/v1/invoices/{invoice['id']}/finalize", {"auto_advance": "true"}, key)

        hours_pass(lab, gateway, 0.2)
        assert await gateway.tools.engine.wait(action_id, 30)
        told = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE)
        assert (told.envelope["status"], told.envelope["error_code"]) == ("unknown", "idempotency_key_reused")
        [dead] = await gateway.tools.store.read(jobs.dead_letters)
        assert dead.id == action_id

        hours_pass(lab, gateway, 0.02)
        assert await gateway.tools.engine.wait(f"lookup:{action_id}", 30)
        told = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE)
        assert (told.envelope["status"], told.envelope["stripe_id"]) == ("succeeded", invoice["id"])
        assert "Stripe does not say whether the mail went out" in told.envelope["user_message"]
        assert await gateway.tools.store.read(jobs.dead_letters) == []
        await until(lambda: not list(truth(lab, lab.fleet)), what="the write-back")

    tell(lab, story)


def test_an_action_that_died_with_its_plan_and_left_nothing_at_stripe_is_looked_up_until_a_person_decides(
    sqlite_lab: Lab,
) -> None:
    lab = sqlite_lab
    key = step_key(entity="us", mode="test", base=customer_base(ORG, lab.account, 1), step="customer", generation=1)

    async def story(gateway: Gateway) -> None:
        at_stripe(lab, "/v1/customers", {"name": "From before the database was restored"}, key)
        made = await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
        job_id = f"lookup:{made.action_id}"
        assert made.envelope["status"] == "unknown", made.envelope

        for seconds in (61, 601, 3601, 3601):  # after a minute, ten minutes, an hour, hourly
            before = len(lab.calls("stripe"))
            hours_pass(lab, gateway, seconds / 3600)
            await until(lambda before=before: len(lab.calls("stripe")) > before, what="a look")  # type: ignore[misc]
            await until(lambda: state_of(lab, job_id) == "held", what="the next one is waited for")

        said = unknown.Resolution(made.action_id, happened=False, actor="operator", reason="not in the dashboard")
        await gateway.tools.store.write(lambda conn: unknown.order(conn, gateway.tools.sealer, said))
        gateway.tools.engine.poke()
        await until(lambda: state_of(lab, made.action_id) is None, what="the dead letter is gone")
        assert state_of(lab, job_id) is None

    tell(lab, story)


def state_of(lab: Lab, job_id: str) -> str | None:
    with transaction(lab.database, readonly=True) as conn:
        return lanes.state_of(conn, job_id)


def put_down(lab: Lab, job_id: str) -> bool:
    """Waiting for its retry."""
    return state_of(lab, job_id) in {"waiting", "held"}


def refresh_of(gateway: Gateway, lab: Lab, invoice_id: str) -> Claim:
    """The job that reads this invoice again, as some process has claimed it."""
    told = {"org": ORG, "entity": "us", "kind": "invoice", "id": invoice_id, "sobject": "Opportunity"}
    told |= {"record_id": lab.fleet, "owner": {}}
    job_id = f"refresh:us:{invoice_id}"
    payload = gateway.tools.sealer.seal(dumps(told).encode(), f"job.payload:{job_id}")
    return Claim(job_id, "refresh", "lane", 1, 1, 0, "claim", payload, 0.0, 1, None, None)


def test_a_reading_that_was_overtaken_changes_nothing_any_more(lab: Lab) -> None:
    """Its process stood still between the answer and the commit, and what it read is no longer so."""

    async def story(gateway: Gateway) -> None:
        tools = gateway.tools
        sent = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")
        claim = refresh_of(gateway, lab, sent.envelope["stripe_id"])

        overtaken = await refresh(tools, claim)
        lab.pay(lab.objects("invoice")[0])
        latest = await refresh(tools, claim)
        for verdict in (latest, overtaken):
            assert isinstance(verdict, Done)
            assert verdict.commit is not None
            await tools.store.write(verdict.commit)

        [row] = await tools.store.read(lambda conn: live.of_record(conn, ORG, lab.fleet, "invoice"))
        assert row.status == "paid"
        refund = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="r")
        assert refund.envelope["success"], refund.envelope
        await until(lambda: not list(truth(lab, lab.fleet)), what="the write-back")

    tell(lab, story)


def test_what_an_action_did_is_not_overwritten_by_a_reading_from_before(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        tools = gateway.tools
        first = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")
        before = await refresh(tools, refresh_of(gateway, lab, first.envelope["stripe_id"]))
        members = {"record_id": lab.fleet, "portion_percent": "30", "replace": True}
        second = await ask(gateway, "send-invoice", members, key="k2")
        assert second.envelope["success"], second.envelope

        assert isinstance(before, Done)
        assert before.commit is not None
        await tools.store.write(before.commit)

        rows = await tools.store.read(lambda conn: live.of_record(conn, ORG, lab.fleet, "invoice"))
        assert {row.stripe_id: row.status for row in rows} == {
            first.envelope["stripe_id"]: "void",
            second.envelope["stripe_id"]: "open",
        }

    tell(lab, story)


async def unknown_refund(lab: Lab, gateway: Gateway) -> str:
    """A refund whose key is poisoned by a cached 500, and of which Stripe lists nothing."""
    lab.fault("stripe", "http_500_cached", "/v1/refunds", method="POST")
    answer = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "10.00"}, key="r")
    assert answer.envelope["status"] == "unknown", answer.envelope
    return answer.action_id


def test_a_refund_found_by_looking_counts_as_what_it_has_become(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        charge = await paid(lab, gateway)
        action_id = await unknown_refund(lab, gateway)
        lab.control("stripe", "POST", "refunds", {"next": ["failed"]})
        found = {"charge": charge, "amount": 1000, "metadata[gw_action_id]": action_id, "metadata[gw_step]": "refund"}
        at_stripe(lab, "/v1/refunds", found)
        hours_pass(lab, gateway, 0.02)

        assert await gateway.tools.engine.wait(f"lookup:{action_id}", 10)
        answer = await ask(gateway, "refund-payment", _ten(lab), key="r")
        assert answer.envelope["status"] == "failed"
        free = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="all")
        assert free.envelope["success"], free.envelope

    tell(lab, story)


def _ten(lab: Lab) -> dict[str, Any]:
    return {"record_id": lab.fleet, "amount": "10.00"}


def test_no_money_moves_on_a_payment_while_an_earlier_refund_of_it_is_unknown(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await paid(lab, gateway)
        action_id = await unknown_refund(lab, gateway)

        second = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "20.00"}, key="r2")

        assert (second.envelope["status"], second.envelope["error_code"]) == ("rejected", "earlier_refund_unknown")
        assert action_id in second.envelope["user_message"]
        assert lab.objects("refund") == []

    tell(lab, story)


def test_an_outcome_unknown_for_longer_than_bodies_are_kept_can_still_be_resolved(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await paid(lab, gateway)
        action_id = await unknown_refund(lab, gateway)
        hours_pass(lab, gateway, 91 * 24)
        await schedule.age_out_all(gateway.tools.store, 90)
        said = unknown.Resolution(action_id, happened=False, actor="operator", reason="not in the dashboard")

        await gateway.tools.store.write(lambda conn: unknown.order(conn, gateway.tools.sealer, said))
        gateway.tools.engine.poke()

        assert await gateway.tools.engine.wait(f"resolve:{action_id}", 10)
        answer = await ask(gateway, "refund-payment", _ten(lab), key="r")
        assert (answer.envelope["status"], answer.envelope["error_code"]) == ("failed", "did_not_happen")

    tell(lab, story)


def test_a_replaced_invoice_is_void_in_salesforce_too(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")

        members = {"record_id": lab.fleet, "portion_percent": "30", "replace": True}
        answer = await ask(gateway, "send-invoice", members, key="k2")

        assert answer.envelope["success"], answer.envelope
        await until(lambda: not list(truth(lab, lab.fleet)), what="both invoices as they are")
        statuses = sorted(row["Status__c"] for row in lab.records("Stripe_Invoice__c"))
        assert statuses == ["Open", "Void"]

    tell(lab, story)


def test_a_payment_link_that_was_switched_off_for_another_is_inactive_in_salesforce_too(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        for amount in ("50.00", "60.00"):
            await ask(gateway, "create-payment-link", {"record_id": lab.fleet, "amount": amount, "currency": "USD"})

        def shown() -> list[bool]:
            return sorted(bool(row["Active__c"]) for row in lab.records("Stripe_Payment_Link__c"))

        await until(lambda: shown() == [False, True], what="the link that is off")

    tell(lab, story)


def test_what_a_refund_that_failed_later_had_taken_is_free_again(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await paid(lab, gateway)
        lab.control("stripe", "POST", "refunds", {"next": ["pending"]})
        first = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="r")
        lab.control("stripe", "POST", f"refunds/{first.envelope['stripe_id']}", {"status": "failed"})

        second = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="r2")

        assert second.envelope["success"], second.envelope

    tell(lab, story)


def test_a_customer_deleted_at_stripe_is_made_anew(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members = {"record_id": lab.account, "recipient_email": BILLED}

    async def story(gateway: Gateway) -> None:
        gone = await ask(gateway, "create-customer", members, key="a")
        await gateway.tools.stripe.call("us", "DELETE", f"/v1/customers/{gone.envelope['stripe_id']}")

        new = await ask(gateway, "create-customer", members, key="b")

        assert new.envelope["success"], new.envelope
        assert new.envelope["stripe_id"] != gone.envelope["stripe_id"]

    tell(lab, story)


def test_an_invoice_for_a_customer_deleted_at_stripe_fails_once_and_the_next_one_goes(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        made = await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        await gateway.tools.stripe.call("us", "DELETE", f"/v1/customers/{made.envelope['stripe_id']}")
        members = {"record_id": lab.fleet, "recipient_email": "new@example.com"}

        first = await ask(gateway, "send-invoice", members, key="i1")
        second = await ask(gateway, "send-invoice", members, key="i2")

        assert first.envelope["status"] == "failed"
        assert second.envelope["success"], second.envelope
        assert [x["customer_email"] for x in lab.of_record("invoice", lab.fleet)] == ["new@example.com"]

    tell(lab, story)


@pytest.mark.plain
def test_nothing_is_kept_warm_of_a_commit_that_did_not_stand(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        tools = gateway.tools
        work, _ = work_of(tools, submission("send-invoice", lab.invoice_members()))
        claim = Claim(work.id, "action", "lane", 1, 0, 0, "token", None, 0.0, 1, None, None)

        def rolled_back(_: object) -> None:
            tools.keep_warm(claim, work)
            raise ValueError("a neighbour in the group")

        with pytest.raises(ValueError, match="neighbour"):
            await tools.store.write(rolled_back)

        assert dict(tools.warm) == {}

    tell(lab, story)


def test_a_refusal_is_told_the_same_by_a_process_that_only_has_the_ledger(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        here = await ask(gateway, "send-invoice", {"record_id": "006000000000001"}, key="k")
        row = await gateway.tools.store.read(lambda conn: ledger.by_id(conn, here.action_id))

        assert row is not None
        assert (here.http_status, here.field) == (404, "record_id")
        assert answers.told_by_http(row) == (404, "record_id")
        assert answers.envelope_of(row) == here.envelope

    tell(lab, story)


def test_an_action_that_has_sent_nothing_holds_up_nobody_of_its_record(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members = lab.invoice_members()

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        lab.control("salesforce", "POST", "outage", {"down": True})
        waiting = await ask(gateway, "create-payment-link", {"record_id": lab.fleet}, key="reads", wait=0.5)
        done = await ask(gateway, "send-invoice", members, key="reads nothing", caller=MACHINE)
        lab.control("salesforce", "POST", "outage", {"down": False})

        assert waiting.running
        assert done.envelope["success"], done.envelope

    tell(lab, story)


def test_a_paid_invoice_is_never_replaced_by_one_that_asks_for_the_money_again(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        members = {"record_id": lab.fleet, "recipient_email": BILLED}
        first = await ask(gateway, "send-invoice", members, key="first")
        lab.pay(lab.of_record("invoice", lab.fleet)[0])

        shown = await preview(gateway.tools, submission("send-invoice", {**members, "replace": True}))
        again = await ask(gateway, "send-invoice", {**members, "replace": True}, key="again")

        assert (shown.summary["already"], shown.summary["already_status"]) == (first.envelope["number"], "paid")
        assert "paid" in str(shown.summary["warnings"])
        assert (again.envelope["stripe_id"], again.envelope["replayed"]) == (first.envelope["stripe_id"], True)
        assert [x["status"] for x in lab.of_record("invoice", lab.fleet)] == ["paid"]

    tell(lab, story)


def test_a_preview_of_what_is_there_already_counts_it_once(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        members = {"record_id": lab.fleet, "recipient_email": BILLED}
        before = await preview(gateway.tools, submission("send-invoice", members))
        sent = await ask(gateway, "send-invoice", members, key="first")

        after = await preview(gateway.tools, submission("send-invoice", members))

        assert "already" not in before.summary
        assert after.summary["already"] == sent.envelope["number"]
        assert after.summary["remaining"] == before.summary["remaining"]

    tell(lab, story)


def test_a_planned_action_that_could_not_be_sent_yet_keeps_others_of_its_record_from_planning(sqlite_lab: Lab) -> None:
    """Otherwise both plans would have been made over a record without an invoice, and both would be sent."""
    lab = sqlite_lab
    first = lab.invoice_members()
    second = {**first, "lines": [{"description": "Something else", "amount": "77.00"}]}

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        lab.stripe_server.stop()
        sent = await ask(gateway, "send-invoice", first, key="first", caller=MACHINE, wait=0)
        await until(lambda: put_down(lab, sent.action_id), what="the first was put down")
        other = await ask(gateway, "send-invoice", second, key="second", caller=MACHINE, wait=0)
        back(lab, 61)
        move(lab, gateway, 61)

        assert await gateway.tools.engine.wait(sent.action_id, 30)
        assert await gateway.tools.engine.wait(other.action_id, 30)
        assert len(lab.objects("invoice")) == 1

    tell(lab, story)
