"""When to send, and how much at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.writeback.pace import Pace
from gateway.writeback.queue import Look, Waiting
from tests.writeback.rows import row

NOW = 1000.0


def click(age: float = 0.0, graphs: int = 1, stamps: int = 1) -> Look:
    return Look(front=Waiting(graphs, stamps, age, age))


def event(age: float = 0.0, graphs: int = 1) -> Look:
    return Look(front=Waiting(graphs, 0, age))


def test_an_owner_that_salesforce_refused_is_not_named_again_for_an_hour() -> None:
    pace = Pace()
    mine, theirs = (row(fields={"OwnerId": owner, "Status__c": "Open"}) for owner in ("005a", "005b"))

    pace.cannot_own(mine, NOW)

    assert pace.owned(mine, NOW + 3599).fields == {"Status__c": "Open"}
    assert pace.owned(theirs, NOW).fields == theirs.fields
    assert pace.owned(replace(mine, sobject="Stripe_Refund__c"), NOW).fields == mine.fields
    assert pace.owned(mine, NOW + 3600).fields == mine.fields


def test_a_click_after_silence_goes_at_once() -> None:
    assert Pace().turn(click(), NOW, None).wait == 0.0


def test_a_click_within_a_second_of_the_last_call_gathers_for_three() -> None:
    pace = Pace()
    pace.sent(NOW)

    assert pace.turn(click(), NOW + 0.5, None).wait == 3.0
    assert pace.turn(click(age=2.0), NOW + 2.5, None).wait == 1.0
    assert pace.turn(click(age=3.0), NOW + 3.5, None).wait == 0.0


def test_steady_clicks_make_one_call_in_three_seconds() -> None:
    pace, calls, waiting = Pace(), 0, []
    for tick in range(2000):  # 200 s, a click every 0.2 s, looked at every 0.1 s
        at = tick / 10
        if tick % 2 == 0:
            waiting.append(at)
        if waiting and pace.turn(click(at - waiting[0], len(waiting), len(waiting)), at, None).wait == 0:
            calls, waiting = calls + 1, []
            pace.sent(at)

    assert calls <= 100


def test_an_event_gathers_even_after_silence() -> None:
    assert Pace().turn(event(age=1.0), NOW, None).wait == 2.0


@pytest.mark.parametrize("look", [event(graphs=75), click(graphs=0, stamps=200)])
def test_a_full_call_goes_at_once(look: Look) -> None:
    pace = Pace()
    pace.sent(NOW)

    assert pace.turn(look, NOW, None).wait == 0.0


@pytest.mark.parametrize(
    ("used", "gather"), [(0, 3.0), (799, 3.0), (800, 60.0), (899, 60.0), (900, 900.0), (1000, 900.0)]
)
def test_background_rows_yield_when_the_api_budget_runs_low(used: int, gather: float) -> None:
    batch = Look(back=Waiting(500, 0, 0.0))
    pace = Pace()

    turn = pace.turn(batch, NOW, (used, 1000))

    assert turn.wait == (0.0 if gather == 3.0 else gather)
    assert pace.turn(Look(back=Waiting(1, 0, gather)), NOW, (used, 1000)).back


def test_a_click_goes_whatever_the_budget_and_leaves_the_background_behind() -> None:
    turn = Pace().turn(Look(Waiting(1, 1, 0.0, 0.0), Waiting(9, 9, 10.0)), NOW, (950, 1000))

    assert (turn.wait, turn.back) == (0.0, False)


def test_a_timeout_halves_the_call_and_success_brings_it_back() -> None:
    pace = Pace()
    for _ in range(9):
        pace.took_too_long()
    assert (pace.sizes.graphs, pace.sizes.nodes, pace.sizes.records) == (1, 1, 1)

    for _ in range(200):
        pace.sent(NOW)
    assert (pace.sizes.graphs, pace.sizes.nodes, pace.sizes.records) == (75, 500, 200)


def test_calls_that_come_to_nothing_rest_longer_and_longer() -> None:
    pace = Pace()

    rests = [pace.failed() for _ in range(8)]
    pace.sent(NOW)

    assert rests == [5, 10, 20, 40, 80, 160, 300, 300]
    assert pace.failed() == 5
