from decimal import Decimal

import pytest

from gateway.records import SourceRef
from tests.projections.stripe_objects import ACCOUNT, projected, stripe_object, without

OWNER = SourceRef("Account", ACCOUNT)


def test_a_customer_arrives_with_address_tax_and_balance():
    row = projected("customer", stripe_object("customer"), owner=OWNER)

    assert (row.sobject, row.key, row.parent) == ("Stripe_Customer__c", "us:cus_TS6KpQ1Zb8cVxD", OWNER)
    assert row.fields == {
        "Name": "Globex Corporation",
        "Stripe_Id__c": "cus_TS6KpQ1Zb8cVxD",
        "Entity__c": "us",
        "Livemode__c": True,
        "Origin__c": "Live",
        "Gateway_Action_Id__c": "act_01JDCQ6W9Z8S3F5T7V9X1B2D4F",
        "Source_Object__c": "Account",
        "Source_Record_Id__c": ACCOUNT,
        "Account__c": ACCOUNT,
        "Status__c": "Active",
        "Is_Primary__c": True,
        "Email__c": "ap@example.com",
        "Phone__c": "+1 217 555 0100",
        "Address__c": "742 Evergreen Terrace, 62704, Springfield, IL, US",
        "Country__c": "US",
        "Tax_Exempt__c": "None",
        "Tax_Exempt_Raw__c": "none",
        "Tax_Ids__c": "eu_vat DE123456789",
        "Currency_Code__c": "USD",
        "Balance__c": Decimal("-25.00"),
        "Delinquent__c": False,
        "Preferred_Language__c": "en-US, de",
        "Description__c": "From Salesforce account 001",
        "Stripe_Created_At__c": "2025-11-29T00:00:00Z",
    }


def test_a_deleted_customer_keeps_its_row_and_its_name():
    row = projected("customer", {"id": "cus_1", "object": "customer", "deleted": True}, owner=OWNER)

    assert (row.fields["Status__c"], row.fields["Is_Primary__c"]) == ("Deleted", False)
    assert "Name" not in row.fields


def test_tax_ids_that_were_not_asked_for_are_not_cleared():
    assert "Tax_Ids__c" not in projected("customer", without(stripe_object("customer"), "tax_ids")).fields


def test_a_customer_with_nothing_but_an_id_is_named_by_it():
    bare = {"id": "cus_1", "object": "customer", "livemode": True, "currency": None, "address": None}

    fields = projected("customer", bare, owner=None).fields

    assert fields["Name"] == "cus_1"
    assert (fields["Balance__c"], fields["Address__c"], fields["Preferred_Language__c"]) == (None, None, None)


def test_a_customer_made_for_an_opportunity_belongs_to_its_account():
    row = projected("customer", stripe_object("customer"), owner_account=ACCOUNT)

    assert row.fields["Account__c"] == ACCOUNT
    assert "Opportunity__c" not in row.fields


@pytest.mark.parametrize(("email", "kept"), [("a" * 500 + "@example.com", "a" * 254 + "…"), ("", None)])
def test_an_address_longer_than_the_field_is_cut_not_refused(email, kept):
    assert projected("customer", stripe_object("customer", email=email)).fields["Email__c"] == kept
