"""A refund that names no payment finds the record's only one, also where it was made through a payment link."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import Gateway
from gateway.pipeline.preview import preview
from tests.scenarios.lab import Lab, ask, submission, tell


async def linked(lab: Lab, gateway: Gateway, key: str, *, times: int = 1, debits: int = 0, **more: Any) -> list[str]:
    """A payment link of the record, paid that often, then used for so many debits still under way; the payments."""
    members = {"record_id": lab.fleet, "amount": "50.00", "currency": "USD", "description": f"Deposit {key}", **more}
    link = (await ask(gateway, "create-payment-link", members, key=key)).envelope["stripe_id"]
    for debit in [False] * times + [True] * debits:
        lab.control("stripe", "POST", f"payment_links/{link}/pay", {"debit": debit})
    sessions = [x for x in lab.objects("checkout.session") if x["payment_link"] == link]
    return [str(x["payment_intent"]) for x in sessions if x["payment_status"] == "paid"]


async def invoiced(lab: Lab, gateway: Gateway) -> str:
    """A paid invoice of the record."""
    invoice = (await ask(gateway, "send-invoice", lab.invoice_members(), key="invoice")).envelope["stripe_id"]
    lab.pay(next(x for x in lab.of_record("invoice", lab.fleet) if x["id"] == invoice))
    return str(invoice)


async def refunded(lab: Lab, gateway: Gateway, **more: Any) -> Any:
    return (await ask(gateway, "refund-payment", {"record_id": lab.fleet, **more}, key="refund")).envelope


def test_the_payment_through_the_records_link_is_found_and_refunded(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        [payment] = await linked(lab, gateway, "link")

        shown = await preview(gateway.tools, submission("refund-payment", {"record_id": lab.fleet}, key="refund"))
        answer = await refunded(lab, gateway)

        assert shown.summary["amount"] == "50.00"
        assert answer["success"], answer
        [refund] = lab.objects("refund")
        assert (refund["payment_intent"], refund["amount"]) == (payment, 5000)

    tell(lab, story)


def test_a_link_that_was_paid_and_an_invoice_that_was_not_leave_one_payment(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        [payment] = await linked(lab, gateway, "link")
        await ask(gateway, "send-invoice", lab.invoice_members(), key="invoice")

        answer = await refunded(lab, gateway, amount="10.00")

        assert answer["success"], answer
        assert [x["payment_intent"] for x in lab.objects("refund")] == [payment]

    tell(lab, story)


def test_several_payments_are_named_and_none_of_them_is_refunded(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        payments = await linked(lab, gateway, "often", times=2, reusable=True)
        invoice = await invoiced(lab, gateway)

        answer = await refunded(lab, gateway)

        assert (answer["success"], answer["error_code"]) == (False, "several_payments")
        assert all(each in answer["user_message"] for each in [*payments, invoice])
        assert lab.objects("refund") == []

    tell(lab, story)


@pytest.mark.parametrize("times", [1, 2])
def test_debits_under_way_do_not_hide_the_payments_before_them(sqlite_lab: Lab, times: int) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        named = await linked(lab, gateway, "often", times=times, debits=5, reusable=True)
        if times == 1:
            named.append(await invoiced(lab, gateway))

        answer = await refunded(lab, gateway)

        assert (answer["success"], answer["error_code"]) == (False, "several_payments")
        assert len(named) == 2
        assert all(each in answer["user_message"] for each in named)
        assert lab.objects("refund") == []

    tell(lab, story)


def test_the_only_payment_among_debits_under_way_is_refunded(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        [payment] = await linked(lab, gateway, "often", debits=101, reusable=True)  # on the second page of the list

        answer = await refunded(lab, gateway)

        assert answer["success"], answer
        assert [x["payment_intent"] for x in lab.objects("refund")] == [payment]

    tell(lab, story)


def test_a_link_that_was_used_too_often_to_look_through_is_not_guessed_about(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        [payment] = await linked(lab, gateway, "often", debits=300, reusable=True)
        await invoiced(lab, gateway)

        answer = await refunded(lab, gateway)
        named = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "payment_intent": payment}, key="named")

        assert (answer["success"], answer["error_code"]) == (False, "ambiguous_payment")
        assert "more than 300 times: send invoice, payment_intent or charge" in answer["user_message"]
        assert named.envelope["success"], named.envelope
        assert [x["payment_intent"] for x in lab.objects("refund")] == [payment]

    tell(lab, story)


def test_a_case_that_names_no_payment_hears_what_to_send(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await linked(lab, gateway, "link")
        case = lab.save("Case", {"Subject": "A wheel was bent", "AccountId": lab.account, "Status": "Working"})

        answer = (await ask(gateway, "refund-payment", {"record_id": case}, key="refund")).envelope

        assert (answer["success"], answer["error_code"]) == (False, "no_payment")
        assert "name the payment: send invoice, payment_intent or charge" in answer["user_message"]
        assert lab.objects("refund") == []

    tell(lab, story)


def test_a_record_whose_link_nobody_paid_has_no_payment(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await linked(lab, gateway, "link", times=0)

        answer = await refunded(lab, gateway)

        assert (answer["success"], answer["error_code"]) == (False, "no_payment")
        assert "no payment link that was paid" in answer["user_message"]

    tell(lab, story)
