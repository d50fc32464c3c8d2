"""Faults on demand: what the caller sees, and whether the effect happened."""

from __future__ import annotations

import pytest
import requests

from tests.support.stripe_sim import StripeSim

# Fault -> (is the customer made?, what the caller sees: a status, or no answer at all)
MATRIX = {
    "drop_before": (False, None),
    "drop_after": (True, None),
    "hang": (False, None),
    "hang_after": (True, None),
    "truncated": (True, None),
    "half_json": (True, "unreadable"),
    "drip": (True, 200),
    "html_200": (True, "unreadable"),
    "empty_200": (True, "unreadable"),
    "http_429": (False, 429),
    "http_500": (False, 500),
    "http_500_cached": (False, 500),
    "http_502": (False, "unreadable"),
    "http_503": (False, "unreadable"),
    "http_400": (False, 400),
    "http_401": (False, 401),
    "http_403": (False, 403),
    "http_409_lock": (False, 409),
    "http_429_lock_timeout": (False, 429),
}


def seen(sim: StripeSim) -> int | str | None:
    try:
        return sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1").status
    except requests.exceptions.JSONDecodeError:
        return "unreadable"
    except requests.exceptions.RequestException:
        return None


@pytest.mark.parametrize("kind", MATRIX)
def test_each_fault_shows_as_promised_and_a_repeat_of_the_key_ends_with_one_customer(sim: StripeSim, kind: str) -> None:
    happened, shows = MATRIX[kind]
    sim.fault(kind, seconds=0.3 if "hang" in kind else 0.0001)

    assert seen(sim) == shows
    assert len(sim.objects("customer")) == int(happened)

    repeat = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    if repeat.status == 200:
        assert repeat.replayed is happened
        assert len(sim.objects("customer")) == 1
    else:
        assert repeat.replayed


@pytest.mark.parametrize("kind", ["http_502", "http_503", "http_500", "drop_before"])
def test_a_fault_can_strike_after_the_effect_instead(sim: StripeSim, kind: str) -> None:
    sim.fault(kind, when="after")

    assert seen(sim) != 200
    assert len(sim.objects("customer")) == 1


def test_a_fault_strikes_only_what_it_matches_and_only_as_often_as_asked(sim: StripeSim) -> None:
    sim.fault("http_500", path="/v1/customers*", times=2, after=1)

    statuses = [sim.call("POST", "/v1/customers", {"name": "Acme"}).status for _ in range(4)]

    assert statuses == [200, 500, 500, 200]
    assert sim.call("GET", "/v1/customers").status == 200


def test_a_standing_fault_ends_when_the_table_is_cleared(sim: StripeSim) -> None:
    sim.fault("http_503", method="*", times=None)
    struck = [seen(sim), seen(sim)]
    sim.control("/faults", "DELETE")

    assert struck == ["unreadable", "unreadable"]
    assert seen(sim) == 200


def test_an_outage_resets_every_connection_until_it_is_over(sim: StripeSim) -> None:
    sim.control("/outage", down=True)
    struck = seen(sim)
    sim.control("/outage", down=False)

    assert struck is None
    assert sim.objects("customer") == []
    assert seen(sim) == 200


def test_retry_after_can_be_sent_along(sim: StripeSim) -> None:
    sim.fault("http_429", extra={"retry_after": 7})

    assert sim.call("POST", "/v1/customers", {}).headers["retry-after"] == "7"


@pytest.mark.parametrize(
    "spec", [{"kind": "nonsense"}, {"kind": "hang", "wen": "after"}, {"kind": "hang", "match": {"verb": "POST"}}]
)
def test_a_fault_that_cannot_be_understood_is_refused(sim: StripeSim, spec: dict[str, object]) -> None:
    answer = sim.session.post(f"{sim.url}/_control/faults", json=spec, timeout=5)

    assert answer.status_code == 400


def test_every_request_is_on_record_with_what_became_of_it(sim: StripeSim) -> None:
    sim.call("POST", "/v1/customers", {"name": "Acme", "metadata": {"a": "b"}}, key="k1")
    sim.fault("drop_after")
    seen(sim)

    first, second = sim.control("/requests", "GET")

    assert (first["method"], first["path"], first["status"]) == ("POST", "/v1/customers", 200)
    assert first["params"] == {"name": "Acme", "metadata[a]": "b"}
    assert first["idempotency_key"] == "k1"
    assert "authorization" not in first["headers"]
    assert (second["status"], second["fault"]) == (0, "drop_after")
    assert sim.session.get(f"{sim.url}/_control/requests?after={first['n']}", timeout=5).json() == [second]


def test_the_clock_moves_forward_only(sim: StripeSim) -> None:
    before = sim.control("/clock", "GET")["now"]
    after = sim.control("/clock", advance=3600)["now"]

    assert after - before >= 3600
    assert sim.session.post(f"{sim.url}/_control/clock", json={"advance": -1}, timeout=5).status_code == 400
    assert sim.customer()["created"] >= int(after)


def test_latency_is_spent_before_the_answer(sim: StripeSim) -> None:
    sim.control("/latency", seconds=0.2)

    answer = sim.session.get(f"{sim.url}/v1/customers", headers={"Authorization": "Bearer sk_test_sandbox"}, timeout=5)

    assert answer.elapsed.total_seconds() >= 0.2


def test_a_reset_empties_the_world(sim: StripeSim) -> None:
    sim.customer()
    sim.fault("http_500", times=None)

    sim.control("/reset")

    assert sim.objects("customer") == []
    assert sim.call("POST", "/v1/customers", {}).status == 200
    assert sim.session.get(f"{sim.url}/_control/objects/unicorn", timeout=5).status_code == 404
