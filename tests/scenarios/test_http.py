"""The surface as Salesforce sees it: codes, headers, envelope, metrics; over HTTP against the composed application."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from gateway.app import build
from gateway.config import load
from gateway.engine import ledger
from gateway.engine.database import transaction
from gateway.records import Envelope
from gateway.sandbox.identity import ADMIN, AUTOMATION, KID, ORG, REP
from gateway.sandbox.wire import Server
from gateway.web.guard import Guard
from tests.scenarios.lab import BILLED, QUICK, Lab

LEFT = "005SB0000000004YAA"  # a user who may read nothing


class Caller:
    """A named credential of the org."""

    def __init__(self, lab: Lab, url: str) -> None:
        self.lab = lab
        self.url = url

    def token(self, sub: str = REP, **more: str) -> str:
        now = int(time.time())
        claims = {"iss": ORG, "sub": sub, "aud": "stripe-gateway", "iat": now, "nbf": now, "exp": str(now + 120)}
        return jwt.encode(claims | more, self.lab.identity.calls.private, "RS256", headers={"kid": KID})

    def __call__(
        self, method: str, path: str, body: Any = None, *, sub: str = REP, **headers: str
    ) -> requests.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Bearer {self.token(sub)}", **told}
        return requests.request(method, self.url + path, json=body, headers=given, timeout=30)


def started(lab: Lab) -> Guard:
    """The application over a lab; a server starts and stops it."""
    made = build(load(lab.config_file, {}))
    made.tools.patience = QUICK
    return made.app


@pytest.fixture
def caller(sqlite_lab: Lab) -> Iterator[Caller]:
    with Server(started(sqlite_lab)) as server:
        yield Caller(sqlite_lab, server.url)


def test_an_answer_is_the_whole_flat_envelope(caller: Caller) -> None:
    answer = caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet}, Idempotency_Key="k1")

    assert answer.status_code == 200
    assert list(answer.json()) == list(Envelope(success=True, status="").as_json())
    assert answer.json()["user_message"].startswith("Invoice ")


def test_a_fifteen_character_id_is_the_same_record(caller: Caller) -> None:
    first = caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet}, Idempotency_Key="k1").json()
    short = caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet[:15]}, Idempotency_Key="k1")

    assert short.json()["action_id"] == first["action_id"]


def test_a_caller_who_does_not_wait_gets_a_place_to_ask(caller: Caller) -> None:
    body = {"record_id": caller.lab.fleet, "request_key": "k1"}
    answer = caller("POST", "/v1/actions/send-invoice", body, Prefer="respond-async")

    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Retry-After"]
    state = caller("GET", answer.headers["Location"]).json()
    assert state["action_id"] == answer.json()["action_id"]
    while caller("GET", answer.headers["Location"]).json()["status"] in {"queued", "pending"}:
        time.sleep(0.05)
    found = caller("GET", "/v1/actions?request_key=k1").json()
    assert (found["success"], found["action_id"]) == (True, state["action_id"])


def test_the_same_key_with_another_body_is_refused(caller: Caller) -> None:
    caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet}, Idempotency_Key="k1")
    other = caller(
        "POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet, "footer": "x"}, Idempotency_Key="k1"
    )

    assert other.status_code == 422
    assert other.headers["Content-Type"] == "application/problem+json"
    assert (other.json()["error_code"], other.json()["field"]) == ("request_key_reused", "request_key")


@pytest.mark.plain
@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("send-money", {}, 404, "unknown_action"),
        ("send-invoice", {}, 422, "missing_member"),
        ("send-invoice", {"record_id": "006", "colour": 1}, 422, None),
        ("send-invoice", {"record_id": "a0B000000000001AAA"}, 422, None),
        (
            "send-invoice",
            {"record_id": "fleet", "lines": [{"description": "x", "amount": "1.001"}], "currency": "USD"},
            422,
            "invalid_amount",
        ),
        (
            "send-invoice",
            {"record_id": "fleet", "due_date": "2026-12-31", "days_until_due": 3},
            422,
            "invalid_due_date",
        ),
        ("send-invoice", {"record_id": "fleet", "due_date": "2020-01-01"}, 200, "due_date_past"),
        ("send-invoice", {"record_id": "fleet", "due_date": "9999-12-31"}, 422, "invalid_due_date"),
        (
            "send-invoice",
            {"record_id": "fleet", "currency": "EUR", "lines": [{"description": "x", "amount": "0.10"}]},
            200,
            "amount_too_small",
        ),
        ("send-invoice", {"record_id": "fleet", "recipient_email": "nobody"}, 422, "invalid_email"),
        ("send-invoice", {"record_id": "fleet", "account_id": "001"}, 422, "invalid_id"),
        ("send-invoice", {"record_id": "fleet", "line_ids": ["00k"]}, 422, "invalid_id"),
        ("send-invoice", {"record_id": "fleet", "contact_id": "003000000000001"}, 422, "unknown_contact"),
        ("send-invoice", {"record_id": "fleet", "footer": "4242 4242 4242 4242"}, 422, "card_data_refused"),
        ("refund-payment", {"record_id": "fleet"}, 422, "request_key_required"),
        (
            "refund-payment",
            {"record_id": "fleet", "charge": "ch_1", "invoice": "in_1", "request_key": "r"},
            422,
            "ambiguous_payment",
        ),
        ("refund-payment", {"record_id": "fleet", "request_key": "r"}, 200, "no_payment"),
        ("refund-payment", {"record_id": "fleet", "charge": "ch_nobodys", "request_key": "r"}, 404, "no_such_payment"),
        ("create-payment-link", {"record_id": "fleet", "amount": "0", "currency": "USD"}, 200, "amount_too_small"),
    ],
)
def test_a_bad_request_says_what_is_wrong_and_does_nothing(
    caller: Caller, name: str, body: dict[str, Any], status: int, code: str | None
) -> None:
    sent = {**body, "record_id": caller.lab.fleet} if body.get("record_id") == "fleet" else body
    answer = caller("POST", f"/v1/actions/{name}", sent)

    assert answer.status_code == status, answer.text
    assert not answer.json()["success"]
    assert code is None or answer.json()["error_code"] == code, answer.text
    assert answer.json()["user_message"]
    for kind in ("invoice", "payment_link", "refund"):
        assert caller.lab.objects(kind) == []


@pytest.mark.plain
@pytest.mark.parametrize("field", ["account_id", "lines[0].line_id"])
def test_a_bad_id_is_named_by_the_member_it_stands_in(caller: Caller, field: str) -> None:
    line = {"description": "x", "amount": "1", "line_id": "00k"}
    sent = {"account_id": "001"} if field == "account_id" else {"lines": [line]}

    answer = caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet, **sent})

    assert (answer.status_code, answer.json()["error_code"], answer.json()["field"]) == (422, "invalid_id", field)


def test_automation_may_not_refund_and_a_stranger_sees_no_record(caller: Caller) -> None:
    body = {"record_id": caller.lab.fleet, "request_key": "r"}
    refused = caller("POST", "/v1/actions/refund-payment", body, sub=AUTOMATION)
    nobody = caller("POST", "/v1/actions/send-invoice", {"record_id": "0065g000001111AAAQ"[:15]})

    assert (refused.status_code, refused.json()["error_code"]) == (403, "automation_may_not_refund")
    assert (nobody.status_code, nobody.json()["error_code"]) == (404, "no_such_record")


def test_edit_access_is_believed_for_a_minute_and_a_refusal_for_seconds(caller: Caller) -> None:
    lab, preview = caller.lab, "/v1/actions/send-invoice/preview"
    fields = {"StageName": "Prospecting", "CloseDate": "2026-12-31", "AccountId": lab.account, "OwnerId": ADMIN}
    first, second = (
        lab.control("salesforce", "POST", "records", {"sobject": "Opportunity", "fields": {"Name": name, **fields}})[
            "id"
        ]
        for name in ("First", "Second")
    )

    def ask(record: str) -> int:
        return caller("POST", preview, lab.invoice_members(record_id=record)).status_code

    def share(record: str, level: str) -> None:
        told = {"user": "rita@northwind.example", "record": record, "level": level}
        lab.control("salesforce", "POST", "share", told)

    share(second, "None")
    granted, refused = ask(first), ask(second)
    share(first, "None")
    share(second, "Edit")
    still = ask(first)
    end = time.monotonic() + 30
    while (shared := ask(second)) != 200 and time.monotonic() < end:
        time.sleep(0.2)

    assert (granted, still) == (200, 200)
    assert (refused, shared) == (404, 200)


def test_a_preview_shows_what_would_be_done_and_binds_the_action_to_it(caller: Caller) -> None:
    shown = caller("POST", "/v1/actions/send-invoice/preview", {"record_id": caller.lab.fleet}).json()

    assert caller.lab.objects("invoice") == []
    assert shown["preview"]["recipient"] == BILLED
    assert (shown["preview"]["total"], shown["preview"]["currency"]) == ("21528.00", "USD")
    body = {"record_id": caller.lab.fleet, "preview_token": shown["preview_token"]}
    done = caller("POST", "/v1/actions/send-invoice", body).json()
    again = caller("POST", "/v1/actions/send-invoice", body).json()
    assert done["success"], done
    assert (again["action_id"], again["replayed"]) == (done["action_id"], True)


def test_an_action_is_refused_when_the_record_changed_since_the_preview(caller: Caller) -> None:
    shown = caller("POST", "/v1/actions/send-invoice/preview", {"record_id": caller.lab.fleet}).json()
    members = {"record_id": caller.lab.fleet, "preview_token": shown["preview_token"], "portion_percent": "50"}
    stale = caller("POST", "/v1/actions/send-invoice", members)

    assert (stale.status_code, stale.json()["error_code"]) == (200, "preview_stale")
    assert caller.lab.objects("invoice") == []


@pytest.mark.parametrize("name", ["create-customer", "create-payment-link"])
def test_every_action_has_a_preview_that_touches_nothing(caller: Caller, name: str) -> None:
    shown = caller("POST", f"/v1/actions/{name}/preview", {"record_id": caller.lab.fleet})

    assert shown.status_code == 200, shown.text
    assert shown.json()["preview_token"]
    assert caller.lab.objects("customer") == caller.lab.objects("payment_link") == []


def test_a_trace_tells_every_step_without_personal_data(caller: Caller) -> None:
    done = caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet}, Idempotency_Key="k").json()

    told = caller("GET", f"/v1/actions/{done['action_id']}/trace")

    assert [s["name"] for s in told.json()["steps"]] == ["invoice", "lines", "finalize", "send"]
    assert all(s["request_id"] for s in told.json()["steps"])
    assert BILLED not in told.text
    assert caller("GET", "/v1/actions/act_01M8000000000000000000000A/trace").status_code in {404, 422}


def test_only_the_caller_and_readers_of_the_record_see_an_action(caller: Caller) -> None:
    done = caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet}, Idempotency_Key="k").json()
    places = [f"/v1/actions/{done['action_id']}", f"/v1/actions/{done['action_id']}/trace"]

    own = [caller("GET", place).status_code for place in places]
    reader = [caller("GET", place, sub=ADMIN).status_code for place in places]
    stranger = [caller("GET", place, sub=LEFT) for place in places]
    machine = [caller("GET", place, sub=AUTOMATION) for place in places]

    assert own == reader == [200, 200]
    for answer in (*stranger, *machine):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "unknown_action")
        assert done["stripe_id"] not in answer.text


def test_automation_sees_its_own_actions(caller: Caller) -> None:
    body = {"record_id": caller.lab.fleet, "request_key": "k"}
    done = caller("POST", "/v1/actions/send-invoice", body, sub=AUTOMATION).json()

    assert caller("GET", f"/v1/actions/{done['action_id']}/trace", sub=AUTOMATION).status_code == 200


@pytest.mark.plain
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("4242424242424242", False),
        ("<script>alert(1)</script>" * 300, False),
    ],
)
def test_a_trace_context_is_kept_only_if_it_is_one(caller: Caller, sent: str, kept: bool) -> None:
    body = {"record_id": caller.lab.fleet, "request_key": "k"}
    done = caller("POST", "/v1/actions/send-invoice", body, traceparent=sent).json()

    with transaction(caller.lab.database, readonly=True) as conn:
        row = ledger.by_id(conn, done["action_id"])
    assert row is not None
    assert row.traceparent == (sent if kept else None)


@pytest.mark.plain
def test_no_route_and_a_wrong_method_are_told_in_our_own_words(caller: Caller) -> None:
    nowhere, wrong = caller("GET", "/v2/actions"), caller("PUT", "/v1/actions/send-invoice", {})

    assert (nowhere.status_code, nowhere.json()["error_code"]) == (404, "no_such_route")
    assert "/v1/actions/NAME" in nowhere.json()["user_message"]
    assert (wrong.status_code, wrong.json()["error_code"]) == (405, "method_not_allowed")
    assert "POST" in wrong.json()["user_message"]
    assert "POST" in wrong.headers["Allow"]


def test_an_action_is_asked_for_with_post_only(caller: Caller) -> None:
    answer = caller("GET", "/v1/actions/send-invoice")

    assert (answer.status_code, answer.json()["error_code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"
    assert answer.json()["user_message"] == "This address takes POST only."


def test_a_browser_finds_a_signpost_and_a_program_nothing_at_the_root(caller: Caller) -> None:
    page = requests.get(caller.url, headers={"Accept": "text/html,*/*;q=0.8"}, timeout=10)
    program = requests.get(caller.url, timeout=10)

    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for path in re.findall(r'href="(/[^"]+)"', page.text):
        assert requests.get(caller.url + path, timeout=10).status_code == 200
    assert (program.status_code, program.json()["error_code"]) == (404, "no_such_route")


@pytest.mark.plain
def test_what_is_refused_before_it_becomes_an_action_is_counted_by_its_code(caller: Caller) -> None:
    requests.post(f"{caller.url}/v1/actions/send-invoice", json={}, timeout=10)
    requests.post(f"{caller.url}/v1/actions/send-invoice", json={}, headers={"Host": "a b"}, timeout=10)
    caller("POST", "/v1/actions/send-invoice", {"colour": 1})

    page = caller("GET", "/metrics").text

    for code in ("unauthenticated", "invalid_host", "unknown_member"):
        assert f'gateway_requests_refused_total{{reason="{code}"}} 1.0' in page


def test_health_and_metrics_count_what_happened(caller: Caller) -> None:
    caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet}, Idempotency_Key="k")
    page = caller("GET", "/metrics").text

    assert caller("GET", "/livez").text == "ok\n"
    assert caller("GET", "/readyz").json()["ready"] is True
    assert 'gateway_actions_accepted_total{action="send-invoice",caller_kind="person"} 1.0' in page
    assert 'gateway_actions_ended_total{action="send-invoice",status="succeeded"} 1.0' in page
    assert 'gateway_http_requests_total{route="act",status="200"} 1.0' in page
    assert caller("DELETE", "/livez").status_code == 405


@pytest.mark.plain
def test_an_open_circuit_is_told_to_callers_and_operators_and_leaves_the_process_ready(caller: Caller) -> None:
    caller("POST", "/v1/actions/create-customer", {"record_id": caller.lab.account}, Idempotency_Key="c")
    caller.lab.stripe_server.stop()
    body = caller.lab.invoice_members(request_key="k1")
    first = caller("POST", "/v1/actions/send-invoice", body, sub=AUTOMATION, Prefer="respond-async").json()

    while not (circuits := caller("GET", "/readyz").json()["circuits"]):
        time.sleep(0.2)
    told = caller("GET", f"/v1/actions/{first['action_id']}")
    found = caller("GET", "/v1/actions?request_key=k1", sub=AUTOMATION)
    page = caller("GET", "/metrics").text

    assert [(each["scope"], each["error_code"]) for each in circuits] == [("stripe:us", "stripe_unreachable")]
    assert caller("GET", "/readyz").status_code == 200
    assert told.json()["user_message"].startswith("Stripe is not available now")
    assert 2 < int(told.headers["Retry-After"]) <= 60
    assert found.json()["user_message"] == told.json()["user_message"]
    assert 'gateway_circuit_open_seconds{scope="stripe:us"}' in page
    assert "gateway_alarms_total 0.0" in page
    caller.lab.stripe_server.start()


@pytest.mark.plain
def test_a_replayed_token_of_a_strict_org_is_401_for_every_route(sqlite_lab: Lab) -> None:
    text = sqlite_lab.config_file.read_text()
    assert "automation_subjects" in text
    sqlite_lab.config_file.write_text(
        text.replace("automation_subjects", "one_time_tokens = true\nautomation_subjects")
    )
    made = build(load(sqlite_lab.config_file, {}))

    with Server(made.app) as server:
        caller = Caller(sqlite_lab, server.url)
        token = caller.token(jti="once")
        body = {"record_id": sqlite_lab.fleet, "request_key": "k"}
        first = caller("POST", "/v1/actions/send-invoice", body, Authorization=f"Bearer {token}")
        replays = [
            caller("POST", "/v1/actions/send-invoice", body, Authorization=f"Bearer {token}"),
            caller("POST", "/v1/actions/send-invoice/preview", body, Authorization=f"Bearer {token}"),
            caller("GET", f"/v1/actions/{first.json()['action_id']}", Authorization=f"Bearer {token}"),
        ]
        again = caller("POST", "/v1/actions/send-invoice", body, Authorization=f"Bearer {caller.token(jti='twice')}")
        without = caller("POST", "/v1/actions/send-invoice", body)

    assert first.json()["success"], first.text
    assert [answer.status_code for answer in replays] == [401, 401, 401]
    assert again.json()["replayed"], again.text
    assert without.status_code == 401
