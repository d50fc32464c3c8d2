"""No key of the configuration is accepted and ignored: each is read somewhere outside the configuration itself."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from gateway.config import load, route
from gateway.config.model import When
from gateway.config.reference import TABLES
from tests.support.configuration import ENVIRON, NOW, TOML, write_configuration

GATEWAY = Path(__file__).parents[2] / "gateway"
# Read by the configuration's own code into what the rest of the gateway reads: keys, addresses, routes, mappings.
INSIDE = {"InboundKey", "KeySource", "Route", "When", "Mapping"}
# Kept for what is to come; the reference says so, and nothing else of it is promised.
RESERVED = {"Entity.webhook_secrets"}
INSIDE_KEYS = RESERVED | {
    "Database.password",
    "Org.key_sources",
    "Org.issuer",
    "SealingKeys.keys",
    "SealingKeys.current",
}
KEYS = [
    (model.__name__, name)
    for _, model in TABLES
    for name, field in model.model_fields.items()
    if field.description and model.__name__ not in INSIDE and f"{model.__name__}.{name}" not in INSIDE_KEYS
]


@cache
def attributes_read() -> frozenset[str]:
    files = [path for path in GATEWAY.rglob("*.py") if not {"config", "sandbox"} & set(path.parts)]
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in files)
    return frozenset(node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute))


@pytest.mark.parametrize(("model", "key"), KEYS, ids=lambda part: part)
def test_every_key_is_read_by_the_gateway(model: str, key: str) -> None:
    assert key in attributes_read(), f"{model}.{key} changes nothing"


def test_what_is_reserved_says_so() -> None:
    models = {model.__name__: model for _, model in TABLES}

    for model, key in (name.split(".") for name in RESERVED):
        assert str(models[model].model_fields[key].description).startswith("Reserved: ")
        assert key not in attributes_read()


HOLDS = {
    "org": 'org = "acme"',
    "sobject": 'sobject = "Order"',
    "field": 'field = "Region__c", equals = "EU"',
    "equals": 'field = "Region__c", equals = ["EU", "UK"]',
    "currency": 'currency = "EUR"',
    "record_type": 'record_type = "Wholesale"',
}
FAILS = {
    "sobject": 'sobject = "Quote"',
    "field": 'field = "Other__c", equals = "EU"',
    "equals": 'field = "Region__c", equals = "US"',
    "currency": 'currency = "USD"',
    "record_type": 'record_type = "Retail"',
}
FACTS = {"Region__c": "EU", "Other__c": "", "currency": "EUR", "record_type": "Wholesale"}
OTHER = '\n[entities.eu]\nmode = "test"\naccount = "acct_1Eu"\nsecret_key = "env:STRIPE_KEY"\n'


@pytest.mark.parametrize("member", When.model_fields)
def test_every_condition_of_a_rule_decides(tmp_path: Path, member: str) -> None:
    chosen = [entity(tmp_path, conditions[member]) for conditions in (HOLDS, FAILS) if member in conditions]

    assert chosen == ["eu", "us"][: len(chosen)]


def entity(folder: Path, when: str) -> str:
    rules = f'\n[[routing]]\nwhen = {{ {when} }}\nentity = "eu"\n\n[[routing]]\nentity = "us"\n'
    if when.startswith("org"):  # a rule that names only the org is a default, as the one without conditions is
        rules = rules.split("\n\n[[routing]]\nentity")[0] + "\n"
    toml = TOML.replace('entities = ["us"]', 'entities = ["us", "eu"]') + OTHER + rules
    config = load(write_configuration(folder, toml), ENVIRON, now=NOW)
    return route(config, config.orgs["acme"], "Order", FACTS).name
