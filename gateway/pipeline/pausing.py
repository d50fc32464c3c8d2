"""
The operator's pauses and actions: of what is paused nothing new is begun at Stripe, what has begun goes to its end.

An action that has sent nothing rests, without attempts and without growing old; it is planned only when it is resumed.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from gateway import audit
from gateway.engine import pauses
from gateway.engine.clock import now
from gateway.engine.pauses import Pause
from gateway.engine.statements import Row
from gateway.engine.worker import Snooze
from gateway.pipeline import unsent
from gateway.pipeline.work import Tools, Work
from gateway.records import Envelope

# Seconds an action may wait before its first call: with somebody at the screen, and by kind of caller otherwise.
LIFE = 15 * 60.0
LIVES = {"outbox": 24 * 3600.0, "internal": 24 * 3600.0}
_LOOK_AGAIN = 60  # seconds after which a caller may ask again
_MAKES_CUSTOMER = "action:create-customer"


class Paused(Exception):
    """The operator has stopped what was about to begin."""

    def __init__(self, pause: Pause) -> None:
        super().__init__(pause.scope)
        self.pause = pause


def life_of(caller_kind: str) -> float:
    """How long (seconds) an action of this kind of caller may wait before its first call."""
    return LIVES.get(caller_kind, LIFE)


def pause_of(tools: Tools, work: Work) -> Pause | None:
    """The pause this action would rest for, had it not begun; one that had expired before it is not kept by it."""
    if not tools.engine.pauses or not work.unsent:
        return None
    scopes = _scopes(work.caller.org, work.entity, work.action.name)
    if work.plan is not None and work.action.customer and "customer" not in work.plan.holes:
        scopes = (*scopes, _MAKES_CUSTOMER)
    found = next((pause for scope in scopes if (pause := tools.engine.pauses.get(scope))), None)
    over = found is not None and work.expires is not None and work.expires < found.since
    return None if over else found


def admit(tools: Tools, work: Work) -> None:
    """Before anything of the action is begun. Raises Paused."""
    if (pause := pause_of(tools, work)) is not None:
        raise Paused(pause)


def put_down(tools: Tools, work: Work, pause: Pause) -> Snooze:
    """Rest until it is resumed. A plan keeps its lane: what the record has must not be planned over a second time."""
    keep_lane = work.plan is not None
    return Snooze(0.0, keep_lane=keep_lane, paused_by=pause.scope, commit=unsent.noting(tools, work))


def holding(conn: Connection, tools: Tools, row: Row) -> Pause | None:
    """The pause that keeps this action from being begun, or will as soon as its turn comes."""
    if not tools.engine.pauses:
        return None
    found = pauses.of_job(conn, row.id)
    if found is None and row.plan is None:
        scopes = _scopes(row.org, row.entity, row.name)
        found = next((pause for scope in scopes if (pause := tools.engine.pauses.get(scope))), None)
    return found


def told(running: Envelope, pause: Pause) -> Envelope:
    """What whoever asked hears meanwhile."""
    words = f"{_words(pause)} Nothing is lost and nothing expires: it goes on by itself when that is over."
    return replace(running, user_message=words, retry_after_seconds=_LOOK_AGAIN)


def warnings(tools: Tools, work: Work) -> list[str]:
    """What a preview warns of."""
    pause = pause_of(tools, work)
    return [] if pause is None else [f"{_words(pause)} It would wait until that is over."]


def _words(pause: Pause) -> str:
    kind, _, target = pause.scope.partition(":")
    what = f"The action {target} is" if kind == "action" else "Payments are"
    return f"{what} paused by the gateway's operator" + (f": {pause.reason.rstrip('.')}." if pause.reason else ".")


def begin(conn: Connection, scope: str, *, actor: str, reason: str | None) -> None:
    """Stop it, on record."""
    pauses.begin(conn, scope, actor, reason)
    _record(conn, scope, actor, "pause.begun", reason)


def end(conn: Connection, scope: str, *, actor: str, reason: str | None) -> int | None:
    """Resume it, on record; returns how many jobs go on, None when it was not paused."""
    released = pauses.end(conn, scope, LIVES, LIFE)
    if released is not None:
        _record(conn, scope, actor, "pause.ended", reason)
    return released


def _record(conn: Connection, scope: str, actor: str, act: str, reason: str | None) -> None:
    kind, _, target = scope.partition(":")
    org = target if kind == "org" else ""  # an entity and an action belong to no org's chain
    audit.record(conn, org=org, actor=actor, act=act, ref=scope, detail={"reason": reason}, at=now(conn))


def _scopes(org: str, entity: str | None, action: str) -> tuple[str, ...]:
    return (f"org:{org}", f"entity:{entity}", f"action:{action}")
