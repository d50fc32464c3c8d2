"""Delays grow to their cap, spread by their jitter; budgets count attempts."""

import pytest

from gateway.engine.retry import INTERACTIVE, PATIENT, STANDING, RetryPolicy


def test_delays_double_up_to_the_cap():
    policy = RetryPolicy(first=5, factor=2, cap=60, jitter=0)

    assert [policy.delay(attempts) for attempts in range(1, 7)] == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize(("chance", "delay"), [(0.0, 80.0), (0.5, 100.0), (1.0, 120.0)])
def test_jitter_spreads_around_the_delay(chance, delay):
    assert RetryPolicy(first=100, jitter=0.2).delay(1, chance) == pytest.approx(delay)


def test_a_thousand_attempts_are_still_a_number():
    assert PATIENT.delay(1000, 0.5) == 3600


def test_the_budget_is_a_number_of_attempts():
    policy = RetryPolicy(attempts=3)

    assert [policy.exhausted(attempts) for attempts in (1, 2, 3, 4)] == [False, False, True, True]


def test_the_patient_policy_outlasts_three_days_and_the_interactive_one_does_not_bore():
    def total(policy):
        return sum(policy.delay(attempts, 0.0) for attempts in range(1, policy.attempts))

    assert total(PATIENT) > 3 * 86400
    assert INTERACTIVE.delay(1, 1.0) < 1


def test_a_standing_job_is_never_given_up_nor_put_off_by_what_failed_long_ago():
    assert not STANDING.exhausted(1_000_000)
    assert STANDING.delay(1_000_000, 0.5) == STANDING.delay(1, 0.5) == 60
