"""What the card is told: the Apex controller's answers over the org's rows and the gateway's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import jwt
import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.sandbox.wire import Server
from tests.support.salesforce_org import USERS, Maker, World, full, keys

ENVELOPE: dict[str, Any] = {
    "success": True, "status": "succeeded", "action_id": "act_1", "request_id": "req_1", "number": "N-1",
    "currency": "USD", "url": "https://invoice.example/i/1", "user_message": "Invoice N-1 was sent.",
}  # fmt: skip
PREVIEW = ENVELOPE | {
    "preview_token": "token",
    "preview": {
        "recipient": "accounts@harborcycles.example", "total": "12.00", "currency": "EUR",
        "due": {"days_until_due": 30}, "warnings": ["Careful."], "tax_error": "No tax was calculated.",
        "candidates": [{"contact_id": "003", "name": "Ben", "email": "b@x.example", "why": "Billing"}],
        "lines": [{"description": "Frame", "quantity": "1", "amount": "12.00"}],
    },
}  # fmt: skip
REP, DISPATCHER = full("005Ws000001Rep1"), full("005Ws000001Dis1")
DEAL = "Harbor Cycles fleet renewal"


class Gateway:
    """Records what arrives and answers with what it was given."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.answer: Response = JSONResponse(ENVELOPE)
        routes = [Route("/v1/actions{rest:path}", self.act, methods=["GET", "POST"])]
        self.server = Server(Starlette(routes=routes))

    async def act(self, request: Request) -> Response:
        raw = await request.body()
        body = await request.json() if raw else None
        self.seen.append({"url": request.url, "headers": dict(request.headers), "body": body})
        return self.answer


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    with found.server:
        yield found


def users(*permission_sets: str) -> list[dict[str, Any]]:
    owner = {"id": "005Ws000001Own1", "username": "olga@northwind.example", "name": "Olga Owner"}
    people = [user | ({"permission_sets": permission_sets} if full(user["id"]) == REP else {}) for user in USERS]
    return [people[0], owner, *people[1:]]


@pytest.fixture
def org(make_world: Maker, gateway: Gateway) -> World:
    signing = {"private_key": keys()[0], "kid": "Stripe_Gateway_2026"}
    people = users("Stripe_Gateway_Rep")
    return make_world(signing=signing, gateway_url=gateway.server.url, users=people)


def call(org: World, method: str, *, viewer: str = REP, status: int = 200, **parameters: Any) -> Any:
    url = f"{org.url}/apex/StripePaymentsController.{method}?as={viewer}"
    answer = requests.post(url, json=parameters, timeout=10)
    assert answer.status_code == status, answer.text
    return answer.json()


def record(org: World) -> str:
    return str(org.record("Opportunity", DEAL)["Id"])


def run(org: World, action: str = "send-invoice", key: str = "key-1", **options: Any) -> Any:
    return call(org, "run", action=action, recordId=record(org), requestKey=key, previewToken="token", options=options)


def test_the_overview_says_what_the_person_may_do(org: World):
    shown = call(org, "overview", recordId=record(org))

    told = ("objectName", "recordName", "accountName", "connected", "canInvoice", "canLink", "canRefund", "invoices")
    assert [shown[name] for name in told] == [
        "Opportunity", DEAL, "Harbor Cycles Inc.", True, True, True, False, []
    ]  # fmt: skip


@pytest.mark.parametrize("given", [{"recordId": None}, {"recordId": "006Ws0000000999"}, {}])
def test_a_record_that_is_not_there_is_an_error_with_words(org: World, given: dict[str, Any]):
    told = call(org, "overview", status=400, **given)

    assert told == {"body": {"message": "There is no such record, or you may not see it."}}


def test_a_record_nobody_shared_is_not_there(org: World):
    told = call(org, "overview", viewer=DISPATCHER, status=400, recordId=record(org))

    assert told == {"body": {"message": "There is no such record, or you may not see it."}}


def test_a_method_or_a_person_that_is_not_there_is_an_error_with_words(org: World):
    assert "no method" in call(org, "erase", status=400)["body"]["message"]
    assert "Nobody" in call(org, "overview", status=400, viewer=full("005Ws000001Lef1"))["body"]["message"]


def test_a_run_is_one_signed_call_with_the_key_and_only_the_options_of_its_action(org: World, gateway: Gateway):
    answer = run(
        org, recipient_email="b@x.example", days_until_due=14.0, portion_amount=12.5, lines='[{"amount": "1"}]',
        record_id="x", evil=1,
    )  # fmt: skip

    [seen] = gateway.seen
    assert seen["url"].path == "/v1/actions/send-invoice"
    assert seen["body"] == {
        "record_id": record(org), "object": "Opportunity", "preview_token": "token", "recipient_email": "b@x.example",
        "days_until_due": 14, "portion_amount": "12.5", "lines": [{"amount": "1"}],
    }  # fmt: skip
    assert (seen["headers"]["idempotency-key"], seen["headers"]["prefer"]) == ("key-1", "wait=8")
    token = seen["headers"]["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, keys()[1], ["RS256"], audience="stripe-gateway", options={"verify_exp": False})
    assert claims["sub"] == REP
    assert (answer["success"], answer["invoiceNumber"], answer["pending"]) == (True, "N-1", False)


def test_what_the_person_may_not_do_and_what_does_not_exist_is_not_asked(org: World, gateway: Gateway):
    answers = [run(org, action="refund-payment"), run(org, action="../x"), run(org, key="")]

    codes = [answer["errorCode"] for answer in answers]
    assert codes == ["not_permitted", "unknown_action", "invalid_request_key"]
    assert gateway.seen == []


def test_a_preview_is_shown_in_the_words_of_the_card(org: World, gateway: Gateway):
    gateway.answer = JSONResponse(PREVIEW)

    shown = call(org, "preview", action="send-invoice", recordId=record(org), options={"replace": True})

    assert gateway.seen[0]["url"].path == "/v1/actions/send-invoice/preview"
    assert "idempotency-key" not in gateway.seen[0]["headers"]
    assert (shown["token"], shown["dueText"], shown["currencyCode"]) == ("token", "Due in 30 days", "EUR")
    assert shown["warnings"] == ["Careful.", "No tax was calculated."]
    assert shown["candidates"] == [{"contactId": "003", "name": "Ben", "email": "b@x.example", "why": "Billing"}]
    assert shown["refusal"] is None


def test_a_refused_preview_carries_the_refusal(org: World, gateway: Gateway):
    refused = ENVELOPE | {
        "success": False,
        "status": "rejected",
        "error_code": "no_recipient",
        "user_message": "Nobody.",
    }
    gateway.answer = JSONResponse(refused, 422)

    shown = call(org, "preview", action="send-invoice", recordId=record(org), options=None)

    assert shown["success"] is False
    assert (shown["refusal"]["errorCode"], shown["refusal"]["userMessage"]) == (
        "no_recipient", "Nobody. (Reference: req_1)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (PlainTextResponse("proxy", 502), "unreadable_answer"),
        (JSONResponse({"detail": "x"}, 200), "unreadable_answer"),
        (JSONResponse(ENVELOPE | {"success": False, "status": "queued"}, 202), None),
        (JSONResponse(ENVELOPE | {"success": False, "status": "failed"}, 500), None),
    ],
)
def test_an_answer_that_does_not_tell_the_end_is_pending(org: World, gateway: Gateway, answer: Response, code: str):
    gateway.answer = answer

    told = run(org)

    assert (told["pending"], told["success"], told["errorCode"]) == (True, False, code)


def test_what_waits_for_approval_says_so(org: World, gateway: Gateway):
    gateway.answer = JSONResponse(ENVELOPE | {"success": False, "status": "awaiting_approval"}, 202)

    told = run(org)

    assert (told["status"], told["pending"]) == ("awaiting_approval", True)


def test_a_gateway_that_is_away_leaves_a_run_pending_and_a_preview_refused(make_world: Maker):
    signing = {"private_key": keys()[0], "kid": "k"}
    org = make_world(signing=signing, gateway_url="http://127.0.0.1:9", users=users("Stripe_Gateway_Rep"))

    told = run(org)
    shown = call(org, "preview", action="send-invoice", recordId=record(org))

    assert (told["pending"], told["errorCode"]) == (True, "no_answer")
    assert (shown["refusal"]["pending"], shown["refusal"]["retryable"]) == (False, True)
    assert "It may have done what was asked" in told["userMessage"]
    assert shown["refusal"]["userMessage"].startswith("No preview came from the Stripe gateway")
    assert "A preview does nothing: try again." in shown["refusal"]["userMessage"]


def test_a_preview_that_cannot_be_read_did_nothing(org: World, gateway: Gateway):
    gateway.answer = PlainTextResponse("proxy", 502, headers={"X-Request-Id": "req_9"})

    shown = call(org, "preview", action="send-invoice", recordId=record(org))

    assert shown["refusal"]["errorCode"] == "unreadable_answer"
    assert shown["refusal"]["userMessage"].startswith("No preview came from the Stripe gateway (HTTP 502).")
    assert shown["refusal"]["userMessage"].endswith("(Reference: req_9)")


def test_a_click_is_found_again_by_its_key(org: World, gateway: Gateway):
    found = call(org, "find", requestKey="a key/1&b=2")

    assert dict(parse_qsl(gateway.seen[0]["url"].query)) == {"request_key": "a key/1&b=2"}
    assert found["actionId"] == "act_1"


def test_a_refund_from_a_case_goes_to_the_record_that_was_paid(make_world: Maker, gateway: Gateway):
    signing = {"private_key": keys()[0], "kid": "k"}
    org = make_world(signing=signing, gateway_url=gateway.server.url, users=users("Stripe_Gateway_Refunds"))
    account, paid = org.record("Account", "Harbor Cycles Inc.")["Id"], record(org)
    fields = {
        "Stripe_Id__c": "pi_1", "Account__c": account, "Opportunity__c": paid, "Source_Record_Id__c": paid,
        "Amount_Refundable__c": 12.5, "Amount_Display__c": "USD 20.00", "Currency_Code__c": "USD",
        "Status__c": "Succeeded",
    }  # fmt: skip
    org.control("records", {"sobject": "Stripe_Payment__c", "fields": fields})
    case = org.record("Case", "Wheel arrived bent")["Id"]

    [payment] = call(org, "overview", recordId=case)["payments"]
    options = {"payment_intent": payment["stripeId"]}
    call(org, "run", action="refund-payment", recordId=case, requestKey="key-1", options=options)

    assert (payment["status"], payment["refundableText"]) == ("Succeeded", "USD 12.50")
    assert gateway.seen[0]["body"] == {"record_id": paid, "object": "Opportunity", "payment_intent": "pi_1"}


def test_a_payment_that_can_be_refunded_is_shown_however_many_came_after_it(org: World):
    paid = record(org)

    def payment(number: int, left: str, created: str) -> None:
        fields = {
            "Stripe_Id__c": f"pi_{number}", "Opportunity__c": paid, "Amount_Refundable__c": left,
            "Amount_Display__c": "USD 60.00", "Currency_Code__c": "USD", "Status__c": "Succeeded",
            "CreatedDate": created,
        }  # fmt: skip
        org.control("records", {"sobject": "Stripe_Payment__c", "fields": fields})

    payment(0, "60.00", "2025-01-01T00:00:00.000+0000")
    for number in range(1, 26):
        payment(number, "0.00", f"2026-01-{number:02}T00:00:00.000+0000")

    shown = call(org, "overview", recordId=paid)["payments"]

    newest = [f"pi_{number}" for number in range(25, 5, -1)]
    assert [each["stripeId"] for each in shown] == ["pi_0", *newest]
    assert [each["refundableText"] for each in shown] == ["USD 60.00"] + [None] * 20


def test_a_refund_under_way_shows_wherever_it_can_be_asked_for_and_nowhere_else(org: World):
    account, paid = org.record("Account", "Harbor Cycles Inc.")["Id"], record(org)
    fields = {
        "Gateway_Action_Id__c": "act_1", "Action__c": "refund-payment", "Status__c": "pending", "Account__c": account,
        "Opportunity__c": paid, "Source_Record_Id__c": paid,
    }  # fmt: skip
    org.control("records", {"sobject": "Stripe_Action__c", "fields": fields})
    org.control("records", {
        "sobject": "Stripe_Action__c",
        "fields": fields | {"Gateway_Action_Id__c": "act_2", "Action__c": "send-invoice"},
    })  # fmt: skip
    org.control("records", {
        "sobject": "Stripe_Action__c", "fields": fields | {"Gateway_Action_Id__c": "act_3", "Status__c": "unknown"},
    })  # fmt: skip
    case = org.record("Case", "Wheel arrived bent")["Id"]
    other = next(each["Id"] for each in org.objects("Account") if each["Id"] != account)

    shown = {
        each: sorted(one["action"] for one in call(org, "overview", recordId=each)["runningActions"])
        for each in (paid, account, case, other)
    }

    assert shown == {
        paid: ["refund-payment", "refund-payment", "send-invoice"],
        account: ["refund-payment"], case: ["refund-payment"], other: [],
    }  # fmt: skip


def test_the_contacts_are_those_of_the_account_with_an_address(org: World):
    found = call(org, "contacts", recordId=record(org))

    assert [person["name"] for person in found] == ["Ada Okafor", "Ben Castillo"]


def test_the_card_is_on_the_page_and_its_files_are_served(org: World):
    page = requests.get(f"{org.url}/lightning/r/Opportunity/{record(org)}/view", timeout=10).text

    assert f'data-record="{record(org)}" data-object="Opportunity" data-viewer="{REP}"' in page
    for name in ("card.js", "stripe-payments.js", "stripe-payments.css"):
        assert f"/static/{name}" in page
        assert requests.get(f"{org.url}/static/{name}", timeout=10).status_code == 200
    assert requests.get(f"{org.url}/static/record.html", timeout=10).status_code == 404
