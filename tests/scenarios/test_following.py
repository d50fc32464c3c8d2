"""What a request sees of the record's objects at Stripe reaches Salesforce, whatever becomes of the request itself."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import Gateway
from tests.scenarios.lab import MACHINE, Lab, ask, tell, until

OTHER = [{"description": "Pumps", "amount": "9.00"}]


def told(lab: Lab, invoice: str) -> Any:
    rows = [row for row in lab.records("Stripe_Invoice__c") if row["Stripe_Id__c"] == invoice]
    return rows[0]["Status__c"] if rows else None


async def invoiced(lab: Lab, gateway: Gateway, key: str, **more: Any) -> dict[str, Any]:
    answer = await ask(gateway, "send-invoice", lab.invoice_members(**more), key=key, caller=MACHINE)
    made = str(answer.envelope["stripe_id"])
    await until(lambda: told(lab, made) == "Open", what="the write-back")
    return next(x for x in lab.of_record("invoice", lab.fleet) if x["id"] == made)


def test_a_payment_seen_by_a_request_that_the_guard_refuses_is_told(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        paid = await invoiced(lab, gateway, "a")
        await invoiced(lab, gateway, "b", lines=OTHER, additional=True)
        lab.pay(paid)

        lines = [{"description": "Bells", "amount": "7.00"}]
        refused = await ask(gateway, "send-invoice", lab.invoice_members(lines=lines), key="c", caller=MACHINE)

        assert refused.envelope["error_code"] == "invoice_already_open"
        await until(lambda: told(lab, paid["id"]) == "Paid", what="the payment")

    tell(lab, story)


def test_a_payment_seen_by_a_request_that_cannot_be_planned_is_told(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        paid = await invoiced(lab, gateway, "a")
        lab.pay(paid)

        members = lab.invoice_members(lines=OTHER, due_date="2020-01-01")
        refused = await ask(gateway, "send-invoice", members, key="b", caller=MACHINE)

        assert refused.envelope["error_code"] == "due_date_past"
        await until(lambda: told(lab, paid["id"]) == "Paid", what="the payment")

    tell(lab, story)


@pytest.mark.plain  # Stripe has forgotten it, so the row that says so has nothing to be compared with
def test_an_invoice_that_stripe_no_longer_has_is_told_as_deleted(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        gone = await invoiced(lab, gateway, "a")
        [ledger] = lab.stripe_world.ledgers.values()
        ledger.tables["invoice"].remove(gone["id"])  # as "Delete all test data" does

        made = await invoiced(lab, gateway, "b", lines=OTHER)

        assert made["id"] != gone["id"]
        await until(lambda: told(lab, gone["id"]) == "Deleted", what="the deletion")

    tell(lab, story)
