"""``/services/oauth2/token``: the assertion is really verified."""

import time
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.salesforce_org import CONSUMER_KEY, Maker, World, assertion, full, keys


def test_a_valid_assertion_gets_a_token_that_works(world: World):
    answer = world.token_answer(assertion=assertion())

    body = answer.json()
    assert answer.status_code == 200
    assert body["token_type"] == "Bearer"
    assert body["instance_url"] == world.url
    limits = requests.get(
        f"{world.base}/limits", headers={"Authorization": f"Bearer {body['access_token']}"}, timeout=10
    )
    assert limits.status_code == 200


def test_userinfo_names_org_and_user(world: World):
    token = world.token_answer(assertion=assertion()).json()["access_token"]

    info = requests.get(
        f"{world.url}/services/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )

    assert info.json()["organization_id"] == full("00DWs0000000001")
    assert info.json()["user_id"] == full("005Ws000001Gat1")


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"iss": "somebody.else"}, "invalid_client_id", "client identifier invalid"),
        ({"aud": "https://login.salesforce.com"}, "invalid_grant", "audience is invalid"),
        ({"aud": None}, "invalid_grant", "audience is invalid"),
        ({"sub": "nobody@northwind.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"sub": "left@northwind.example"}, "invalid_grant", "inactive user"),
        ({"exp": int(time.time()) - 60}, "invalid_grant", "expired authorization code"),
        ({"exp": int(time.time()) + 3600}, "invalid_grant", "invalid assertion"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
        ({"exp": None}, "invalid_grant", "invalid assertion"),
    ],
)
def test_a_wrong_claim_is_refused_in_salesforces_words(world: World, changes: Any, error: str, description: str):
    answer = world.token_answer(assertion=assertion(**changes))

    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_exp_may_be_a_number_too(world: World):
    assert world.token_answer(assertion=assertion(exp=int(time.time()) + 100)).status_code == 200


def test_another_key_is_refused(world: World):

    stranger = rsa.generate_private_key(65537, 2048)
    claims = {
        "iss": CONSUMER_KEY,
        "sub": "gateway@northwind.example",
        "aud": "https://test.salesforce.com",
        "exp": "9999999999",
    }

    answer = world.token_answer(assertion=jwt.encode(claims, stranger, algorithm="RS256"))

    assert answer.json() == {"error": "invalid_grant", "error_description": "invalid assertion"}


def test_an_unsigned_assertion_is_refused(world: World):
    claims = {"iss": CONSUMER_KEY, "sub": "gateway@northwind.example", "aud": "https://test.salesforce.com"}

    answer = world.token_answer(assertion=jwt.encode(claims, None, algorithm="none"))

    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"assertion": "x.y"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_malformed_request_is_refused(world: World, form: dict[str, str], error: str):
    assert world.token_answer(**form).json()["error"] == error


def test_a_user_the_app_does_not_list_is_not_approved(make_world: Maker):
    app = {"consumer_key": CONSUMER_KEY, "public_key": keys()[1], "approved": ["rep@northwind.example"]}
    world = make_world(app=app)

    answer = world.token_answer(assertion=assertion())

    assert answer.json()["error_description"] == "user hasn't approved this consumer"


def test_a_production_org_wants_the_login_host(make_world: Maker):
    world = make_world(is_sandbox=False)

    assert world.token_answer(assertion=assertion(aud="https://login.salesforce.com")).status_code == 200
    assert world.token_answer(assertion=assertion()).status_code == 400


def test_an_expired_session_is_401(world: World):
    token = world.token_answer(assertion=assertion()).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    world.control("sessions/expire", {})
    answer = requests.get(f"{world.base}/limits", headers=headers, timeout=10)

    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_session_ends_when_its_time_is_over(make_world: Maker):
    world = make_world()
    token = world.token_answer(assertion=assertion()).json()["access_token"]

    world.control("clock", {"advance": 7201})

    answer = requests.get(f"{world.base}/limits", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 401


def test_a_request_without_a_token_is_401(world: World):
    assert requests.get(f"{world.base}/limits", timeout=10).status_code == 401
