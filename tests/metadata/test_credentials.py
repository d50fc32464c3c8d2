"""What Salesforce sends with every call is what the gateway reads."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.config.model import Server
from gateway.web.auth import ORG_HEADER, SANDBOX_HEADER
from tests.metadata import check_schema
from tests.metadata.check_credentials import PLACEHOLDER
from tests.metadata.tree import Tree, load, read

TREE = load()
PROJECT = Path(__file__).parents[2]
EXAMPLE = tomllib.loads((PROJECT / "docs/examples/gateway.toml").read_text(encoding="utf-8"))
TEMPLATES = {path: text for path, text in TREE.texts.items() if path.suffix == ".template"}


def parameters(kind, name):
    tag = {"NamedCredential": "namedCredentialParameters", "ExternalCredential": "externalCredentialParameters"}[kind]
    return list(TREE.named(kind)[name].rows(tag))


def claim(name, member):
    [value] = [
        row["parameterValue"] for row in parameters("ExternalCredential", name) if row["parameterName"] == member
    ]
    return value


@pytest.mark.parametrize("name", ["Stripe_Gateway", "Stripe_Gateway_Automation"])
def test_the_headers_are_those_the_gateway_reads(name):
    rows = parameters("NamedCredential", name)
    sent = {row["parameterName"].lower().encode() for row in rows if row["parameterType"] == "HttpHeader"}

    assert sent == {ORG_HEADER, SANDBOX_HEADER}


@pytest.mark.parametrize("name", ["Stripe_Gateway", "Stripe_Gateway_Automation"])
def test_the_audience_is_the_gateways_own(name):
    assert claim(name, "aud") == Server.model_fields["audience"].default


def test_the_automation_and_the_key_are_those_of_the_example_configuration():
    org = EXAMPLE["orgs"]["acme"]

    assert claim("Stripe_Gateway_Automation", "sub") in org["automation_subjects"]
    assert claim("Stripe_Gateway", "kid") in {key["kid"] for key in org["keys"]}


def test_a_token_lives_for_two_minutes():
    assert claim("Stripe_Gateway", "exp").endswith("+ 120))}")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_filled_in_template_is_metadata_of_its_folder(path):
    filled = PLACEHOLDER.sub("x", TEMPLATES[path])

    component = read(path.with_suffix(""), filled)

    assert component.root is not None
    assert not re.search(r"[{}]", filled)
    assert check_schema.findings(Tree((component,))) == []
