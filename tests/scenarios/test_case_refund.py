"""*Refund on Approved Case*: the payment a case names was for another record of its account, and that one is told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.sandbox.identity import ADMIN, REP
from tests.scenarios.lab import BILLED, Lab
from tests.scenarios.test_http import Caller, caller
from tests.scenarios.test_outbox import answered, insert
from tests.scenarios.test_processes import wait

__all__ = ["caller"]  # the fixture
Row = dict[str, Any]


def case_of(lab: Lab, account: str | None) -> str:
    """A case of the rep's, as the flow finds it."""
    return lab.save("Case", {"Subject": "A wheel was bent", "AccountId": account, "OwnerId": REP, "Status": "Working"})


def from_flow(lab: Lab, case: str, **columns: Any) -> str:
    """The row that the flow's action inserts, as whoever approved."""
    told = {"Action__c": "refund-payment", "Source_Record_Id__c": case, "Source_Object__c": "Case"}
    return insert(lab, **told, Refund_Reason__c="requested_by_customer", **columns)


def pulled(caller: Caller, row: str) -> Row:
    """Answered, after a callout that says nothing but: look."""
    assert caller("POST", "/v1/outbox/pull", {}).status_code == 202
    wait(lambda: answered(caller.lab, row)["Status__c"] not in {"queued", "pending"}, what="the row's answer")
    return answered(caller.lab, row)


def paid_invoice(caller: Caller) -> tuple[Row, str]:
    """The fleet deal's invoice, paid, and the payment it was paid by."""
    asked = {"record_id": caller.lab.fleet, "recipient_email": BILLED, "currency": "USD",
             "lines": [{"description": "Wheels", "amount": "100.00"}]}  # fmt: skip
    answer = caller("POST", "/v1/actions/send-invoice", asked, Idempotency_Key="invoice").json()
    assert answer["success"], answer
    [invoice] = caller.lab.of_record("invoice", caller.lab.fleet)
    caller.lab.pay(invoice)
    [payment] = [x for x in caller.lab.objects("payment_intent") if x["status"] == "succeeded"]
    return invoice, payment["id"]


def paid_link(caller: Caller) -> str:
    """A payment link of the fleet deal, paid by somebody; the payment."""
    lab = caller.lab
    asked = {"record_id": lab.fleet, "amount": "100.00", "currency": "USD", "description": "Wheels"}
    answer = caller("POST", "/v1/actions/create-payment-link", asked, Idempotency_Key="link").json()
    assert answer["success"], answer
    lab.control("stripe", "POST", f"payment_links/{answer['stripe_id']}/pay", {})
    [payment] = [x for x in lab.objects("payment_intent") if x["status"] == "succeeded"]
    return str(payment["id"])


@pytest.mark.plain  # a flow may send the record's own invoice meanwhile, and the stamp then says so
@pytest.mark.parametrize("named_by", ["payment", "charge", "invoice"])
def test_the_payment_that_a_case_names_is_refunded_on_the_record_that_was_paid(caller: Caller, named_by: str) -> None:
    lab = caller.lab
    invoice, payment = paid_invoice(caller)
    charge = next(x["latest_charge"] for x in lab.objects("payment_intent") if x["id"] == payment)
    case = case_of(lab, lab.account)

    row = from_flow(
        lab, case, Payment_Id__c={"payment": payment, "charge": charge, "invoice": invoice["id"]}[named_by],
        Requested_Amount__c=25, Requested_Currency__c="USD",
    )  # fmt: skip
    told = pulled(caller, row)

    assert (told["Status__c"], told["Error_Code__c"]) == ("succeeded", None)
    [refund] = lab.objects("refund")
    assert (refund["amount"], refund["metadata"]["sf_record_id"]) == (2500, lab.fleet)
    wait(lambda: len(lab.records("Stripe_Refund__c")) == 1, what="the refund's row")
    [kept] = lab.records("Stripe_Refund__c")
    assert (kept["Opportunity__c"], kept["Case__c"], kept["Account__c"]) == (lab.fleet, case, lab.account)
    assert kept["Source_Record_Id__c"] == lab.fleet
    assert (told["Source_Record_Id__c"], told["Case__c"]) == (case, case)
    wait(
        lambda: lab.record("Opportunity", lab.fleet)["Stripe_Status__c"] == "Partially Refunded",
        what="the stamp of the record that was paid",
    )
    assert lab.record("Case", case)["Stripe_Last_Action_Status__c"] == "succeeded"
    [sold] = lab.records("Stripe_Invoice__c")
    assert (sold["Opportunity__c"], sold["Source_Record_Id__c"], sold["Case__c"]) == (lab.fleet, lab.fleet, None)


def test_a_payment_by_link_is_refunded_from_a_case_too(caller: Caller) -> None:
    lab = caller.lab
    payment = paid_link(caller)

    told = pulled(caller, from_flow(lab, case_of(lab, lab.account), Payment_Id__c=payment))

    assert (told["Status__c"], told["Error_Code__c"]) == ("succeeded", None)
    assert [x["amount"] for x in lab.objects("refund")] == [10000]


def test_a_case_of_another_account_or_of_none_gets_nothing_back(caller: Caller) -> None:
    lab = caller.lab
    _, payment = paid_invoice(caller)
    other = lab.save("Account", {"Name": "Another shop", "OwnerId": REP})

    rows = [from_flow(lab, case_of(lab, account), Payment_Id__c=payment) for account in (other, None)]

    told = [pulled(caller, row) for row in rows]
    assert [(each["Status__c"], each["Error_Code__c"]) for each in told] == [("rejected", "no_such_payment")] * 2
    assert lab.objects("refund") == []


def test_a_case_that_its_approver_may_not_edit_gets_nothing_back(caller: Caller) -> None:
    lab = caller.lab
    _, payment = paid_invoice(caller)
    case = case_of(lab, lab.account)
    lab.save("Case", {"OwnerId": ADMIN}, case)
    lab.control("salesforce", "POST", "share", {"user": REP, "record": case, "level": "Read"})

    told = pulled(caller, from_flow(lab, case, Payment_Id__c=payment))

    assert (told["Status__c"], told["Error_Code__c"]) == ("rejected", "no_such_record")
    assert lab.objects("refund") == []


def test_only_a_case_stands_for_its_account(caller: Caller) -> None:
    lab = caller.lab
    _, payment = paid_invoice(caller)
    beside = lab.save("Opportunity", {
        "Name": "Another deal", "AccountId": lab.account, "OwnerId": REP, "StageName": "Prospecting",
        "CloseDate": "2027-12-31",
    })  # fmt: skip

    told = pulled(caller, insert(lab, Action__c="refund-payment", Source_Record_Id__c=beside, Payment_Id__c=payment))

    assert (told["Status__c"], told["Error_Code__c"]) == ("rejected", "no_such_payment")
    assert lab.objects("refund") == []
