import json

import pytest

from gateway.errors import Misconfigured, Refused, Rejected, Throttled, Unavailable, UnknownOutcome
from gateway.records import Envelope
from gateway.web.auth import Unauthenticated
from gateway.web.problems import problem


def told(answer):
    return json.loads(answer.body)


def test_a_fault_is_a_problem_with_every_member_of_the_envelope():
    answer = problem(Rejected("invalid_amount", "The amount is negative.", field="amount"), "req_1")

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert told(answer) == {
        "success": False,
        "status": "rejected",
        "action_id": None,
        "request_id": "req_1",
        "record_id": None,
        "stripe_id": None,
        "stripe_status": None,
        "number": None,
        "url": None,
        "amount": None,
        "currency": None,
        "error_code": "invalid_amount",
        "user_message": "The amount is negative.",
        "retryable": False,
        "retry_after_seconds": None,
        "replayed": False,
        "type": "urn:stripe-action-gateway:problem:invalid_amount",
        "title": "A value cannot be used",
        "detail": "The amount is negative.",
        "status_code": 422,
        "field": "amount",
    }


@pytest.mark.parametrize(
    ("exc", "status", "retry_after"),
    [
        (Unavailable("busy", "Wait.", retry_after=1.2), 503, "2"),
        (Unavailable("busy", "Wait."), 503, "2"),
        (Throttled("limited", "Wait.", http_status=429), 429, "2"),
        (UnknownOutcome("unknown", "Look."), 503, "2"),
        (Misconfigured("scope", "Mend."), 503, "2"),
        (Rejected("late", "Too late.", http_status=409), 409, None),
    ],
)
def test_who_may_come_back_is_told_when(exc, status, retry_after):
    answer = problem(exc, None)

    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry_after)
    assert told(answer)["retryable"] is (retry_after is not None)


def test_401_carries_the_challenge_and_no_reason():
    answer = problem(Unauthenticated("signature_wrong"), "req_1")

    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert b"signature_wrong" not in answer.body


def test_a_business_refusal_is_a_plain_envelope():
    answer = problem(Refused("charge_already_refunded", "Nothing is left to refund."), "req_1", action_id="act_1")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert told(answer).keys() == Envelope(success=False, status="rejected").as_json().keys()
    assert told(answer)["action_id"] == "act_1"


def test_the_cause_is_never_told():
    exc = Unavailable("busy", "Try again.")
    exc.__cause__ = RuntimeError("password=hunter2 at /srv/gateway/store.py")

    assert b"hunter2" not in problem(exc, None).body


def test_half_a_character_in_a_message_does_not_break_the_answer():
    answer = problem(Rejected("odd", "x\ud800y", http_status=400), None)

    assert told(answer)["user_message"] == "x?y"


def test_further_headers_are_kept():
    answer = problem(Rejected("method", "No.", http_status=405), None, headers={"Allow": "POST"})

    assert answer.headers["allow"] == "POST"
