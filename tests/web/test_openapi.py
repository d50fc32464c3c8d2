"""The two documents: valid, of one source, and the second within what Salesforce's External Services take."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from gateway import actions
from gateway.records import Envelope
from gateway.web import external_services, openapi, schemas
from tests.support.documents import Held
from tests.web import external_services_rules as rules

TOOLS = openapi.document("https://gateway.example.com")
FLOW = external_services.document()
ACTIONS = actions.registry().values()
Document = dict[str, Any]
Spoil = Callable[[Document], object]


def test_both_documents_are_what_they_say_they_are() -> None:
    OpenAPIV31SpecValidator(TOOLS).validate()
    OpenAPIV30SpecValidator(FLOW).validate()


def test_no_rule_of_external_services_is_broken() -> None:
    assert rules.findings(FLOW) == []


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_member_of_a_request_is_told_in_both(action: actions.Action) -> None:
    name = action.request.__name__
    tools, flow = (document["components"]["schemas"][name] for document in (TOOLS, FLOW))

    assert list(tools["properties"]) == list(flow["properties"]) == list(action.request.model_fields)
    assert all(member["description"] for member in tools["properties"].values())
    assert set(tools["required"]) == {n for n, field in action.request.model_fields.items() if field.is_required()}
    assert ("request_key" in flow["required"]) is action.money_out


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_example_can_be_sent(action: actions.Action) -> None:
    schema = {"$ref": f"#/components/schemas/{action.request.__name__}", "components": TOOLS["components"]}
    flow = {**schema, "components": FLOW["components"]}

    assert action.request.examples
    for example in action.request.examples:
        action.check(action.request.model_validate(dict(example)))
        Draft202012Validator(schema).validate(example)
        Draft202012Validator(flow).validate(example)


def test_a_request_that_the_gateway_refuses_is_none_of_the_documents() -> None:
    schema = {"$ref": "#/components/schemas/SendInvoice", "components": TOOLS["components"]}
    wrong: list[Document] = [
        {},
        {"record_id": "006", "colour": 1},
        {"record_id": "006", "lines": [{"amount": "1"}]},
        {"record_id": "006", "due_date": "tomorrow"},
        {"record_id": "006", "days_until_due": "30"},
    ]

    assert [body for body in wrong if Draft202012Validator(schema).is_valid(body)] == []


def test_the_answers_are_the_envelope() -> None:
    members = list(Envelope(success=True, status="queued").as_json())

    assert TOOLS["components"]["schemas"]["Answer"]["required"] == members
    assert list(FLOW["components"]["schemas"][external_services.ANSWER]["properties"])[: len(members)] == members
    assert set(schemas.WORDS) >= set(members)


def test_an_answer_that_is_not_as_documented_is_found() -> None:
    def hold(**more: Any) -> None:
        answer = requests.Response()
        answer.status_code, answer.headers["Content-Type"] = 200, "application/json"
        answer._content = json.dumps({**Envelope(success=True, status="queued").as_json(), **more}).encode()
        Held(TOOLS, empty_members=True).hold("GET", "/v1/actions/act_1", answer)

    hold()
    for wrong in ({"colour": 1}, {"status": "sent"}, {"amount": 12.5}, {"success": None}):
        with pytest.raises(ValidationError):
            hold(**wrong)


def test_a_member_of_several_kinds_cannot_slip_in() -> None:
    class Odd(actions.Request):
        """Members of nothing."""

        either: bool | int | None = None

    with pytest.raises(TypeError, match="either"):
        schemas.told(Odd)


def test_words_of_apex_among_the_members_are_on_the_list_of_doubts() -> None:
    page = (Path(__file__).parents[2] / "docs/first-org.md").read_text(encoding="utf-8")
    [doubt] = [part for part in page.split("- [ ] ") if "like words of Apex" in part]

    assert set(re.findall(r"`(\w+)`", doubt)) == rules.reserved(FLOW)


def answer(document: Document) -> Document:
    found: Document = document["components"]["schemas"][external_services.ANSWER]["properties"]
    return found


def invoice(document: Document) -> Document:
    found: Document = document["paths"]["/v1/actions/send-invoice"]["post"]
    return found


def members(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["SendInvoice"]["properties"]
    return found


def moved(document: Document, old: str, new: str) -> None:
    document[new] = document.pop(old)


DEFECTS: dict[str, tuple[Spoil, str]] = {
    "3.1": (lambda d: d.update(openapi="3.1.0"), "is not 3.0"),
    "security": (lambda d: d.update(security=[]), "security is ignored"),
    "tags": (lambda d: invoice(d).update(tags=["x"]), "tags is ignored"),
    "no operationId": (lambda d: invoice(d).pop("operationId"), "no name for Apex"),
    "operationId with a dash": (lambda d: invoice(d).update(operationId="send-invoice"), "no name for Apex"),
    "operationId too long": (lambda d: invoice(d).update(operationId="s" * 81), "no name for Apex"),
    "operationId twice": (lambda d: invoice(d).update(operationId="READACTION"), "exists twice"),
    "no description": (lambda d: invoice(d).pop("description"), "has no description"),
    "long description": (lambda d: invoice(d).update(description="x" * 1334), "would be cut"),
    "method": (lambda d: moved(d["paths"]["/v1/outbox/pull"], "post", "head"), "head is not supported"),
    "get with a body": (
        lambda d: d["paths"]["/v1/actions"]["get"].update(requestBody=invoice(d)["requestBody"]),
        "takes no body",
    ),
    "nameless parameter": (lambda d: invoice(d)["parameters"][0].pop("name"), "has no name"),
    "header that Apex cannot name": (
        lambda d: invoice(d)["parameters"][0].update(name="Idempotency-Key"),
        "no name for Apex",
    ),
    "cookie": (lambda d: invoice(d)["parameters"][0].update({"in": "cookie"}), "cookie is not supported"),
    "parameter without a type": (lambda d: invoice(d)["parameters"][0].pop("schema"), "no simple type"),
    "undeclared path parameter": (
        lambda d: d["paths"]["/v1/actions/{action_id}"]["get"].pop("parameters"),
        "path parameters",
    ),
    "no default": (lambda d: invoice(d)["responses"].pop("default"), "not declared"),
    "another status": (lambda d: moved(invoice(d)["responses"], "202", "404"), "not declared"),
    "another answer": (
        lambda d: invoice(d)["responses"]["202"]["content"]["application/json"].update(schema={"type": "string"}),
        "answers differ",
    ),
    "response headers": (lambda d: invoice(d)["responses"]["202"].update(headers={}), "headers are not supported"),
    "problem+json": (
        lambda d: moved(invoice(d)["responses"]["default"]["content"], "application/json", "application/problem+json"),
        "instead of application/json",
    ),
    "form body": (
        lambda d: moved(invoice(d)["requestBody"]["content"], "application/json", "application/xml"),
        "instead of application/json",
    ),
    "dangling reference": (lambda d: d["components"]["schemas"].pop("LineRequest"), "does not exist"),
    "unused schema": (
        lambda d: d["components"]["schemas"].update(Spare=d["components"]["schemas"]["CustomField"]),
        "is not used",
    ),
    "schema name": (lambda d: moved(d["components"]["schemas"], "LineRequest", "Line-Request"), "no name for Apex"),
    "empty schema": (lambda d: d["components"]["schemas"]["CustomField"].pop("properties"), "has no members"),
    "nullable": (lambda d: answer(d)["url"].update(nullable=True), "nullable is not supported"),
    "type list": (lambda d: answer(d)["url"].update(type=["string", "null"]), "is not supported"),
    "anyOf": (lambda d: members(d)["currency"].update(anyOf=[]), "anyOf is not supported"),
    "not": (lambda d: members(d)["currency"].update({"not": {}}), "not is not supported"),
    "map": (lambda d: members(d)["currency"].update(additionalProperties=True), "additionalProperties is not"),
    "amount as number": (lambda d: answer(d)["amount"].update(type="number"), "'number' is not supported"),
    "member without a type": (lambda d: answer(d)["url"].pop("type"), "is not supported"),
    "member without a description": (lambda d: answer(d)["url"].pop("description"), "has no description"),
    "deep answer": (
        lambda d: answer(d).update(preview={"$ref": "#/components/schemas/LineRequest", "description": "x"}),
        "is not flat",
    ),
    "anonymous object": (lambda d: members(d)["footer"].update(type="object"), "without a name"),
    "list of lists": (
        lambda d: members(d)["tax_rates"].update(items={"type": "array", "items": {"type": "string"}}),
        "cannot be used in Flow",
    ),
    "list of nothing": (lambda d: members(d)["tax_rates"].update(items={}), "a list of nothing"),
    "member name": (lambda d: moved(members(d), "po_number", "po__number"), "no name for Apex"),
    "required stranger": (lambda d: d["components"]["schemas"]["SendInvoice"]["required"].append("x"), "is no member"),
    "enumeration of numbers": (lambda d: members(d)["footer"].update(enum=[1]), "something else than text"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_document_that_breaks_a_rule_is_found(name: str) -> None:
    spoil, words = DEFECTS[name]
    document = copy.deepcopy(FLOW)

    spoil(document)

    assert [finding for finding in rules.findings(document) if words in finding] != []
