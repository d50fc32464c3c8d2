from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.projections.invoice import STATUSES
from gateway.records import SourceRef
from tests.projections.stripe_objects import ACCOUNT, CONTACT, OPPORTUNITY, projected, stripe_object, without


def seconds(year, month, day, hour=0, minute=0, second=0):
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


def test_an_open_invoice_arrives_with_every_amount_date_and_link():
    invoice = stripe_object("invoice")

    row = projected("invoice", invoice, owner_account=ACCOUNT, contact=CONTACT, customer_key="us:cus_TS6KpQ1Zb8cVxD")

    assert (row.sobject, row.key, row.parent) == ("Stripe_Invoice__c", "us:in_1SVCKaHOQNg4XnOMb5gkdwH2", OPPORTUNITY)
    assert row.fields == {
        "Name": "A1B2C3D4-0001",
        "Stripe_Id__c": "in_1SVCKaHOQNg4XnOMb5gkdwH2",
        "Entity__c": "us",
        "Livemode__c": True,
        "Origin__c": "Live",
        "Gateway_Action_Id__c": "act_01JDCQ6W9Z8S3F5T7V9X1B2D4F",
        "Source_Object__c": "Opportunity",
        "Source_Record_Id__c": "0065g00000AbCdEAAV",
        "Opportunity__c": "0065g00000AbCdEAAV",
        "Account__c": ACCOUNT,
        "Contact__c": CONTACT,
        "Stripe_Customer__r": {"Stripe_Key__c": "us:cus_TS6KpQ1Zb8cVxD"},
        "Stripe_Customer_Id__c": "cus_TS6KpQ1Zb8cVxD",
        "Status__c": "Open",
        "Status_Raw__c": "open",
        "Number__c": "A1B2C3D4-0001",
        "Po_Number__c": "PO-4711",
        "Reference__c": "OPP-0815",
        "Description__c": "Implementation, phase 1",
        "Recipient_Name__c": "Globex Corporation",
        "Recipient_Email__c": "ap@example.com",
        "Collection_Method__c": "send_invoice",
        "Automatic_Tax_Status__c": "complete",
        "Uncollectible_Reason__c": None,
        "Last_Error__c": None,
        "Receipt_Number__c": None,
        "Attempt_Count__c": 1,
        "Currency_Code__c": "USD",
        "Subtotal__c": Decimal("1200.00"),
        "Subtotal_Excluding_Tax__c": Decimal("1200.00"),
        "Discount__c": Decimal("120.00"),
        "Tax__c": Decimal("86.40"),
        "Shipping__c": Decimal("0.00"),
        "Total__c": Decimal("1166.40"),
        "Total_Excluding_Tax__c": Decimal("1080.00"),
        "Total_Display__c": "USD 1166.40",
        "Starting_Balance__c": Decimal("0.00"),
        "Ending_Balance__c": Decimal("0.00"),
        "Pre_Payment_Credit__c": Decimal("0.00"),
        "Post_Payment_Credit__c": Decimal("0.00"),
        "Amount_Due__c": Decimal("1166.40"),
        "Amount_Paid__c": Decimal("166.40"),
        "Amount_Paid_Off_Stripe__c": Decimal("66.40"),
        "Amount_Remaining__c": Decimal("1000.00"),
        "Amount_Remaining_Display__c": "USD 1000.00",
        "Amount_Overpaid__c": Decimal("0.00"),
        "Invoice_Date__c": "2025-11-30",
        "Due_Date__c": "2025-12-31",
        "Period_Start__c": "2025-11-30",
        "Period_End__c": "2025-11-30",
        "Stripe_Created_At__c": "2025-11-30T00:00:00Z",
        "Finalized_At__c": "2025-11-30T00:01:00Z",
        "Paid_At__c": None,
        "Voided_At__c": None,
        "Uncollectible_At__c": None,
        "Next_Payment_Attempt_At__c": None,
        "Hosted_Url__c": invoice["hosted_invoice_url"],
        "Pdf_Url__c": invoice["invoice_pdf"],
    }


@pytest.mark.parametrize(("raw", "word"), STATUSES.items())
def test_each_status_has_its_word_and_keeps_stripes_own(raw, word):
    row = projected("invoice", stripe_object("invoice", status=raw))

    assert (row.fields["Status__c"], row.fields["Status_Raw__c"]) == (word, raw)


def test_a_status_stripe_adds_next_year_arrives_as_other():
    row = projected("invoice", stripe_object("invoice", status="in_escrow"))

    assert (row.fields["Status__c"], row.fields["Status_Raw__c"]) == ("Other", "in_escrow")


def test_a_deleted_draft_says_so_and_clears_nothing_else():
    row = projected("invoice", {"id": "in_1", "object": "invoice", "deleted": True})

    assert row.fields["Status__c"] == "Deleted"
    assert not {"Name", "Total__c", "Gateway_Action_Id__c"} & set(row.fields)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", "2026-01-01"), ("America/New_York", "2025-12-31"), ("Pacific/Kiritimati", "2026-01-01")],
)
def test_the_due_date_is_the_day_in_the_entitys_time_zone(zone, day):
    late = seconds(2026, 1, 1, 4, 59, 59)  # the end of New Year's Eve in New York

    row = projected("invoice", stripe_object("invoice", due_date=late), time_zone=zone)

    assert row.fields["Due_Date__c"] == day


@pytest.mark.parametrize(
    ("currency", "minor", "decimal", "shown"),
    [
        ("jpy", 116640, Decimal(116640), "JPY 116640"),
        ("kwd", 116640, Decimal("116.640"), "KWD 116.640"),
        ("isk", 116600, Decimal(1166), "ISK 1166"),
        ("usd", -5, Decimal("-0.05"), "USD -0.05"),
    ],
)
def test_amounts_follow_the_currencys_own_decimals(currency, minor, decimal, shown):
    row = projected("invoice", stripe_object("invoice", currency=currency, total=minor))

    assert (row.fields["Total__c"], row.fields["Total_Display__c"]) == (decimal, shown)
    assert str(row.fields["Total__c"]) == str(decimal)


@pytest.mark.parametrize("currency", ["ugx", "xyz"])
def test_a_currency_of_unknown_scale_shows_minor_units_instead_of_a_guess(currency):
    row = projected("invoice", stripe_object("invoice", currency=currency))

    assert row.fields["Total__c"] is None
    assert row.fields["Total_Display__c"] == f"{currency.upper()} 116640 (in Stripe's minor units)"


def test_members_stripe_leaves_out_become_empty_fields():
    draft = without(
        stripe_object(
            "invoice", status="draft", number=None, custom_fields=None, total_taxes=None, customer_email=None
        ),
        "hosted_invoice_url",
        "invoice_pdf",
        "status_transitions",
        "automatic_tax",
        "amount_paid_off_stripe",
        "metadata",
    )

    row = projected("invoice", draft, owner=None)

    assert row.fields["Name"] == "in_1SVCKaHOQNg4XnOMb5gkdwH2"
    assert row.fields["Tax__c"] == Decimal("0.00")
    empty = (
        "Number__c",
        "Po_Number__c",
        "Recipient_Email__c",
        "Hosted_Url__c",
        "Finalized_At__c",
        "Amount_Paid_Off_Stripe__c",
    )
    assert {row.fields[name] for name in empty} == {None}


def test_an_unknown_owner_does_not_clear_the_known_one():
    row = projected("invoice", stripe_object("invoice"), owner=None)

    assert row.parent is None
    assert not {"Source_Record_Id__c", "Opportunity__c", "Account__c", "Stripe_Customer__r"} & set(row.fields)


def test_long_texts_are_cut_with_an_ellipsis_and_never_refused():
    long = stripe_object("invoice", description="d" * 1501, customer_name="ü" * 300, number="N" * 81)

    fields = projected("invoice", long).fields

    assert fields["Description__c"] == "d" * 1499 + "…"
    assert len(fields["Recipient_Name__c"]) == 255
    assert fields["Name"] == fields["Number__c"] == "N" * 79 + "…"


def test_a_url_is_kept_whole_or_left_out_because_a_cut_one_leads_nowhere():
    long = "https://invoice.stripe.com/i/" + "x" * 1_900

    kept = projected("invoice", stripe_object("invoice", hosted_invoice_url=long)).fields["Hosted_Url__c"]
    left_out = projected("invoice", stripe_object("invoice", hosted_invoice_url=long + "x" * 200)).fields[
        "Hosted_Url__c"
    ]

    assert (kept, left_out) == (long, None)


def test_an_expanded_customer_is_the_same_as_its_id():
    row = projected("invoice", stripe_object("invoice", customer=stripe_object("customer")))

    assert row.fields["Stripe_Customer_Id__c"] == "cus_TS6KpQ1Zb8cVxD"


def test_a_custom_object_as_source_is_named_without_a_lookup():
    row = projected("invoice", stripe_object("invoice"), owner=SourceRef("Project__c", "a015g00000AbCdEAAV"))

    assert row.fields["Source_Object__c"] == "Project__c"
    assert "Opportunity__c" not in row.fields


@pytest.mark.parametrize(
    ("origin", "word"), [("live", "Live"), ("backfill", "Backfill"), ("repair", "Repair"), ("import", "Other")]
)
def test_the_origin_tells_live_changes_from_repairs(origin, word):
    row = projected("invoice", stripe_object("invoice"), origin=origin)

    assert row.fields["Origin__c"] == word
