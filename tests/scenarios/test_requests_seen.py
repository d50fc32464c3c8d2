"""The check at the end of every scenario sees what a gateway sent, and would see what does not fit."""

from __future__ import annotations

import asyncio

import pytest

from tests.scenarios.lab import MACHINE, Lab, ask
from tests.scenarios.requests_seen import misfits, sent_to_stripe, shape_of


def test_what_a_gateway_sent_is_seen_and_fits(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            tax = {"tax_id_type": "eu_vat", "tax_id_value": "DE123456789"}
            await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": "x@example.com", **tax})
            members = lab.invoice_members(automatic_tax=True, due_date="2030-01-01", discount_amount="10.00")
            await ask(gateway, "send-invoice", members, caller=MACHINE)
            link = {"record_id": lab.fleet, "amount": "50.00", "currency": "USD", "reusable": True}
            await ask(gateway, "create-payment-link", link)

    asyncio.run(story())
    calls = sent_to_stripe(lab.stripe_server)

    assert {call["path"] for call in calls} >= {"/v1/customers", "/v1/invoices", "/v1/payment_links"}
    assert misfits(calls) == []


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"customer": "cus_1", "colour": "red"}, "colour"),
        ({"customer": "cus_1", "auto_advance": "perhaps"}, "auto_advance"),
    ],
)
def test_what_does_not_fit_is_found(params: dict[str, str], wrong: str) -> None:
    [problem] = misfits([{"method": "POST", "path": "/v1/invoices", "params": params}])

    assert wrong in problem


def test_calls_that_differ_by_ids_and_amounts_alone_are_of_one_shape() -> None:
    def call(customer: str, amount: str) -> dict[str, object]:
        params = {"customer": customer, "lines[0][amount]": amount, "lines[1][amount]": amount}
        return {"method": "POST", "path": f"/v1/customers/{customer}", "params": params}

    assert shape_of(call("cus_AbCdEfGh1", "100")) == shape_of(call("cus_ZyXwVuTs2", "99"))
    assert shape_of(call("cus_AbCdEfGh1", "100")) != shape_of(call("cus_AbCdEfGh1", "true"))
