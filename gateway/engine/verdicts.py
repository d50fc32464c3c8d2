"""What a handler answers about its job. A ``commit`` runs in the transaction that ends or changes the job, fenced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.engine.lanes import Claim
from gateway.prepared import Question

Commit = Callable[[Connection], object]


@dataclass(frozen=True, slots=True)
class Done:
    """
    Finished: the row goes, the lane passes on, whoever waits for it is woken.

    ``touches`` names what the commit contends for beside the lane (see Store.write). ``proves``: a probe that ends so
    closes its circuit; not where it ended without having tried. ``questions``: what ``commit`` is going to ask (see
    `gateway.prepared.ask_ahead`).
    """

    commit: Commit | None = None
    touches: tuple[str, ...] = ()
    proves: bool = True
    questions: Sequence[Question] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """
    Failed, again later: counts an attempt, and keeps the lane unless ``keep_lane`` says otherwise (see Snooze).

    ``after`` (seconds) overrides the kind's policy. When the budget is used up the job dies instead, and
    ``exhausted`` runs in place of ``commit``.
    """

    error_code: str
    error: str
    after: float | None = None
    commit: Commit | None = None
    exhausted: Commit | None = None
    keep_lane: bool = True


@dataclass(frozen=True, slots=True)
class Snooze:
    """
    Later, without using an attempt: ``after`` seconds.

    With ``keep_lane`` (the job has sent something) nothing overtakes it; without, it leaves its lane and rejoins at
    the end. ``scope`` parks it with that circuit: it waits as long as the circuit is open.
    """

    after: float
    error_code: str | None = None
    error: str | None = None
    keep_lane: bool = True
    scope: str | None = None
    commit: Commit | None = None


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Give up the slot, keep the lane, go on when that job has ended or died (at once if it already has)."""

    job_id: str
    commit: Commit | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """No use trying again: a human must look."""

    error_code: str
    error: str
    commit: Commit | None = None


Verdict = Done | Retry | Snooze | WaitFor | Dead
Handler = Callable[[Claim], Awaitable[Verdict]]
