from decimal import Decimal

import pytest

from gateway.projections import Snapshot, project, registry
from gateway.projections.charges import method_summary
from gateway.projections.payment import STATUSES
from tests.projections.stripe_objects import projected, stripe_object

LISTS = {"invoice_payments": [stripe_object("invoice_payment")]}


def test_a_payment_of_an_invoice_arrives_with_settlement_and_method():
    intent = stripe_object("payment_intent")

    row = projected(
        "payment_intent", intent, lists=LISTS, links={"Stripe_Invoice__c": "us:in_1SVCKaHOQNg4XnOMb5gkdwH2"}
    )

    assert row.key == "us:pi_3SVCKcHOQNg4XnOM1aBcDeFg"
    assert row.fields == {
        "Name": "pi_3SVCKcHOQNg4XnOM1aBcDeFg",
        "Stripe_Id__c": "pi_3SVCKcHOQNg4XnOM1aBcDeFg",
        "Entity__c": "us",
        "Livemode__c": True,
        "Origin__c": "Live",
        "Gateway_Action_Id__c": "act_01JDCQ6W9Z8S3F5T7V9X1B2D4F",
        "Source_Object__c": "Opportunity",
        "Source_Record_Id__c": "0065g00000AbCdEAAV",
        "Opportunity__c": "0065g00000AbCdEAAV",
        "Status__c": "Succeeded",
        "Status_Raw__c": "succeeded",
        "Payment_Intent_Id__c": "pi_3SVCKcHOQNg4XnOM1aBcDeFg",
        "Charge_Id__c": "ch_3SVCKcHOQNg4XnOM1Zp6nWqR",
        "Stripe_Customer_Id__c": "cus_TS6KpQ1Zb8cVxD",
        "Stripe_Invoice_Id__c": "in_1SVCKaHOQNg4XnOMb5gkdwH2",
        "Stripe_Invoice__r": {"Stripe_Key__c": "us:in_1SVCKaHOQNg4XnOMb5gkdwH2"},
        "Currency_Code__c": "USD",
        "Amount__c": Decimal("100.00"),
        "Amount_Display__c": "USD 100.00",
        "Amount_Received__c": Decimal("100.00"),
        "Amount_Refunded__c": Decimal("25.00"),
        "Amount_Refundable__c": Decimal("75.00"),
        "Method_Type__c": "card",
        "Method_Summary__c": "Visa ending 4242",
        "Failure_Code__c": None,
        "Failure_Message__c": None,
        "Disputed__c": False,
        "Settlement_Currency__c": "EUR",
        "Settlement_Amount__c": Decimal("91.51"),
        "Fee__c": Decimal("2.95"),
        "Net__c": Decimal("88.56"),
        "Exchange_Rate__c": Decimal("0.915140000"),
        "Balance_Transaction_Id__c": "txn_3SVCKcHOQNg4XnOM1",
        "Stripe_Created_At__c": "2025-11-30T00:01:20Z",
        "Succeeded_At__c": "2025-11-30T00:01:30Z",
        "Canceled_At__c": None,
        "Receipt_Url__c": intent["latest_charge"]["receipt_url"],
    }


def test_no_card_data_but_brand_and_last_four_reaches_salesforce():
    intent = stripe_object("payment_intent")

    row = projected("payment_intent", intent, lists=LISTS)

    card = intent["latest_charge"]["payment_method_details"]["card"]
    shown = str(dict(row.fields))
    for kept_back in ("fingerprint", "authorization_code", "network_transaction_id"):
        assert card[kept_back] not in shown
    assert intent["client_secret"] not in shown


@pytest.mark.parametrize(("raw", "word"), STATUSES.items())
def test_each_status_has_its_word(raw, word):
    row = projected("payment_intent", stripe_object("payment_intent", status=raw))

    assert row.fields["Status__c"] == word


def test_a_failed_attempt_leaves_its_reason():
    error = {"code": "card_declined", "message": "Your card has insufficient funds.", "type": "card_error"}
    intent = stripe_object(
        "payment_intent",
        status="requires_payment_method",
        amount_received=0,
        latest_charge=None,
        last_payment_error=error,
    )

    fields = projected("payment_intent", intent).fields

    assert (fields["Status__c"], fields["Failure_Code__c"]) == ("Requires Payment Method", "card_declined")
    assert fields["Failure_Message__c"] == "Your card has insufficient funds."
    assert (fields["Amount_Refundable__c"], fields["Amount_Received__c"]) == (Decimal("0.00"), Decimal("0.00"))


def test_a_failed_charge_has_nothing_to_refund():
    charge = stripe_object("payment_intent")["latest_charge"] | {"status": "failed", "amount_refunded": 0}

    fields = projected("payment_intent", stripe_object("payment_intent", latest_charge=charge)).fields

    assert (fields["Amount_Refundable__c"], fields["Succeeded_At__c"]) == (Decimal("0.00"), None)


def test_what_was_not_expanded_is_not_cleared():
    bare = projected("payment_intent", stripe_object("payment_intent", latest_charge="ch_1")).fields
    charge = stripe_object("payment_intent")["latest_charge"] | {"balance_transaction": "txn_1"}
    half = projected("payment_intent", stripe_object("payment_intent", latest_charge=charge)).fields

    assert bare["Charge_Id__c"] == "ch_1"
    assert not {"Amount_Refunded__c", "Method_Summary__c", "Fee__c", "Stripe_Invoice_Id__c"} & set(bare)
    assert half["Balance_Transaction_Id__c"] == "txn_1"
    assert "Fee__c" not in half


def test_a_payment_without_an_invoice_says_so_once_the_list_was_read():
    row = projected("payment_intent", stripe_object("payment_intent"), lists={"invoice_payments": []})

    assert row.fields["Stripe_Invoice_Id__c"] is None


def test_a_charge_without_an_intent_is_a_payment_of_its_own():
    row = projected("charge", stripe_object("charge"))

    assert row.key == "us:py_1SVCKcHOQNg4XnOMPlKoIjUh"
    assert (row.fields["Payment_Intent_Id__c"], row.fields["Amount_Received__c"]) == (None, Decimal("100.00"))


def test_a_charge_of_an_intent_is_left_to_the_intent():
    charge = stripe_object("charge", payment_intent="pi_1")

    assert list(project("charge", Snapshot("us", True, charge))) == []


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"type": "card", "card": {"brand": "amex", "last4": "0005"}}, "American Express ending 0005"),
        ({"type": "card", "card": {"brand": "girocard", "last4": "1881"}}, "Girocard ending 1881"),
        ({"type": "sepa_debit", "sepa_debit": {"last4": "3000"}}, "Sepa debit ending 3000"),
        (
            {"type": "us_bank_account", "us_bank_account": {"bank_name": "X", "last4": "6789"}},
            "Us bank account ending 6789",
        ),
        ({"type": "klarna", "klarna": {}}, "Klarna"),
        ({"type": "card", "card": {"brand": "visa", "last4": "4242424242424242"}}, "Visa ending 4242"),
        (None, None),
    ],
)
def test_the_method_is_told_by_brand_and_last_four(details, words):
    assert method_summary(details) == words


def test_the_invoice_behind_a_payment_is_among_the_lists_that_are_read():
    need = registry()["payment_intent"].needs["invoice_payments"]

    assert need.path == "/v1/invoice_payments"
    assert need.params == {"payment": {"type": "payment_intent", "payment_intent": "{id}"}}
