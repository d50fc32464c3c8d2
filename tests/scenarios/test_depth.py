"""What records and payments are really like: orders, many lines, tax, deleted customers, disputes, parts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.money import Money
from gateway.pipeline.answers import state
from gateway.pipeline.preview import preview
from tests.scenarios.lab import BILLED, MACHINE, Lab, ask, end_of, submission, until


def posts(lab: Lab) -> list[str]:
    return [
        c["path"].rsplit("/", 1)[-1]
        for c in lab.calls("stripe")
        if c["method"] == "POST" and c["path"].startswith("/v1/invoices")
    ]


@pytest.mark.parametrize("sobject", ["Order", "Quote"])
def test_orders_and_quotes_are_invoiced_line_by_line(sqlite_lab: Lab, sobject: str) -> None:
    lab = sqlite_lab
    if sobject == "Quote" and lab.profile == "hostile":
        quotes_are_off(lab)
        return
    [record, *_] = lab.records(sobject)

    async def story() -> None:
        async with lab.gateway() as gateway:
            members = {"record_id": record["Id"], "recipient_email": BILLED}
            answer = await ask(gateway, "send-invoice", members, key="k")

            assert answer.envelope["success"], answer.envelope
            [invoice] = lab.of_record("invoice", record["Id"])
            assert len(invoice["lines"]["data"]) >= 1
            await until(lambda: lab.record(sobject, record["Id"]).get("Stripe_Status__c") == "Invoice Open")

    asyncio.run(story())


def quotes_are_off(lab: Lab) -> None:
    """The object is not there, for anybody: the record is refused in words, and the gateway stays well."""

    async def story() -> None:
        async with lab.gateway() as gateway:
            members = {"record_id": "0Q0SB0000000001", "recipient_email": BILLED}
            refused = await ask(gateway, "send-invoice", members, key="k")
            other = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="l")

            assert refused.envelope["error_code"] == "object_not_readable"
            assert "does not show Quote" in refused.envelope["user_message"], refused.envelope
            assert other.envelope["success"], other.envelope

    asyncio.run(story())


def test_a_customer_is_made_from_an_account_once_and_updated_when_it_changes(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            made = await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="a")
            same = await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="b")
            other = await ask(
                gateway, "create-customer", {"record_id": lab.account, "recipient_email": "new@example.com"}, key="c"
            )

        assert made.envelope["success"], made.envelope
        assert same.envelope["replayed"]
        assert made.envelope["stripe_id"] == same.envelope["stripe_id"] == other.envelope["stripe_id"]
        [customer] = lab.objects("customer")
        assert (customer["email"], customer["address"]["country"]) == ("new@example.com", "US")

    asyncio.run(story())


def test_a_contact_is_a_customer_of_its_own(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    contact = next(row for row in lab.records("Contact") if row["Email"] == BILLED)

    async def story() -> None:
        async with lab.gateway() as gateway:
            made = await ask(gateway, "create-customer", {"record_id": contact["Id"]}, key="a")

            assert made.envelope["success"], made.envelope
            assert lab.objects("customer")[0]["email"] == BILLED
            await until(lambda: bool(lab.records("Stripe_Customer__c")))

    asyncio.run(story())


def test_two_hundred_and_fifty_lines_cost_four_calls(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lines = [{"description": f"Line {n}", "amount": "1.01"} for n in range(250)]

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
            before = len(posts(lab))
            answer = await ask(gateway, "send-invoice", lab.invoice_members(lines=lines), key="k", caller=MACHINE)

        assert answer.envelope["success"], answer.envelope
        assert posts(lab)[before:] == ["invoices", "add_lines", "finalize", "send"]
        assert lab.of_record("invoice", lab.fleet)[0]["total"] == 25250

    asyncio.run(story())


def test_a_smaller_limit_of_lines_is_learned_and_remembered(lab: Lab) -> None:
    lines = [{"description": f"Line {n}", "amount": "1.01"} for n in range(230)]
    lab.control("stripe", "POST", "settings", {"lines_per_call": 100})

    async def story() -> None:
        async with lab.gateway() as gateway:
            first = await ask(gateway, "send-invoice", lab.invoice_members(lines=lines), key="k")
            assert first.envelope["success"], first.envelope
        before = len(posts(lab))
        async with lab.gateway() as gateway:
            members = lab.invoice_members(lines=lines, additional=True)
            second = await ask(gateway, "send-invoice", members, key="k2", caller=MACHINE)

        assert second.envelope["success"], second.envelope
        assert posts(lab)[before:] == ["invoices", "add_lines", "add_lines", "add_lines", "finalize", "send"]
        assert [x["total"] for x in lab.of_record("invoice", lab.fleet)] == [23230, 23230]

    asyncio.run(story())


def test_a_customer_deleted_at_stripe_is_made_again_on_the_next_request(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            made = await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
            await gateway.tools.stripe.call("us", "DELETE", f"/v1/customers/{made.envelope['stripe_id']}")
            first = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")
            second = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k2")

        assert (first.envelope["status"], first.envelope["error_code"]) == ("failed", "resource_missing")
        assert second.envelope["success"], second.envelope

    asyncio.run(story())


def test_another_recipient_than_the_customers_is_confirmed_before_it_is_used(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(
                gateway, "create-customer", {"record_id": lab.account, "recipient_email": "old@example.com"}, key="c"
            )
            asked = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")
            confirmed = await ask(
                gateway, "send-invoice", {"record_id": lab.fleet, "recipient_email": BILLED}, key="k2"
            )

        assert asked.envelope["error_code"] == "recipient_differs"
        assert confirmed.envelope["success"], confirmed.envelope
        assert [x["email"] for x in lab.objects("customer")] == [BILLED]

    asyncio.run(story())


def test_terms_and_texts_of_the_request_are_on_the_invoice(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members: dict[str, Any] = {
        "due_date": "2030-06-30",
        "description": "Thank you {customer}",
        "footer": "Footer",
        "po_number": "PO-7",
        "reference": "R-1",
        "custom_fields": [{"name": "Depot", "value": "North"}],
        "discount_amount": "80.00",
    }

    async def story() -> None:
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "send-invoice", lab.invoice_members(**members), key="k")

            assert answer.envelope["success"], answer.envelope
            [invoice] = lab.of_record("invoice", lab.fleet)
            assert (invoice["description"], invoice["footer"], invoice["total"]) == (
                "Thank you {customer}",
                "Footer",
                389800,
            )
            assert {f["name"]: f["value"] for f in invoice["custom_fields"]} == {
                "Depot": "North",
                "PO number": "PO-7",
                "Reference": "R-1",
            }
            assert invoice["due_date"] == 1909108799  # 2030-06-30 23:59:59 in New York
            await until(lambda: [r.get("Po_Number__c") for r in lab.records("Stripe_Invoice__c")] == ["PO-7"])

    asyncio.run(story())


def test_automatic_tax_is_previewed_by_stripe_and_added_on_top(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "send-invoice", lab.invoice_members(automatic_tax=True), key="k")

            assert answer.envelope["success"], answer.envelope
            [invoice] = lab.of_record("invoice", lab.fleet)
            assert invoice["automatic_tax"]["status"] == "complete"
            assert invoice["subtotal"] == 397800

    asyncio.run(story())


def test_an_answer_says_what_the_customer_is_billed_with_its_tax(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members = lab.invoice_members(automatic_tax=True)
    other = [{"description": "Pumps", "amount": "9.00"}]

    async def story() -> None:
        async with lab.gateway() as gateway:
            shown = await preview(gateway.tools, submission("send-invoice", members))
            answer = (await ask(gateway, "send-invoice", members, key="k")).envelope
            [invoice] = lab.of_record("invoice", lab.fleet)
            total = Money(invoice["total"], "usd").text
            later = await state(gateway.tools, answer["action_id"])
            repeated = (await ask(gateway, "send-invoice", members, key="k")).envelope
            alike = (await ask(gateway, "send-invoice", members, key="another")).envelope
            refused = (await ask(gateway, "send-invoice", lab.invoice_members(lines=other), key="other")).envelope

            assert invoice["total"] > invoice["subtotal"]
            assert (shown.summary["total"], shown.envelope["amount"]) == (total, total)
            assert (answer["amount"], answer["currency"]) == (total, "USD")
            assert f"{total} USD" in answer["user_message"]
            assert later is not None
            assert [each["amount"] for each in (later[1], repeated, alike)] == [total] * 3
            assert refused["error_code"] == "invoice_already_open"
            assert f"over {total} USD" in refused["user_message"]
            await until(lambda: told(answer["action_id"]) == f"USD {total}", what="the action's row")

    def told(action_id: str) -> Any:
        rows = [row for row in lab.records("Stripe_Action__c") if row["Gateway_Action_Id__c"] == action_id]
        return rows[0]["Amount_Display__c"] if rows else None

    asyncio.run(story())


def test_a_disputed_payment_is_not_refunded(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            lab.pay(lab.of_record("invoice", lab.fleet)[0])
            lab.control("stripe", "POST", "disputes", {"charge": lab.objects("charge")[0]["id"]})
            answer = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="r")

        assert answer.envelope["error_code"] == "charge_disputed"
        assert lab.objects("refund") == []

    asyncio.run(story())


def test_an_invoice_paid_in_parts_is_refunded_by_naming_the_part(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            [invoice] = lab.of_record("invoice", lab.fleet)
            lab.control("stripe", "POST", f"invoices/{invoice['id']}/pay", {"amount": 100000})
            lab.control("stripe", "POST", f"invoices/{invoice['id']}/pay", {})
            both = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="r1")
            payments = sorted(lab.objects("payment_intent"), key=lambda p: p["amount"])
            members = {"record_id": lab.fleet, "payment_intent": payments[0]["id"]}
            named = await ask(gateway, "refund-payment", members, key="r2")

        assert both.envelope["error_code"] == "several_payments"
        assert all(p["id"] in both.envelope["user_message"] for p in payments)
        assert named.envelope["success"], named.envelope
        assert [r["amount"] for r in lab.objects("refund")] == [100000]

    asyncio.run(story())


@pytest.mark.parametrize(("stripe", "status", "success"), [("pending", "succeeded", True), ("failed", "failed", False)])
def test_a_refund_that_is_pending_or_failed_says_so(sqlite_lab: Lab, stripe: str, status: str, success: bool) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            lab.pay(lab.of_record("invoice", lab.fleet)[0])
            lab.control("stripe", "POST", "refunds", {"next": [stripe]})
            answer = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "10.00"}, key="r")

            assert (answer.envelope["status"], answer.envelope["success"]) == (status, success), answer.envelope
            again = await ask(gateway, "refund-payment", {"record_id": lab.fleet}, key="all")
            assert again.envelope["success"], again.envelope
            left = 2152800 - (1000 if success else 0)
            assert [r["amount"] for r in lab.objects("refund") if r["status"] == "succeeded"] == [left]

    asyncio.run(story())


def test_an_action_that_could_not_start_in_time_ends_and_sends_nothing(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            lab.control("salesforce", "POST", "outage", {"down": True})
            asked = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k", wait=0.2)
            gateway.tools.clock.offset += 16 * 60  # type: ignore[attr-defined]  # the test's own clock
            ended = await end_of(gateway, asked)

        assert asked.running
        assert (ended["status"], ended["error_code"]) == ("failed", "expired")
        assert lab.objects("invoice") == []

    asyncio.run(story())
