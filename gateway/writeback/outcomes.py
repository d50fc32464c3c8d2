"""Salesforce's answer about a row, and what becomes of the row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.connectors.salesforce_errors import Fault, classify, words
from gateway.connectors.salesforce_types import Flaw, GraphAnswer, SaveResult
from gateway.engine.mirror import MirrorRow
from gateway.engine.retry import RetryPolicy
from gateway.writeback.payload import OWNER, Stamps, Truth, suspect

PASSING = RetryPolicy(first=1, factor=2, cap=3600, attempts=90, jitter=0.5)  # locks and the like: more than three days
LOCKED = RetryPolicy(first=300, factor=2, cap=3600, attempts=1 << 30, jitter=0.1)  # as long as the approval takes
FEW = 3  # tries of a duplicate, and of a row whose source record was merged or deleted
PERMANENT_AGAIN = 60.0  # long enough for an outbreak to be told from a single failure

HALTED = "PROCESSING_HALTED"
GONE = {"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What becomes of one row.

    ``written`` · ``unsent``: not looked at, goes again at once · ``dirty``, ``parked``: again ``after`` seconds ·
    ``dead``: a person must look; ``message`` has the rule's own words.
    """

    row: MirrorRow
    state: Literal["written", "unsent", "dirty", "parked", "dead"]
    code: str = ""
    message: str = ""
    after: float = 0.0
    fault: Fault | None = None


def of_truth(parcel: Truth, answers: Sequence[GraphAnswer]) -> Iterator[Outcome]:
    """One outcome per row that was answered; rows without an answer stay uncertain."""
    for graph in answers:
        for node in graph.nodes:
            row = parcel.rows.get(node.ref)
            if row is None:
                continue
            if graph.successful:
                yield Outcome(row, "written")
            elif node.ok or not node.errors or node.errors[0].code == HALTED:
                yield Outcome(row, "unsent")
            else:
                yield judge(row, node.errors[0], alone=parcel.alone)


def of_stamps(parcel: Stamps, results: Sequence[SaveResult]) -> list[Outcome]:
    """One outcome per record, in order."""
    outcomes = [_stamped(row, result) for row, result in zip(parcel.stamped, results, strict=True)]
    together = sum(outcome.fault is Fault.ALONE for outcome in outcomes)
    if len(outcomes) > 1 and together * 2 >= len(outcomes):
        # A trigger that cannot bear so many records at once refuses them all: nobody in particular is to blame.
        return [
            Outcome(each.row, "unsent", fault=Fault.ALONE) if each.fault is Fault.ALONE else each for each in outcomes
        ]
    return outcomes


def too_many(outcomes: Sequence[Outcome]) -> bool:
    """Whether a batch was refused as a batch."""
    return any(outcome.state == "unsent" and outcome.fault is Fault.ALONE for outcome in outcomes)


def _stamped(row: MirrorRow, result: SaveResult) -> Outcome:
    if result.success:
        return Outcome(row, "written")
    return judge(row, result.errors[0] if result.errors else Flaw("UNKNOWN_EXCEPTION", ""))


def judge(row: MirrorRow, flaw: Flaw, *, alone: bool = False, chance: float | None = None) -> Outcome:
    """What a refused row does next; ``alone`` tells that nothing else was in its transaction."""
    fault, attempts = classify(flaw.code, flaw.message), row.attempts + 1
    if fault is Fault.OWNER and OWNER not in row.fields:
        fault = Fault.PERMANENT  # of the org's own making: we did not name anybody
    if row.stamp and flaw.code in GONE:
        return _dead(row, flaw, fault, f"The record was deleted or merged in Salesforce: {words(flaw)}")
    if fault in {Fault.RETRY, Fault.REFRESH, Fault.PARK_LIMIT}:
        if PASSING.exhausted(attempts):
            return _dead(row, flaw, fault, words(flaw))
        return _again(row, flaw, fault, PASSING.delay(attempts, chance))
    if fault is Fault.LOCKED:
        return Outcome(row, "parked", flaw.code, words(flaw), LOCKED.delay(attempts, chance), fault)
    if fault is Fault.OWNER:
        return _again(row, flaw, fault, 0.0)
    dies = attempts >= FEW if fault in {Fault.DUPLICATE, Fault.RELINK} else alone and suspect(row)
    if dies:
        return _dead(row, flaw, fault, words(flaw))
    return _again(row, flaw, fault, PERMANENT_AGAIN if fault is Fault.PERMANENT else 0.0)


def _again(row: MirrorRow, flaw: Flaw, fault: Fault, after: float) -> Outcome:
    return Outcome(row, "dirty", flaw.code, words(flaw), after, fault)


def _dead(row: MirrorRow, flaw: Flaw, fault: Fault, message: str) -> Outcome:
    return Outcome(row, "dead", flaw.code, message, fault=fault)
