from decimal import Decimal

import pytest

from gateway.projections.action import ActionFacts, project
from gateway.records import Caller, Envelope, Status
from tests.projections.stripe_objects import ACCOUNT, OPPORTUNITY

REP = Caller("00D5g000004Xy1ZEAS", "0055g00000RepUsAAV", "person")
ANSWER = Envelope(
    success=True,
    status="succeeded",
    action_id="act_01JDCQ6W9Z8S3F5T7V9X1B2D4F",
    request_id="req_01JDCQ6W9Z8S3F5T7V9X1B2D4G",
    record_id="0065g00000AbCdEAAV",
    stripe_id="in_1SVCKaHOQNg4XnOMb5gkdwH2",
    stripe_status="open",
    number="A1B2C3D4-0001",
    url="https://invoice.stripe.com/i/acct_1/live_1?s=ap",
    amount="1166.40",
    currency="USD",
    user_message="Invoice A1B2C3D4-0001 over USD 1166.40 was sent.",
)
FACTS = {
    "action_id": "act_01JDCQ6W9Z8S3F5T7V9X1B2D4F",
    "name": "send-invoice",
    "status": Status.SUCCEEDED,
    "caller": REP,
    "accepted": 1764460799.9,
    "ended": 1764460801.0,
    "answer": ANSWER,
    "source": OPPORTUNITY,
    "account": ACCOUNT,
    "entity": "us",
    "request_key": "panel-1",
}


def test_an_action_that_succeeded_tells_who_asked_and_what_came_of_it():
    row = project(ActionFacts(**FACTS))

    assert (row.sobject, row.id_field, row.key) == ("Stripe_Action__c", "Gateway_Action_Id__c", FACTS["action_id"])
    assert row.parent == OPPORTUNITY
    assert row.fields == {
        "Action__c": "send-invoice",
        "Status__c": "succeeded",
        "Source_Object__c": "Opportunity",
        "Source_Record_Id__c": "0065g00000AbCdEAAV",
        "Opportunity__c": "0065g00000AbCdEAAV",
        "Account__c": ACCOUNT,
        "Caller__c": "0055g00000RepUsAAV",
        "Caller_Kind__c": "person",
        "Request_Key__c": "panel-1",
        "Entity__c": "us",
        "Error_Code__c": None,
        "User_Message__c": "Invoice A1B2C3D4-0001 over USD 1166.40 was sent.",
        "Retryable__c": False,
        "Stripe_Id__c": "in_1SVCKaHOQNg4XnOMb5gkdwH2",
        "Stripe_Status__c": "open",
        "Number__c": "A1B2C3D4-0001",
        "Result_Url__c": "https://invoice.stripe.com/i/acct_1/live_1?s=ap",
        "Amount__c": Decimal("1166.40"),
        "Currency_Code__c": "USD",
        "Amount_Display__c": "USD 1166.40",
        "Gateway_Request_Id__c": "req_01JDCQ6W9Z8S3F5T7V9X1B2D4G",
        "Accepted_At__c": "2025-11-29T23:59:59Z",
        "Ended_At__c": "2025-11-30T00:00:01Z",
    }


def test_a_refusal_carries_its_code_and_the_words_for_the_rep():
    refused = Envelope(success=False, status="rejected", error_code="invoice_already_open", user_message="m" * 3000)

    fields = project(ActionFacts(**(FACTS | {"status": Status.REJECTED, "answer": refused}))).fields

    assert (fields["Status__c"], fields["Error_Code__c"]) == ("rejected", "invoice_already_open")
    assert len(fields["User_Message__c"]) == 2000
    assert (fields["Amount__c"], fields["Amount_Display__c"], fields["Result_Url__c"]) == (None, None, None)


@pytest.mark.parametrize("status", list(Status))
def test_the_statuses_are_the_words_of_the_api(status):
    assert project(ActionFacts(**(FACTS | {"status": status}))).fields["Status__c"] == status.value


def test_names_the_package_does_not_know_yet_arrive_as_other():
    newer = FACTS | {"name": "split-invoice", "status": "paused", "caller": Caller("00D", "x", "robot")}  # type: ignore[arg-type]  # a future kind

    fields = project(ActionFacts(**newer)).fields

    assert {fields[name] for name in ("Action__c", "Status__c", "Caller_Kind__c")} == {"Other"}


def test_an_action_without_a_record_belongs_to_nothing():
    row = project(ActionFacts(**(FACTS | {"source": None, "account": None, "ended": None})))

    assert row.parent is None
    assert row.fields["Ended_At__c"] is None
    assert "Source_Record_Id__c" not in row.fields
