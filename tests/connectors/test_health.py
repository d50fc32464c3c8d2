"""When calls that come to nothing are an outage, and which calls an open circuit keeps from being begun."""

from __future__ import annotations

import pytest

from gateway.connectors.health import FAILURES, GAP_SECONDS, SPAN_SECONDS, Health, Probe, probing
from gateway.errors import CircuitOpen, GatewayError, Misconfigured, Unreachable

US, DE = "stripe:us", "stripe:de"
REFUNDS = "stripe:us:refund:POST /v1/refunds"


class HandClock:
    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time


def failures(health: Health, clock: HandClock, count: int, every: float, scope: str = US) -> list[GatewayError]:
    found = []
    for _ in range(count):
        found.append(health.failed(scope, Unreachable("stripe_unreachable", "Stripe cannot be reached."), "Look."))
        clock.time += every
    return found


def opens(found: list[GatewayError]) -> list[bool]:
    return [isinstance(each, Misconfigured) for each in found]


def test_five_failures_in_a_row_over_five_seconds_are_an_outage() -> None:
    clock = HandClock()

    found = failures(Health(clock), clock, FAILURES, SPAN_SECONDS / (FAILURES - 1))

    assert opens(found) == [False] * (FAILURES - 1) + [True]
    assert isinstance(found[-1], Misconfigured)
    assert (found[-1].code, found[-1].scope) == ("stripe_unreachable", US)
    assert found[-1].message == "Stripe cannot be reached. Look."


def test_any_number_of_failures_at_once_is_a_blip() -> None:
    clock = HandClock()

    assert not any(opens(failures(Health(clock), clock, 60, 0.01)))


def test_an_answer_in_between_begins_the_count_anew() -> None:
    clock = HandClock()
    health = Health(clock)

    before = failures(health, clock, FAILURES - 1, 2.0)
    health.answered(US, proves=())
    after = failures(health, clock, FAILURES - 1, 2.0)

    assert not any(opens(before + after))


def test_failures_long_apart_are_different_stories() -> None:
    clock = HandClock()

    assert not any(opens(failures(Health(clock), clock, 20, GAP_SECONDS + 1)))


def test_each_entity_is_counted_by_itself() -> None:
    clock = HandClock()
    health = Health(clock)

    mixed = [failures(health, clock, 1, 0.5, scope)[0] for scope in (US, DE) * (FAILURES - 1)]

    assert not any(opens(mixed))


def test_a_call_is_kept_back_by_the_circuits_it_hangs_on_and_no_other() -> None:
    health = Health(HandClock(), lambda: frozenset({REFUNDS}))

    health.admit(US, "stripe:us:billing", "stripe:us:billing:POST /v1/invoices")
    with pytest.raises(CircuitOpen) as raised:
        health.admit(US, "stripe:us:refund", REFUNDS)

    assert raised.value.scope == REFUNDS
    assert raised.value.retry_after == 60.0


def test_a_probe_passes_its_own_circuit_only() -> None:
    health = Health(HandClock(), lambda: frozenset({US, REFUNDS}))
    token = probing.set(Probe(US))
    try:
        health.admit(US)
        with pytest.raises(CircuitOpen):
            health.admit(US, REFUNDS)
    finally:
        probing.reset(token)


def test_an_answer_proves_the_probe_only_where_it_is_about_its_scope() -> None:
    health, probe = Health(HandClock()), Probe(REFUNDS)
    token = probing.set(probe)
    try:
        health.answered(US, proves=(US,))
        before = probe.answered
        health.answered(US, proves=(US, REFUNDS))
    finally:
        probing.reset(token)

    assert (before, probe.answered) == (False, True)
