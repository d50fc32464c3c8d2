import pytest

from gateway.config import load, route, routed_fields
from gateway.errors import Rejected
from tests.support.configuration import ENVIRON, NOW, TOML, write_configuration

RULES = """
[entities.eu]
mode = "test"
account = "acct_1Eu"
secret_key = "env:STRIPE_KEY"

[entities.uk]
mode = "test"
account = "acct_1Uk"
secret_key = "env:STRIPE_KEY"

[[routing]]
when = { currency = "EUR" }
entity = "eu"

[[routing]]
when = { sobject = "Opportunity", field = "Billing_Entity__c", equals = ["UK", "IE"] }
entity = "uk"

[[routing]]
when = { record_type = "Domestic" }
entity = "us"
"""
DEFAULT = '\n[[routing]]\nentity = "us"\n'


@pytest.fixture
def world(tmp_path):
    def make(default: str = "", entities: str = '["us", "eu", "uk"]'):
        toml = TOML.replace('entities = ["us"]', f"entities = {entities}") + RULES + default
        config = load(write_configuration(tmp_path, toml), ENVIRON, now=NOW)
        return config, config.orgs["acme"]

    return make


def facts(currency="USD", billing="", record_type=""):
    return {"Billing_Entity__c": billing, "currency": currency, "record_type": record_type}


@pytest.mark.parametrize(
    ("sobject", "given", "entity"),
    [
        ("Opportunity", facts(currency="eur"), "eu"),
        ("Opportunity", facts(billing="IE"), "uk"),
        ("opportunity", facts(billing="uk"), "uk"),
        ("Order", facts(billing="UK", record_type="Domestic"), "us"),
        ("Order", {"currency": "EUR", "record_type": None}, "eu"),
    ],
)
def test_the_rules_that_hold_name_the_entity(world, sobject, given, entity):
    config, org = world()

    assert route(config, org, sobject, given).name == entity


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (facts(currency="EUR", billing="UK"), "entity_ambiguous"),
        (facts(), "no_entity"),
        ({"currency": "USD", "record_type": "x"}, "entity_ambiguous"),  # Billing_Entity__c was not read
        ({}, "entity_ambiguous"),
    ],
)
def test_what_is_not_clear_is_refused(world, given, code):
    config, org = world()

    with pytest.raises(Rejected) as caught:
        route(config, org, "Opportunity", given)

    assert (caught.value.code, caught.value.field) == (code, "entity")


def test_a_rule_without_conditions_counts_where_no_other_does(world):
    config, org = world(DEFAULT)

    assert route(config, org, "Opportunity", facts()).name == "us"
    assert route(config, org, "Opportunity", facts(currency="EUR")).name == "eu"


def test_an_org_with_one_entity_needs_no_rules(world):
    config, org = world(entities='["eu"]')

    assert route(config, org, "Opportunity", {}).name == "eu"
    assert routed_fields(config, org, "Opportunity") == frozenset()


def test_the_facts_a_decision_needs_are_listed(world):
    config, org = world()

    assert routed_fields(config, org, "Opportunity") == {"Billing_Entity__c", "currency", "record_type"}
    assert routed_fields(config, org, "Order") == {"currency", "record_type"}
