"""Fixtures ↔ classes ↔ gateway: one name per member, whoever changes first."""

from __future__ import annotations

import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

from gateway import actions
from gateway.records import Envelope, Status
from tests.metadata.apex_source import sources
from tests.metadata.tree import load
from tests.scenarios.apex_cases import CASES, fixture, names

TREE = load()
SOURCES = sources(TREE)
WRITER = Path(__file__).parents[2] / "tools" / "write_apex_fixtures.py"
INVOCABLES = {
    "send-invoice": "StripeSendInvoiceAction",
    "create-customer": "StripeCreateCustomerAction",
    "create-payment-link": "StripePaymentLinkAction",
    "refund-payment": "StripeRefundAction",
}
OURS = {"record_id", "object", "request_key", "preview_token"}  # set by the classes, never by an admin or a component
PROBLEM = {"type", "title", "detail", "status_code", "field"}  # for people who read HTTP; the envelope says it all
RENAMED = {"number": "invoiceNumber", "currency": "currencyCode"}  # words Apex keeps for itself


def camel(member: str) -> str:
    head, *rest = member.split("_")
    return RENAMED.get(member, head + "".join(word.title() for word in rest))


def read_by(owner: str, variable: str) -> set[str]:
    """Members a class takes out of the JSON it calls by this name."""
    return set(re.findall(rf"\b{variable}\.(?:text|flag|whole|has|nested|each|texts)\('(\w+)'\)", SOURCES[owner].code))


def members_of(action: str) -> set[str]:
    return set(actions.registry()[action].request.model_fields)


def shown() -> list[dict[str, Any]]:
    bodies = [fixture(name)["response"]["body"] for name in names()]
    return [body["preview"] for body in bodies if "preview" in body]


@pytest.mark.parametrize("name", names())
def test_a_fixture_belongs_to_a_class_and_a_test_asserts_it(name: str) -> None:
    asked, answered = fixture(name)["request"], fixture(name)["response"]
    method = _writer().method(name)

    assert name.split(".")[0] in SOURCES
    assert set(asked) - {"body"} == {"method", "path", "headers"}
    assert set(answered) == {"status", "body"}
    assert [s.name for s in SOURCES.values() if s.is_test and f"StripeGatewayFixtures.{method}()" in s.code]


def test_the_apex_tests_are_given_these_very_fixtures() -> None:
    assert SOURCES["StripeGatewayFixtures"].text == _writer().text(), "run tools/write_apex_fixtures.py"


def test_every_fixture_is_replayed_against_the_gateway() -> None:
    assert set(names()) == set(CASES)


def test_one_class_makes_callouts() -> None:
    callers = [s.name for s in SOURCES.values() if not s.is_test and {"Http", "HttpRequest"} & s.words]

    assert callers == ["StripeGatewayClient"]


def test_the_answer_has_one_member_for_each_of_the_envelope() -> None:
    envelope = list(Envelope(success=True, status="").as_json())

    assert read_by("StripeGatewayAnswer", "read") == set(envelope)
    assert [m.name for m in SOURCES["StripeGatewayAnswer"].annotated("AuraEnabled")] == [
        *map(camel, envelope),
        "pending",
    ]


@pytest.mark.parametrize("name", names())
def test_every_answer_is_the_envelope(name: str) -> None:
    body = set(fixture(name)["response"]["body"])

    assert body - {"preview", "preview_token"} - PROBLEM == set(Envelope(success=True, status="").as_json())


def test_what_still_runs_is_what_the_gateway_calls_so() -> None:
    [running] = re.findall(r"RUNNING = new Set<String>\{([^}]*)\}", SOURCES["StripeGatewayAnswer"].code)

    statuses = {Status(text) for text in re.findall(r"'(\w+)'", running)}

    assert statuses == {status for status in Status if not status.ended} - {Status.AWAITING_APPROVAL}


def test_the_preview_reads_every_member_and_no_other() -> None:
    told = {member for preview in shown() for member in preview}
    with_tax = {"tax", "tax_status", "tax_error"}  # only where Stripe works out the tax
    repeated = {"already"}  # only where there is nothing new to make

    assert read_by("StripeGatewayPreview", "shown") == told | with_tax | repeated
    items = [item for preview in shown() for kind in ("candidates", "lines") for item in preview.get(kind, [])]
    assert read_by("StripeGatewayPreview", "item") == {member for item in items for member in item}


@pytest.mark.parametrize("name", names())
def test_a_request_has_only_members_of_its_action(name: str) -> None:
    asked = fixture(name)["request"]
    action = asked["path"].removeprefix("/v1/actions/").removesuffix("/preview")

    if "body" in asked and action in actions.registry():
        assert set(asked["body"]) <= members_of(action)
    else:
        assert asked.get("body", {}) == {}


@pytest.mark.parametrize(("action", "owner"), INVOCABLES.items())
def test_a_flow_can_set_every_member_of_its_action(action: str, owner: str) -> None:
    code = SOURCES[owner].code
    payment = {"payment_intent", "charge", "invoice"} if ".putPayment(" in code else set()

    settable = set(re.findall(r"\.put(?:Id|Flag|List|JsonList)?\('(\w+)'", code)) | payment

    assert settable == members_of(action) - OURS
    assert f"ACTION = '{action}'" in code


@pytest.mark.parametrize("action", actions.registry())
def test_the_card_may_send_every_member_of_its_action(action: str) -> None:
    [allowed] = re.findall(rf"'{action}' => new Set<String>\{{([^}}]*)\}}", SOURCES["StripePaymentsController"].code)

    assert set(re.findall(r"'(\w+)'", allowed)) == members_of(action) - OURS


def test_a_row_of_the_outbox_is_read_as_it_was_written() -> None:
    written = set(re.findall(r"'(\w+)' => Stripe_Action__c\.(\w+)", SOURCES["StripeActionRequest"].code))
    read = {(member, column) for each in actions.registry().values() for column, member in each.columns.items()}
    payment = {(member, "Payment_Id__c") for member in ("payment_intent", "charge", "invoice")}
    own = {("record_id", "Source_Record_Id__c"), ("object", "Source_Object__c"), ("entity", "Requested_Entity__c")}

    assert written == read - {("payment", "Payment_Id__c"), ("lines", "Lines_Json__c")} | payment | own


def test_every_request_column_can_be_filled_by_a_flow() -> None:
    code = SOURCES["StripeActionRequest"].code
    [frozen] = [rule for rule in TREE.of("ValidationRule") if rule.name == "Request_Is_Write_Once"]

    written = set(re.findall(r"Stripe_Action__c\.(\w+__c)", code)) | set(re.findall(r"\brow\.(\w+__c) =", code))

    assert written | {"Action__c"} == set(re.findall(r"ISCHANGED\((\w+)\)", frozen.text("errorConditionFormula")))


def _writer() -> Any:  # a script is no module
    loader = SourceFileLoader("write_apex_fixtures", str(WRITER))
    module = module_from_spec(spec_from_loader(loader.name, loader))  # type: ignore[arg-type]  # made just above
    loader.exec_module(module)
    return module
