"""A refund that names no payment finds the record's only one, also where it was made through a payment link."""

from __future__ import annotations

from typing import Any

from gateway.app import Gateway
from gateway.pipeline.preview import preview
from tests.scenarios.lab import Lab, ask, submission, tell


async def linked(lab: Lab, gateway: Gateway, key: str, *, times: int = 1, **more: Any) -> list[str]:
    """A payment link of the record, paid that often; the payments."""
    members = {"record_id": lab.fleet, "amount": "50.00", "currency": "USD", "description": f"Deposit {key}", **more}
    link = (await ask(gateway, "create-payment-link", members, key=key)).envelope["stripe_id"]
    for _ in range(times):
        lab.control("stripe", "POST", f"payment_links/{link}/pay", {})
    sessions = [x for x in lab.objects("checkout.session") if x["payment_link"] == link]
    return [str(x["payment_intent"]) for x in sessions]


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
        invoice = (await ask(gateway, "send-invoice", lab.invoice_members(), key="invoice")).envelope["stripe_id"]
        lab.pay(next(x for x in lab.of_record("invoice", lab.fleet) if x["id"] == invoice))

        answer = await refunded(lab, gateway)

        assert (answer["success"], answer["error_code"]) == (False, "several_payments")
        assert all(each in answer["user_message"] for each in [*payments, invoice])
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
