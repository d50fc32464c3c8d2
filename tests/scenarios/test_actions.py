"""The four actions, from the request to the record, with nothing going wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.errors import Misconfigured
from gateway.sandbox.identity import ACCOUNT
from tests.scenarios.lab import MACHINE, Lab, ask, truth, until


def stripe_calls(lab: Lab) -> list[dict[str, Any]]:
    """Calls of actions; each start of a gateway asks once whose account it is."""
    return [c for c in lab.calls("stripe") if c["path"].startswith("/v1/") and c["path"] != "/v1/account"]


def test_an_opportunity_becomes_a_sent_invoice_with_its_ids_written_back(lab: Lab) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")

            assert answer.envelope["success"], answer.envelope
            [invoice] = lab.of_record("invoice", lab.fleet)
            assert (invoice["status"], invoice["number"]) == ("open", answer.envelope["number"])
            assert answer.envelope["url"] == invoice["hosted_invoice_url"]
            await until(lambda: lab.record("Opportunity", lab.fleet).get("Stripe_Status__c") == "Invoice Open")
            assert list(truth(lab, lab.fleet)) == []

    asyncio.run(story())


def test_a_known_customer_costs_four_calls_a_new_one_five_and_a_repeat_none(lab: Lab) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            first = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")
            new_customer = stripe_calls(lab)
            known = await ask(gateway, "send-invoice", lab.invoice_members(additional=True), key="k2", caller=MACHINE)
            with_known = stripe_calls(lab)[len(new_customer) :]
            again = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")
            all_calls = stripe_calls(lab)

        assert first.envelope["success"]
        assert known.envelope["success"], known.envelope
        assert len(new_customer) == 5
        assert [c["path"].rsplit("/", 1)[-1] for c in with_known if c["method"] == "POST"] == [
            "invoices",
            "add_lines",
            "finalize",
            "send",
        ]
        assert len(all_calls) == len(new_customer) + len(with_known)
        assert again.envelope["stripe_id"] == first.envelope["stripe_id"]
        assert again.envelope["replayed"]

    asyncio.run(story())


def test_a_customer_asked_for_while_an_invoice_has_it_made_does_not_stand_in_its_way(sqlite_lab: Lab) -> None:
    """Both are of the customer's lane: whoever is in it must let the one that makes the customer pass."""
    lab = sqlite_lab

    def reads() -> bool:
        return any(call["fault"] == "drip" for call in lab.calls("salesforce"))

    async def story() -> None:
        async with lab.gateway() as gateway:
            lab.fault("salesforce", "drip", "*/composite", seconds=0.003)  # a byte: the customer's record takes a while
            customer = asyncio.create_task(
                ask(gateway, "create-customer", {"record_id": lab.account}, key="c", wait=60)
            )
            await until(reads, what="the slow read")
            invoice = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i", wait=60)

            assert invoice.envelope["success"], invoice.envelope
            assert (await customer).envelope["success"]

    asyncio.run(story())
    assert len(lab.objects("customer")) == 1


def test_the_same_key_fifty_times_at_once_makes_one_invoice_and_one_answer(lab: Lab) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            answers = await asyncio.gather(
                *(ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="same") for _ in range(50))
            )

        assert {a.envelope["stripe_id"] for a in answers} == {lab.of_record("invoice", lab.fleet)[0]["id"]}
        assert len({a.envelope["number"] for a in answers}) == 1
        assert len(lab.of_record("invoice", lab.fleet)) == 1

    asyncio.run(story())


def test_a_payment_is_refunded_once_however_often_it_is_asked_and_twice_when_it_is_meant(lab: Lab) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            lab.pay(lab.of_record("invoice", lab.fleet)[0])
            body = {"record_id": lab.fleet, "amount": "100.00", "reason": "requested_by_customer"}
            once = await ask(gateway, "refund-payment", body, key="r1")
            again = await ask(gateway, "refund-payment", body, key="r1")
            meant = await ask(gateway, "refund-payment", body, key="r2")

            assert [a.envelope["success"] for a in (once, again, meant)] == [True] * 3, once.envelope
            assert once.envelope["stripe_id"] == again.envelope["stripe_id"] != meant.envelope["stripe_id"]
            assert [r["amount"] for r in lab.objects("refund")] == [10000, 10000]
            await until(lambda: lab.record("Opportunity", lab.fleet).get("Stripe_Status__c") == "Partially Refunded")

    asyncio.run(story())


def test_more_than_was_paid_is_never_refunded(lab: Lab) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            [invoice] = lab.of_record("invoice", lab.fleet)
            lab.pay(invoice)
            too_much = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "99999.00"}, key="r1")
            all_of_it = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="r2")
            once_more = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="r3")

        assert too_much.envelope["error_code"] == "refund_too_large"
        assert all_of_it.envelope["success"]
        assert once_more.envelope["error_code"] == "nothing_to_refund"
        assert sum(r["amount"] for r in lab.objects("refund")) == invoice["total"]

    asyncio.run(story())


def test_a_payment_link_is_the_same_for_the_same_content_and_replaced_for_another(lab: Lab) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            first = await ask(
                gateway, "create-payment-link", {"record_id": lab.fleet, "amount": "50.00", "currency": "USD"}
            )
            same = await ask(
                gateway, "create-payment-link", {"record_id": lab.fleet, "amount": "50.00", "currency": "USD"}
            )
            other = await ask(
                gateway, "create-payment-link", {"record_id": lab.fleet, "amount": "60.00", "currency": "USD"}
            )

        assert first.envelope["success"], first.envelope
        assert same.envelope["stripe_id"] == first.envelope["stripe_id"] != other.envelope["stripe_id"]
        active = {link["id"]: link["active"] for link in lab.objects("payment_link")}
        assert active == {first.envelope["stripe_id"]: False, other.envelope["stripe_id"]: True}

    asyncio.run(story())


def test_another_invoice_while_one_is_open_is_refused_with_its_number(lab: Lab) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            first = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")
            other = await ask(gateway, "send-invoice", {"record_id": lab.fleet, "portion_percent": "30"}, key="k2")
            replaced = await ask(
                gateway, "send-invoice", {"record_id": lab.fleet, "portion_percent": "30", "replace": True}, key="k3"
            )

        assert other.envelope["error_code"] == "invoice_already_open"
        assert str(first.envelope["number"]) in other.envelope["user_message"]
        assert other.envelope["url"] == first.envelope["url"]
        assert replaced.envelope["success"], replaced.envelope
        statuses = sorted(x["status"] for x in lab.of_record("invoice", lab.fleet))
        assert statuses == ["open", "void"]

    asyncio.run(story())


def test_what_was_replaced_is_shown_as_void_and_as_inactive(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    link = {"record_id": lab.fleet, "amount": "50.00", "currency": "USD"}

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")
            await ask(gateway, "send-invoice", {"record_id": lab.fleet, "replace": True}, key="k2")
            await ask(gateway, "create-payment-link", link, key="l1")
            await ask(gateway, "create-payment-link", {**link, "amount": "60.00"}, key="l2")

            await until(lambda: sorted(r["Status__c"] for r in lab.records("Stripe_Invoice__c")) == ["Open", "Void"])
            await until(lambda: sorted(r["Active__c"] for r in lab.records("Stripe_Payment_Link__c")) == [False, True])

    asyncio.run(story())


@pytest.mark.plain
def test_a_key_of_another_account_is_refused_at_start(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    text = lab.config_file.read_text().replace(ACCOUNT, "acct_1SomebodyElse")
    lab.config_file.write_text(text)

    async def story() -> None:
        with pytest.raises(Misconfigured, match="acct_1SomebodyElse"):
            await lab.boot()

    asyncio.run(story())


def test_asking_again_without_a_key_shows_the_open_invoice_and_notices_that_it_was_paid(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            first = await ask(gateway, "send-invoice", {"record_id": lab.fleet})
            lab.pay(lab.of_record("invoice", lab.fleet)[0])
            again = await ask(gateway, "send-invoice", {"record_id": lab.fleet})

            assert again.envelope["replayed"]
            assert (again.envelope["url"], again.envelope["stripe_status"]) == (first.envelope["url"], "paid")
            assert len(lab.of_record("invoice", lab.fleet)) == 1
            await until(lambda: lab.record("Opportunity", lab.fleet).get("Stripe_Status__c") == "Paid")

    asyncio.run(story())
