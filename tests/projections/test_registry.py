from typing import get_args

import pytest
import stripe

from gateway.projections import Projection, registry
from gateway.projections.rows import key
from gateway.projections.values import cut, display, link
from tests.projections.stripe_objects import projected


def test_the_folder_is_the_registry():
    assert {name: projection.sobject for name, projection in registry().items()} == {
        "customer": "Stripe_Customer__c",
        "invoice": "Stripe_Invoice__c",
        "payment_intent": "Stripe_Payment__c",
        "charge": "Stripe_Payment__c",
        "payment_link": "Stripe_Payment_Link__c",
        "refund": "Stripe_Refund__c",
    }


@pytest.mark.parametrize("projection", registry().values(), ids=lambda projection: projection.stripe)
def test_each_projection_says_where_its_object_is_read(projection: Projection):
    assert projection.path.startswith("/v1/")
    assert projection.path.endswith("/{id}")
    assert projection.events


def test_no_event_wakes_two_projections():
    events = [event for projection in registry().values() for event in projection.events]

    assert len(events) == len(set(events))


def test_every_event_is_one_stripe_has():
    [events] = get_args(stripe.params.WebhookEndpointCreateParams.__annotations__["enabled_events"])

    assert set().union(*(projection.events for projection in registry().values())) <= set(get_args(events))


@pytest.mark.parametrize("name", ["payment_intent", "charge", "refund", "payment_link", "invoice"])
def test_an_object_stripe_no_longer_knows_says_so_and_clears_nothing(name):
    row = projected(name, {"id": "x_1", "deleted": True})

    said = {"Status__c", "Status_Raw__c", "Active__c"}
    assert row.fields["Status_Raw__c"] == "deleted"
    assert all(value is not None for value in row.fields.values())
    assert set(row.fields) - said == {
        "Stripe_Id__c",
        "Entity__c",
        "Livemode__c",
        "Origin__c",
        "Source_Object__c",
        "Source_Record_Id__c",
        "Opportunity__c",
    }


def test_ids_of_two_accounts_do_not_meet():
    assert key("us", "in_1") != key("de", "in_1")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("abc", "abc"),
        ("abcd", "ab…"),
        ("  ab  ", "ab"),
        ("", None),
        ("   ", None),
        (None, None),
        (1234, "12…"),
        ("a cd", "a…"),
    ],
)
def test_texts_are_cut_to_the_field(text, kept):
    assert cut(text, 3) == kept


@pytest.mark.parametrize(("url", "kept"), [("abc", "abc"), ("abcd", None), (None, None)])
def test_urls_are_whole_or_absent(url, kept):
    assert link(url, 3) == kept


def test_no_amount_has_no_text():
    assert display(None, "usd") is None
