from decimal import Decimal

import pytest

from tests.projections.stripe_objects import projected, stripe_object, without


def test_a_one_time_link_arrives_with_its_amount():
    row = projected("payment_link", stripe_object("payment_link"))

    assert (row.sobject, row.key) == ("Stripe_Payment_Link__c", "us:plink_1SVCKdHOQNg4XnOMTgYhUjIk")
    assert row.fields == {
        "Name": "plink_1SVCKdHOQNg4XnOMTgYhUjIk",
        "Stripe_Id__c": "plink_1SVCKdHOQNg4XnOMTgYhUjIk",
        "Entity__c": "us",
        "Livemode__c": True,
        "Origin__c": "Live",
        "Gateway_Action_Id__c": "act_01JDCQ6W9Z8S3F5T7V9X1B2D4F",
        "Source_Object__c": "Opportunity",
        "Source_Record_Id__c": "0065g00000AbCdEAAV",
        "Opportunity__c": "0065g00000AbCdEAAV",
        "Status__c": "Active",
        "Status_Raw__c": "active",
        "Url__c": "https://buy.stripe.com/aFa9AT5Hj2QO9zGg6e0kE00",
        "Active__c": True,
        "One_Time__c": True,
        "Session_Limit__c": 1,
        "Completed_Sessions__c": 0,
        "Currency_Code__c": "USD",
        "Amount__c": Decimal("500.00"),
        "Amount_Display__c": "USD 500.00",
        "Inactive_Message__c": "This link has been paid.",
    }


@pytest.mark.parametrize(
    ("active", "restrictions", "status"),
    [
        (True, {"completed_sessions": {"count": 1, "limit": 1}}, "Completed"),
        (False, {"completed_sessions": {"count": 1, "limit": 1}}, "Completed"),
        (False, {"completed_sessions": {"count": 0, "limit": 1}}, "Inactive"),
        (False, None, "Inactive"),
        (True, None, "Active"),
    ],
)
def test_the_status_tells_paid_from_switched_off(active, restrictions, status):
    row = projected("payment_link", stripe_object("payment_link", active=active, restrictions=restrictions))

    assert row.fields["Status__c"] == status


def test_a_reusable_link_has_no_limit():
    fields = projected("payment_link", stripe_object("payment_link", restrictions=None)).fields

    assert (fields["One_Time__c"], fields["Session_Limit__c"], fields["Completed_Sessions__c"]) == (False, None, None)


def test_an_amount_is_not_guessed_from_lines_that_did_not_all_come():
    some = stripe_object("payment_link")["line_items"] | {"has_more": True}

    assert "Amount__c" not in projected("payment_link", without(stripe_object("payment_link"), "line_items")).fields
    assert "Amount__c" not in projected("payment_link", stripe_object("payment_link", line_items=some)).fields


def test_a_link_that_is_gone_is_other_and_inactive():
    fields = projected("payment_link", {"id": "plink_1", "deleted": True}).fields

    assert (fields["Status__c"], fields["Status_Raw__c"], fields["Active__c"]) == ("Other", "deleted", False)
