"""Idempotency keys: what is remembered, what is replayed, what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.stripe_sim import LIVE_KEY, OTHER_KEY, StripeSim

DAY = 24 * 3600


def test_a_repeat_with_the_same_key_gets_the_first_answer_and_makes_nothing(sim: StripeSim) -> None:
    first = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    second = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert second.body == first.body
    assert second.replayed
    assert not first.replayed
    assert second.headers["original-request"] == first.headers["request-id"]
    assert len(sim.objects("customer")) == 1


def test_other_parameters_under_the_same_key_are_an_error(sim: StripeSim) -> None:
    sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    reply = sim.call("POST", "/v1/customers", {"name": "Apex"}, key="k1")

    assert reply.status == 400
    assert reply.error["type"] == "idempotency_error"


def test_another_endpoint_under_the_same_key_is_an_error(sim: StripeSim) -> None:
    invoice = sim.draft(500)
    sim.call("POST", f"/v1/invoices/{invoice['id']}/finalize", key="k1")

    reply = sim.call("POST", f"/v1/invoices/{invoice['id']}/send", key="k1")

    assert (reply.status, reply.error["type"]) == (400, "idempotency_error")


def test_the_order_of_parameters_does_not_matter(sim: StripeSim) -> None:
    sim.call("POST", "/v1/customers", {"name": "Acme", "phone": "1"}, key="k1")

    assert sim.call("POST", "/v1/customers", {"phone": "1", "name": "Acme"}, key="k1").replayed


def test_a_request_that_fails_validation_leaves_its_key_free(sim: StripeSim) -> None:
    refused = sim.call("POST", "/v1/customers", {"nmae": "Acme"}, key="k1")
    accepted = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert refused.status == 400
    assert accepted.status == 200
    assert not accepted.replayed


def test_a_refusal_of_the_endpoint_is_remembered(sim: StripeSim) -> None:
    first = sim.call("POST", "/v1/refunds", {"charge": "ch_unknown"}, key="k1")
    second = sim.call("POST", "/v1/refunds", {"charge": "ch_unknown"}, key="k1")

    assert (first.status, first.error["code"]) == (400, "resource_missing")
    assert second.replayed
    assert second.body == first.body


def test_a_500_after_the_effect_is_replayed_and_the_effect_stays(sim: StripeSim) -> None:
    sim.fault("http_500", when="after")

    first = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    second = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert (first.status, second.status) == (500, 500)
    assert second.replayed
    assert len(sim.objects("customer")) == 1


def test_a_500_before_the_endpoint_began_is_forgotten(sim: StripeSim) -> None:
    sim.fault("http_500")

    first = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    second = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert (first.status, second.status) == (500, 200)
    assert not second.replayed


@pytest.mark.parametrize("kind", ["http_500_cached", "http_429_lock_timeout"])
def test_a_poisoned_key_replays_an_error_that_had_no_effect(sim: StripeSim, kind: str) -> None:
    sim.fault(kind)

    first = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    second = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert first.status == second.status >= 400
    assert second.replayed
    assert sim.objects("customer") == []


@pytest.mark.parametrize("kind", ["http_429", "http_409_lock", "http_401", "http_403"])
def test_what_is_refused_before_the_key_is_looked_at_is_forgotten(sim: StripeSim, kind: str) -> None:
    sim.fault(kind)

    first = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    second = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert first.status == int(kind[5:8])
    assert second.status == 200


def test_a_key_in_use_is_a_409(sim: StripeSim) -> None:
    sim.fault("slow", seconds=5.0, times=2)

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(sim.call, "POST", "/v1/customers", {"name": "Acme"}, key="k1") for _ in range(2)]
        winner, loser = sorted((job.result() for job in jobs), key=lambda reply: reply.status)

    assert winner.status == 200
    assert (loser.status, loser.error["code"]) == (409, "idempotency_key_in_use")
    assert len(sim.objects("customer")) == 1


def test_a_key_is_new_again_after_a_day(sim: StripeSim) -> None:
    first = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    sim.control("/clock", advance=DAY + 1)

    second = sim.call("POST", "/v1/customers", {"name": "Apex"}, key="k1")

    assert second.status == 200
    assert second.body["id"] != first.body["id"]


@pytest.mark.parametrize("other", [OTHER_KEY, LIVE_KEY])
def test_keys_of_other_accounts_and_modes_are_separate(sim: StripeSim, other: str) -> None:
    sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert not sim.call("POST", "/v1/customers", {"name": "Apex"}, key="k1", api_key=other).replayed


def test_a_key_longer_than_255_characters_is_refused(sim: StripeSim) -> None:
    assert sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k" * 256).status == 400


def test_reading_and_deleting_ignore_the_key(sim: StripeSim) -> None:
    customer = sim.customer()

    sim.ok("GET", f"/v1/customers/{customer['id']}", key="k1")
    again = sim.call("GET", "/v1/customers", key="k1")

    assert again.status == 200
    assert not again.replayed
