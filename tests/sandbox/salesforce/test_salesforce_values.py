"""How values travel: times, numbers as text, relationships that are not well formed, lines of orders and quotes."""

from typing import Any

import pytest
import requests

from tests.support.salesforce_org import World

INVOICE = "sobjects/Stripe_Invoice__c/Stripe_Key__c/us%3Ain_1"
NEW = {"Stripe_Id__c": "in_1", "Entity__c": "us", "Status__c": "Open"}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-11-22T10:30:00Z", "2026-11-22T10:30:00.000+0000"),
        ("2026-11-22T10:30:00.123+02:00", "2026-11-22T08:30:00.123+0000"),
        ("2026-11-22T10:30:00.000-0500", "2026-11-22T15:30:00.000+0000"),
        ("2026-11-22T10:30:00", "2026-11-22T10:30:00.000+0000"),
        (None, None),
    ],
)
def test_a_time_comes_back_in_utc(world: World, given: str | None, shown: str | None):
    assert world.call("PATCH", INVOICE, {**NEW, "Paid_At__c": given}).status_code == 201

    assert world.call("GET", INVOICE).json()["Paid_At__c"] == shown


@pytest.mark.parametrize("value", ["soon", "2026-11-22T99:00:00Z", 1764000000, True])
def test_a_time_that_is_none_is_refused(world: World, value: Any):
    answer = world.call("PATCH", INVOICE, {**NEW, "Paid_At__c": value})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_number_may_come_as_text(world: World):
    world.call("PATCH", INVOICE, {**NEW, "Amount_Due__c": "12.50"})

    assert world.call("GET", INVOICE).json()["Amount_Due__c"] == 12.5


@pytest.mark.parametrize("value", [True, "NaN", {"a": 1}, [1]])
def test_a_number_that_is_none_is_refused(world: World, value: Any):
    answer = world.call("PATCH", INVOICE, {**NEW, "Amount_Due__c": value})

    assert answer.json()[0]["errorCode"] == "JSON_PARSER_ERROR"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("in_1", "JSON_PARSER_ERROR"),
        ({}, "INVALID_FIELD"),
        ({"Stripe_Key__c": "a", "Stripe_Id__c": "b"}, "INVALID_FIELD"),
        ({"Status__c": "Open"}, "INVALID_FIELD"),
    ],
)
def test_a_relationship_needs_exactly_one_external_id(world: World, value: Any, code: str):
    payment = {"Stripe_Id__c": "pi_1", "Entity__c": "us", "Stripe_Invoice__r": value}

    answer = world.call("PATCH", "sobjects/Stripe_Payment__c/Stripe_Key__c/us%3Api_1", payment)

    assert answer.json()[0]["errorCode"] == code


def test_a_relationship_to_null_clears_the_lookup(world: World):
    path = "sobjects/Stripe_Payment__c/Stripe_Key__c/us%3Api_1"
    world.call("PATCH", INVOICE, NEW)
    payment = {"Stripe_Id__c": "pi_1", "Entity__c": "us", "Stripe_Invoice__r": {"Stripe_Key__c": "us:in_1"}}
    world.call("PATCH", path, payment)

    cleared = world.call("PATCH", path, {"Stripe_Invoice__r": None})

    assert cleared.status_code == 200
    assert world.call("GET", path).json()["Stripe_Invoice__c"] is None


def test_orders_and_quotes_add_up_their_lines(world: World):
    [order], [quote] = world.objects("Order"), world.objects("Quote")

    assert order["TotalAmount"] == 2 * 1200 + 2 * 180
    assert (quote["Subtotal"], quote["TotalPrice"], quote["GrandTotal"]) == (540.0, 513.0, 513.0)
    assert (quote["LineItemCount"], quote["AccountId"] is not None) == (1, True)


def line(world: World, **fields: Any) -> Any:
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")["Id"]
    return world.call("POST", "sobjects/OpportunityLineItem", {"OpportunityId": opportunity, "Quantity": 4, **fields})


def test_a_line_may_bring_its_total_instead_of_its_price(world: World):
    entry = world.objects("PricebookEntry")[0]["Id"]

    made = line(world, PricebookEntryId=entry, TotalPrice=100).json()["id"]

    shown = world.call("GET", f"sobjects/OpportunityLineItem/{made}").json()
    assert (shown["UnitPrice"], shown["TotalPrice"], shown["SortOrder"]) == (25.0, 100.0, None)


def test_a_line_needs_a_product_and_a_price(world: World):
    entry = world.objects("PricebookEntry")[0]["Id"]

    without_product, without_price = line(world, UnitPrice=1), line(world, PricebookEntryId=entry)

    assert without_product.json()[0]["fields"] == ["PricebookEntryId"]
    assert without_price.json()[0]["fields"] == ["UnitPrice"]


def test_a_whole_number_field_shows_a_whole_number(world: World):
    entry = world.objects("PricebookEntry")[0]["Id"]

    made = line(world, PricebookEntryId=entry, UnitPrice=1, SortOrder=3).json()["id"]

    assert world.call("GET", f"sobjects/OpportunityLineItem/{made}").text.count('"SortOrder":3,') == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("login", {"user": "nobody"}),
        ("lock", {"record": "nonsense"}),
        ("records", {"sobject": "Unicorn", "fields": {}}),
        ("records", {"sobject": "Account", "fields": {"Colour__c": 1}}),
    ],
)
def test_a_control_call_that_makes_no_sense_is_refused(world: World, path: str, body: Any):
    assert requests.post(f"{world.url}/_control/{path}", json=body, timeout=10).status_code == 400


def test_an_administrator_can_change_a_record_past_every_rule(world: World):
    account = world.record("Account", "Velo Verde GmbH")["Id"]

    world.control(
        "records", {"sobject": "Account", "id": account, "fields": {"Phone": "7"}, "as": "rep@northwind.example"}
    )

    assert world.record("Account", "Velo Verde GmbH")["Phone"] == "7"
