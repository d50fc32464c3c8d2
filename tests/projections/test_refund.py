from decimal import Decimal

import pytest

from gateway.projections.refund import REASONS, STATUSES
from tests.projections.stripe_objects import projected, stripe_object


def test_a_partial_refund_keeps_its_own_amount():
    row = projected("refund", stripe_object("refund"), links={"Stripe_Payment__c": "us:pi_3SVCKcHOQNg4XnOM1aBcDeFg"})

    assert (row.sobject, row.key) == ("Stripe_Refund__c", "us:re_3SVCKcHOQNg4XnOM1HgFeDcB")
    assert row.fields == {
        "Name": "re_3SVCKcHOQNg4XnOM1HgFeDcB",
        "Stripe_Id__c": "re_3SVCKcHOQNg4XnOM1HgFeDcB",
        "Entity__c": "us",
        "Livemode__c": True,
        "Origin__c": "Live",
        "Gateway_Action_Id__c": "act_01JDCQ6W9Z8S3F5T7V9X1B2D4F",
        "Source_Object__c": "Opportunity",
        "Source_Record_Id__c": "0065g00000AbCdEAAV",
        "Opportunity__c": "0065g00000AbCdEAAV",
        "Stripe_Payment__r": {"Stripe_Key__c": "us:pi_3SVCKcHOQNg4XnOM1aBcDeFg"},
        "Status__c": "Succeeded",
        "Status_Raw__c": "succeeded",
        "Reason__c": "Requested by Customer",
        "Reason_Raw__c": "requested_by_customer",
        "Pending_Reason__c": None,
        "Failure_Reason__c": None,
        "Description__c": "Wrong quantity",
        "Receipt_Number__c": "2154-8861",
        "Payment_Intent_Id__c": "pi_3SVCKcHOQNg4XnOM1aBcDeFg",
        "Charge_Id__c": "ch_3SVCKcHOQNg4XnOM1Zp6nWqR",
        "Currency_Code__c": "USD",
        "Amount__c": Decimal("25.00"),
        "Amount_Display__c": "USD 25.00",
        "Destination_Reference__c": "24011345678901234567890",
        "Balance_Transaction_Id__c": "txn_3SVCKcHOQNg4XnOM1refund",
        "Stripe_Created_At__c": "2025-12-01T00:00:00Z",
    }


@pytest.mark.parametrize(("raw", "word"), STATUSES.items())
def test_each_status_has_its_word(raw, word):
    assert projected("refund", stripe_object("refund", status=raw)).fields["Status__c"] == word


@pytest.mark.parametrize(("raw", "word"), [*REASONS.items(), (None, None), ("customer_changed_mind", "Other")])
def test_each_reason_has_its_word(raw, word):
    fields = projected("refund", stripe_object("refund", reason=raw)).fields

    assert (fields["Reason__c"], fields["Reason_Raw__c"]) == (word, raw)


def test_a_pending_refund_tells_what_it_waits_for():
    fields = projected("refund", stripe_object("refund", status="pending", pending_reason="insufficient_funds")).fields

    assert (fields["Status__c"], fields["Pending_Reason__c"]) == ("Pending", "insufficient_funds")


def test_a_refund_that_fails_after_it_had_succeeded_tells_why():
    refund = stripe_object(
        "refund", status="failed", failure_reason="expired_or_canceled_card", destination_details=None, charge=None
    )

    fields = projected("refund", refund).fields

    assert (fields["Status__c"], fields["Failure_Reason__c"]) == ("Failed", "expired_or_canceled_card")
    assert (fields["Destination_Reference__c"], fields["Charge_Id__c"]) == (None, None)
