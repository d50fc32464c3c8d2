"""Every bad token gets the same 401, over HTTP, and reaches nothing; the log knows why."""

import io
import json

import pytest

from gateway.observability import configure
from gateway.web.auth import Authenticator, Unauthenticated
from tests.support.configuration import rsa_key
from tests.support.edge import Clock, configuration, no_store, who
from tests.support.tokens import GOOD_TOKEN, LIVE_ORG, ORG, claims, header, sign
from tests.web.corpus_tokens import BAD

BODY = json.dumps({"record_id": "0015000000D8cuI", "amount": "12.50"}).encode()
LIVE_TOKEN = sign(header(kid="beta"), claims(iss=LIVE_ORG), rsa_key("beta"))


def assert_refused(edge, before, answer, body):
    assert answer.status == 401
    assert answer.getheader("WWW-Authenticate") == 'Bearer error="invalid_token"'
    assert answer.getheader("Content-Type") == "application/problem+json"
    assert body["error_code"] == "unauthenticated"
    assert (body["success"], body["status"], body["status_code"], body["retryable"]) == (False, "rejected", 401, False)
    assert len(edge.reached) == before


def test_the_corpus_is_large():
    assert len(BAD) >= 250


@pytest.mark.parametrize(("token", "reason"), BAD.values(), ids=BAD)
def test_a_bad_token_is_refused(edge, token, reason):
    before = len(edge.reached)

    answer, body = edge.post(BODY, token=token)

    assert_refused(edge, before, answer, body)
    assert reason not in json.dumps(body) or not reason


@pytest.mark.parametrize(("token", "reason"), BAD.values(), ids=BAD)
def test_the_reason_is_the_right_one(authenticator, token, reason):
    text = token if isinstance(token, bytes) else token.encode()

    with pytest.raises(Unauthenticated) as caught:
        who(authenticator, [(b"authorization", b"Bearer " + text)])

    assert caught.value.reason.startswith(reason)


@pytest.fixture(scope="module")
def authenticator(tmp_path_factory):
    config = configuration(tmp_path_factory.mktemp("direct"))
    return Authenticator(config.orgs.values(), Clock(), config.server, use_once=no_store)


AUTHORIZATIONS = {
    "none": [],
    "empty": [("Authorization", "")],
    "no_scheme": [("Authorization", GOOD_TOKEN)],
    "no_token": [("Authorization", "Bearer")],
    "no_token_but_a_space": [("Authorization", "Bearer ")],
    "basic": [("Authorization", "Basic dXNlcjpwYXNz")],
    "other_scheme": [("Authorization", f"Token {GOOD_TOKEN}")],
    "two_spaces": [("Authorization", f"Bearer  {GOOD_TOKEN}")],
    "tab": [("Authorization", f"Bearer\t{GOOD_TOKEN}")],
    "twice_the_same": [("Authorization", f"Bearer {GOOD_TOKEN}")] * 2,
    "good_then_basic": [("Authorization", f"Bearer {GOOD_TOKEN}"), ("Authorization", "Basic x")],
    "basic_then_good": [("Authorization", "Basic x"), ("authorization", f"Bearer {GOOD_TOKEN}")],
    "proxy_header": [("Proxy-Authorization", f"Bearer {GOOD_TOKEN}")],
    "cookie": [("Cookie", f"access_token={GOOD_TOKEN}")],
    "other_org_header": [("Authorization", f"Bearer {GOOD_TOKEN}"), ("X-Salesforce-Org-Id", LIVE_ORG)],
    "broken_org_header": [("Authorization", f"Bearer {GOOD_TOKEN}"), ("X-Salesforce-Org-Id", "acme")],
    "empty_org_header": [("Authorization", f"Bearer {GOOD_TOKEN}"), ("X-Salesforce-Org-Id", "")],
    "two_org_headers": [("Authorization", f"Bearer {GOOD_TOKEN}"), *[("X-Salesforce-Org-Id", ORG)] * 2],
    "odd_sandbox_flag": [("Authorization", f"Bearer {GOOD_TOKEN}"), ("X-Salesforce-Sandbox", "maybe")],
    "two_sandbox_flags": [("Authorization", f"Bearer {GOOD_TOKEN}"), *[("X-Salesforce-Sandbox", "true")] * 2],
    "live_org_says_sandbox": [("Authorization", f"Bearer {LIVE_TOKEN}"), ("X-Salesforce-Sandbox", "true")],
}


@pytest.mark.parametrize("headers", AUTHORIZATIONS.values(), ids=AUTHORIZATIONS)
def test_bad_headers_around_a_good_token_are_refused(edge, headers):
    before = len(edge.reached)

    answer, body = edge.post(BODY, token=None, headers=headers)

    assert_refused(edge, before, answer, body)


def test_a_token_in_the_address_counts_for_nothing(edge):
    before = len(edge.reached)

    answer, body = edge.post(BODY, token=None, path=f"/v1/orders?access_token={GOOD_TOKEN}")

    assert_refused(edge, before, answer, body)


def test_the_log_has_the_reason_and_not_the_token(authenticator):
    stream = io.StringIO()
    configure(stream=stream)
    token = BAD["aud_other"][0].encode()

    with pytest.raises(Unauthenticated):
        who(authenticator, [(b"authorization", b"Bearer " + token)])
    configure()

    event = json.loads(stream.getvalue())
    assert (event["event"], event["reason"]) == ("auth.refused", "aud_differs")
    assert token.decode()[:40] not in stream.getvalue()
