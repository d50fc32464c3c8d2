"""Salesforce's answer per row, and what becomes of the row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.connectors.salesforce_types import Flaw, GraphAnswer, SaveResult, SubAnswer
from gateway.engine.mirror import MirrorRow
from gateway.writeback.outcomes import judge, of_stamps, of_truth, too_many
from gateway.writeback.payload import Stamps, Truth, compose
from tests.writeback.rows import failed, row, stamp

RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def fate(row_: MirrorRow, code: str, message: str = "Closed records may not change", *, alone: bool = False) -> str:
    return judge(row_, Flaw(code, message), alone=alone).state


def test_a_lock_is_tried_again_within_seconds_and_for_days() -> None:
    first = judge(row(), Flaw("UNABLE_TO_LOCK_ROW", ""), chance=0.5)
    late = judge(failed(row(), "UNABLE_TO_LOCK_ROW", attempts=60), Flaw("UNABLE_TO_LOCK_ROW", ""), chance=0.5)

    assert (first.state, first.after) == ("dirty", 1.0)
    assert (late.state, late.after) == ("dirty", 3600.0)
    assert fate(failed(row(), "UNABLE_TO_LOCK_ROW", attempts=89), "UNABLE_TO_LOCK_ROW") == "dead"


def test_an_approval_lock_parks_for_five_minutes_up_to_an_hour_and_never_dies() -> None:
    waits = [judge(failed(stamp(), "ENTITY_IS_LOCKED", attempts=n), Flaw("ENTITY_IS_LOCKED", ""), chance=0.5)
             for n in (0, 1, 10, 10_000)]  # fmt: skip

    assert [(each.state, each.after) for each in waits] == [
        ("parked", 300.0), ("parked", 600.0), ("parked", 3600.0), ("parked", 3600.0)
    ]  # fmt: skip


@pytest.mark.parametrize("code", [RULE, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"])
def test_a_rule_or_trigger_may_only_kill_a_row_that_went_by_itself(code: str) -> None:
    assert fate(row(), code) == "dirty"
    assert fate(failed(row(), code), code) == "dirty"
    assert fate(failed(row(), code), code, alone=True) == "dead"


def test_a_dead_row_keeps_the_rules_own_words() -> None:
    outcome = judge(failed(row(), RULE), Flaw(RULE, "Closed records may not change"), alone=True)

    assert (outcome.code, outcome.message) == (RULE, "Closed records may not change")


def test_a_permanent_error_waits_a_minute_so_that_an_outbreak_shows() -> None:
    outcome = judge(row(), Flaw("INVALID_FIELD", "No such column"))

    assert (outcome.state, outcome.after) == ("dirty", 60.0)


@pytest.mark.parametrize("code", ["ENTITY_IS_DELETED", "NOT_FOUND"])
def test_the_stamp_of_a_deleted_record_is_dead_at_once_and_truth_is_not(code: str) -> None:
    assert fate(stamp(), code) == "dead"
    assert fate(row(), code) == "dirty"


def test_the_answer_to_a_row_of_the_outbox_outlives_the_account_it_points_to() -> None:
    answer = replace(row(), key="a00000000000001AAA", id_field="Id")

    assert [fate(failed(answer, "ENTITY_IS_DELETED", attempts=n), "ENTITY_IS_DELETED") for n in (0, 1, 2)] == [
        "dirty",
        "dirty",
        "dead",
    ]


def test_truth_of_a_deleted_record_dies_only_without_its_lookups() -> None:
    fates = [fate(failed(row(), "ENTITY_IS_DELETED", attempts=n), "ENTITY_IS_DELETED", alone=True) for n in (0, 1, 2)]

    assert fates == ["dirty", "dirty", "dead"]


def truth(*rows_: MirrorRow) -> Truth:
    [parcel] = compose(rows_)
    assert isinstance(parcel, Truth)
    return parcel


HALTED = [{"errorCode": "PROCESSING_HALTED", "message": "rolled back"}]


def test_a_failed_graph_blames_one_row_and_sends_the_others_again() -> None:
    parcel = truth(row("us:in_1"), row("us:in_2"))
    [first, second] = [node.ref for node in parcel.graphs[0].nodes]
    refused = SubAnswer(second, 400, [{"errorCode": RULE, "message": "no"}])

    outcomes = list(of_truth(parcel, [GraphAnswer("g0", False, (SubAnswer(first, 400, HALTED), refused))]))

    assert [(each.row.key, each.state, each.code) for each in outcomes] == [
        ("us:in_1", "unsent", ""), ("us:in_2", "dirty", RULE)
    ]  # fmt: skip


def test_a_halted_graph_goes_again_at_once() -> None:
    parcel = truth(row())
    [node] = parcel.graphs[0].nodes

    [outcome] = of_truth(parcel, [GraphAnswer("g0", False, (SubAnswer(node.ref, 400, HALTED),))])

    assert outcome.state == "unsent"


def test_a_graph_without_an_answer_stays_uncertain() -> None:
    assert list(of_truth(truth(row()), [])) == []


def test_a_written_graph_is_written() -> None:
    parcel = truth(row())
    [node] = parcel.graphs[0].nodes

    [outcome] = of_truth(parcel, [GraphAnswer("g0", True, (SubAnswer(node.ref, 201, {"id": "a01"}),))])

    assert outcome.state == "written"


def results(*codes: str | None) -> tuple[Stamps, list[SaveResult]]:
    rows_ = tuple(stamp() for _ in codes)
    answers = [
        SaveResult("006", True) if code is None else SaveResult(None, False, (Flaw(code, "no"),)) for code in codes
    ]
    return Stamps(tuple({} for _ in codes), rows_), answers


def test_stamps_are_judged_each_for_itself() -> None:
    outcomes = of_stamps(*results(None, "ENTITY_IS_LOCKED", RULE, None, None))

    assert [each.state for each in outcomes] == ["written", "parked", "dirty", "written", "written"]
    assert not too_many(outcomes)


def test_a_batch_that_a_trigger_refuses_as_a_whole_blames_nobody() -> None:
    trigger = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"

    outcomes = of_stamps(*results(trigger, trigger, "ENTITY_IS_LOCKED"))

    assert [each.state for each in outcomes] == ["unsent", "unsent", "parked"]
    assert too_many(outcomes)
