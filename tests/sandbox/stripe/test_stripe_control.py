"""The control API: what it does not understand it refuses with words, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.stripe_sim import KEY, StripeSim

WRONG: list[tuple[str, Any, str]] = [
    ("latency", {"seconds": "slow"}, "seconds must be a number"),
    ("latency", {"seconds": -1}, "seconds must be a number"),
    ("latency", {"second": 1}, "unknown members: second"),
    ("outage", {"down": "x"}, "down must be true or false"),
    ("clock", {"advance": 1e300}, "advance must be a number"),
    ("clock", {"advance": -1}, "advance must be a number"),
    ("clock", {"advance": None}, "advance must be a number"),
    ("faults", {"kind": "http_500", "times": "often"}, "cannot be understood"),
    ("faults", {"kind": "http_500", "match": 5}, "cannot be understood"),
    ("faults", {"kind": "hang", "seconds": "x"}, "seconds must be a number"),
    ("faults", {"kind": "http_500", "extra": 5}, "cannot be understood"),
    ("rate_limits", {"per_endpoint": "x"}, "per_endpoint must be a number"),
    ("rate_limits", {"on": 1}, "on must be true or false"),
    ("settings", {"lines_per_call": 0}, "lines_per_call must be a number from 1"),
    ("settings", {"lines_per_call": "x"}, "lines_per_call must be a number from 1"),
    ("settings", {"lines_per_cal": 5}, "unknown members: lines_per_cal"),
    ("webhooks", {"pause": True}, "unknown members: pause"),
    ("webhooks", {"paused": "yes"}, "paused must be true or false"),
    ("refunds", {"next": 5}, "a refund is one of"),
    ("disputes", {"charge": 5}, "charge must be a text"),
    ("latency", [], "must be a JSON object"),
]


@pytest.mark.parametrize(("path", "body", "words"), WRONG, ids=[f"{path}-{n}" for n, (path, *_) in enumerate(WRONG)])
def test_what_makes_no_sense_is_a_400_with_words(sim: StripeSim, path: str, body: Any, words: str) -> None:
    answer = requests.post(f"{sim.url}/_control/{path}", json=body, timeout=10)

    assert answer.status_code == 400, answer.text
    assert words in answer.text
    assert sim.control("/settings")["lines_per_call"] == 250


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 40])
def test_the_log_is_asked_from_a_number_on(sim: StripeSim, after: str) -> None:
    answer = requests.get(f"{sim.url}/_control/requests", params={"after": after}, timeout=10)

    assert answer.status_code == 400
    assert "whole number" in answer.text


@pytest.mark.parametrize("amount", ["x", 0, -1, 1.5, True])
def test_a_payment_is_over_a_whole_amount(sim: StripeSim, amount: Any) -> None:
    invoice = sim.open_invoice(10_000)

    answer = requests.post(f"{sim.url}/_control/invoices/{invoice['id']}/pay", json={"amount": amount}, timeout=10)

    assert answer.status_code == 400
    assert sim.get(f"/v1/invoices/{invoice['id']}")["status"] == "open"


def test_the_key_may_come_as_user_name(sim: StripeSim) -> None:
    known = requests.get(f"{sim.url}/v1/account", auth=(KEY, ""), timeout=10)
    unknown = requests.get(f"{sim.url}/v1/account", auth=("sk_test_nobody", ""), timeout=10)
    broken = requests.get(f"{sim.url}/v1/account", headers={"Authorization": "Basic ***"}, timeout=10)

    assert (known.status_code, unknown.status_code, broken.status_code) == (200, 401, 401)
    assert known.json()["id"] == "acct_main"


def test_what_is_not_simulated_of_v2_is_refused_as_an_error_object(sim: StripeSim) -> None:
    answer = requests.get(
        f"{sim.url}/v2/core/accounts/acct_main", headers={"Authorization": f"Bearer {KEY}"}, timeout=10
    )

    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "/v2/core/accounts" in answer.json()["error"]["message"]
