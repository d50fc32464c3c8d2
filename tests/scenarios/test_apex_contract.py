"""
The callouts the Apex classes make, replayed against the composed application as Salesforce would make them.

Apex cannot run here. Its tests assert these very fixtures (salesforce_metadata/tests/fixtures), `tests/metadata` ties
their members to the classes, and this file proves that the gateway takes the requests and gives such answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

import jwt
import pytest
import requests

from gateway.app import build
from gateway.config import load
from gateway.sandbox.identity import KID, ORG, REP, KeyPair
from gateway.sandbox.wire import Server
from tests.scenarios.apex_cases import CASES, Case, filled, fixture, places
from tests.scenarios.lab import QUICK, Lab

# What differs from run to run; everything else of an answer is compared by value.
OWN_EVERY_TIME = {"action_id", "request_id", "stripe_id", "number", "url", "user_message", "preview_token"}


@pytest.fixture
def gateway(sqlite_lab: Lab) -> Iterator[str]:
    made = build(load(sqlite_lab.config_file, {}))
    made.tools.patience = QUICK
    with Server(made.app) as server:
        yield server.url


class Org:
    """The named credential: signs as Salesforce does, with what it knows of itself in headers."""

    def __init__(self, lab: Lab, url: str, sub: str = REP, key: str | None = None) -> None:
        self.url = url
        self.sub = sub
        self.key = key or lab.identity.calls.private

    def __call__(self, method: str, path: str, headers: dict[str, str], body: Any) -> requests.Response:
        now = int(time.time())
        claims = {"iss": ORG, "sub": self.sub, "aud": "stripe-gateway", "iat": now, "nbf": now, "exp": str(now + 120)}
        token = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KID})
        own = {"Authorization": f"Bearer {token}", "X-Salesforce-Org-Id": ORG, "X-Salesforce-Sandbox": "true"}
        return requests.request(method, self.url + path, json=body, headers=headers | own, timeout=30)

    def act(self, action: str, body: Any, key: str) -> dict[str, Any]:
        answer = self("POST", f"/v1/actions/{action}", {"Idempotency-Key": key}, body)
        told: dict[str, Any] = answer.json()
        return told


@pytest.mark.parametrize("name", CASES)
def test_the_gateway_answers_the_callout_as_the_apex_tests_say(name: str, sqlite_lab: Lab, gateway: str) -> None:
    expected = fixture(name)["response"]

    answer, known = replayed(name, CASES[name], sqlite_lab, gateway)

    assert answer.status_code == expected["status"], answer.text
    compare(filled(expected["body"], known), answer.json(), "body", OWN_EVERY_TIME | CASES[name].varies)


def replayed(name: str, case: Case, lab: Lab, url: str) -> tuple[requests.Response, dict[str, str]]:
    """The fixture's request, sent; and what its placeholders stood for."""
    known = places(lab)
    person = Org(lab, url)
    known |= case.before(lab, lambda action, body, key: person.act(action, filled(body, known), key)) or {}
    asked = filled(fixture(name)["request"], known)
    headers = asked["headers"] | ({"Prefer": case.patience} if case.patience else {})
    signer = None if case.trusted else KeyPair.make().private
    return Org(lab, url, case.sub, signer)(asked["method"], asked["path"], headers, asked.get("body")), known


def compare(expected: Any, actual: Any, path: str, varies: AbstractSet[str]) -> None:
    """Same members, same types, same values but for what varies."""
    assert type(actual) is type(expected), f"{path}: {actual!r} is not like {expected!r}"
    if isinstance(expected, dict):
        assert list(actual) == list(expected), path
        for member, value in expected.items():
            compare(value, actual[member], f"{path}.{member}", varies)
    elif isinstance(expected, list):
        assert len(actual) == len(expected), path
        for n, value in enumerate(expected):
            compare(value, actual[n], f"{path}[{n}]", varies)
    elif path.rpartition(".")[2] not in varies:
        assert actual == expected, path
