"""
One step sent until there is an answer, and the journal of it.

The same key is sent again only while Stripe is sure to know it; after that `Forgotten` asks for a look first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from gateway.connectors.stripe import StripeAnswer
from gateway.engine import ledger
from gateway.engine.clock import stored_now
from gateway.engine.ledger import StepRow
from gateway.errors import GatewayError, Refused, Throttled, UnknownOutcome, Unreachable
from gateway.pipeline.holes import fill, path_of
from gateway.pipeline.keys import KEY_LIFE_SECONDS, step_key
from gateway.pipeline.lookup import Found, find
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Step, StepKind

_SHORT = 2.0  # seconds: a longer Retry-After gives the slot back


class NotKnown(GatewayError):
    """A step that moves money was sent, its key may have expired, and Stripe lists nothing of it."""

    http_status = 200


class Forgotten(Exception):
    """Stripe may no longer know the key: what became of the step must be looked up before it is sent again."""


class Untold(Exception):
    """Stripe keeps an error under the key of a step that leaves no mark: whether it happened can never be known."""


@dataclass
class Progress:
    """
    Where an action stands: holes filled so far and the last answer for its result.

    ``base`` is what the idempotency keys derive from; ``fence`` raises inside a write when another process has taken
    the job over.
    """

    holes: dict[str, Json]
    base: str
    fence: Callable[[Connection], None]
    result: dict[str, Json] | None = None
    fresh: bool = False  # whether ``result`` is a first answer: only such a one may be projected
    notes: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)  # names of the steps that had an effect
    tries: dict[int, int] = field(default_factory=dict)  # calls made for each step, in this run
    journal: dict[int, StepRow] = field(default_factory=dict)


async def send(
    tools: Tools, work: Work, progress: Progress, n: int, step: Step, generation: int, since: float
) -> tuple[Found, int]:
    """
    Send until there is an answer; returns it with the generation that got it. ``since``: first use of the key.

    Raises Forgotten, Untold, NotKnown, Refused, or what to come back for (Unavailable, UnknownOutcome).
    """
    pauses = iter((*tools.patience.tries, None))
    while True:
        if aged(tools, since):
            raise Forgotten
        try:
            answer = await _call(tools, work, progress, n, step, generation)
            work.unsent = False
            return Found(answer.body, answer.request_id, answer.replayed), generation
        except (Refused, UnknownOutcome) as exc:
            work.unsent = False
            found, generation, since = await _weighed(tools, work, progress, n, step, generation, since, exc)
            if found is not None:
                return found, generation
            if (pause := next(pauses)) is None:
                note(tools, work, progress, n, step, "unknown", generation=generation, error=exc)
                raise
        except (Throttled, Unreachable) as exc:
            pause = next(pauses)
            if pause is None or (exc.retry_after or 0) > _SHORT:
                raise
            pause = max(pause, exc.retry_after or 0.0)
        await asyncio.sleep(pause)


async def _weighed(
    tools: Tools, work: Work, progress: Progress, n: int, step: Step, generation: int, since: float,
    exc: Refused | UnknownOutcome,
) -> tuple[Found | None, int, float]:  # fmt: skip
    """What an error means: done all the same, or the key to go on with. Raises where it is the end of the step."""
    silent = step.kind is StepKind.SILENT
    if silent and exc.replayed and isinstance(exc, UnknownOutcome):
        raise Untold from exc
    if exc.replayed and not silent:
        if (found := await look(tools, work, progress, step)) is not None:
            return found, generation, since
        if step.money and isinstance(exc, UnknownOutcome):
            raise not_known() from exc
        generation, since, _ = await next_generation(tools, work, progress, n, step, generation)
    elif isinstance(exc, Refused):
        if (found := await _already(tools, work, progress, step, exc)) is not None:
            return found, generation, since
        note(tools, work, progress, n, step, "refused", generation=generation, error=exc)
        raise exc
    return None, generation, since


def aged(tools: Tools, since: float) -> bool:
    """Whether Stripe may no longer know a key that was first used then."""
    return stored_now(tools.clock) - since > KEY_LIFE_SECONDS


def not_known() -> NotKnown:
    """For a step that moves money."""
    return NotKnown("outcome_unknown", "Nobody knows yet whether the money was refunded; it is being looked up.")


async def look(tools: Tools, work: Work, progress: Progress, step: Step) -> Found | None:
    """What Stripe shows of the step's effect."""
    assert work.plan is not None  # noqa: S101 - settled before
    return await find(tools.stripe, work.plan.entity, work.id, step, progress.holes, since=work.planned)


async def next_generation(
    tools: Tools, work: Work, progress: Progress, n: int, step: Step, generation: int
) -> tuple[int, float, bool]:
    """A new key, awaited and fenced: it must be known before it is used. With its age's beginning, and no doubt."""
    row = _row(tools, work, progress, n, step, "sent", generation + 1)

    def commit(conn: Connection) -> None:
        progress.fence(conn)
        ledger.journal(conn, row)

    await tools.store.write(commit)
    return generation + 1, row.sent, False


def note(
    tools: Tools, work: Work, progress: Progress, n: int, step: Step, state: str, *, generation: int,
    found: Found | None = None, error: Refused | UnknownOutcome | None = None, saved: str | None = None,
) -> None:  # fmt: skip
    """Write the journal in the shadow of the next call."""
    row = _row(tools, work, progress, n, step, state, generation, found, error, saved)
    tools.store.write_soon(lambda c: ledger.journal(c, row))


async def _call(tools: Tools, work: Work, progress: Progress, n: int, step: Step, generation: int) -> StripeAnswer:
    assert work.plan is not None  # noqa: S101 - settled before
    progress.tries[n] = progress.tries.get(n, 0) + 1
    key = _key(tools, work, progress, step, generation)
    return await tools.stripe.call(
        work.plan.entity,
        step.method,
        path_of(step.path, progress.holes),
        fill(step.params, progress.holes),
        idempotency_key=key,
        use=step.use,
        priority=work.priority,
    )


def _key(tools: Tools, work: Work, progress: Progress, step: Step, generation: int) -> str | None:
    if step.method != "POST" or work.plan is None:
        return None
    entity = tools.entity(work.plan.entity)
    return step_key(entity=entity.name, mode=entity.mode, base=progress.base, step=step.name, generation=generation)


async def _already(tools: Tools, work: Work, progress: Progress, step: Step, exc: Refused) -> Found | None:
    """A state step may be refused because it has happened already (an earlier answer was lost)."""
    if step.kind is not StepKind.STATE or exc.status == 404:
        return None
    return await look(tools, work, progress, step)


def _row(
    tools: Tools, work: Work, progress: Progress, n: int, step: Step, state: str, generation: int,
    found: Found | None = None, error: Refused | UnknownOutcome | None = None, saved: str | None = None,
) -> StepRow:  # fmt: skip
    at, before = stored_now(tools.clock), progress.journal.get(n)
    told = found or error
    return StepRow(
        action_id=work.id,
        n=n,
        generation=generation,
        name=step.name,
        state=state,
        idempotency_key=_key(tools, work, progress, step, generation),
        stripe_id=found.body.get("id") if found else None,
        request_id=told.request_id if told else None,
        http_status=200 if found else getattr(error, "status", None),
        error_code=error.code if error else None,
        attempts=progress.tries.get(n, 0) + (before.attempts if before else 0),
        saved=saved,
        sent=before.sent if before and before.generation == generation else at,
        ended=at if state in {"done", "skipped", "refused"} else None,
    )
