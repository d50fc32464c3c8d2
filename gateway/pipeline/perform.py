"""
The stored steps, one call after the other. Every call can be repeated: same key, same bytes, from storage.

What is not known is never guessed: an answer that got lost is asked for again under the same key while Stripe keeps
it, and looked up at Stripe after that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.connectors.stripe import StripeAnswer
from gateway.engine import ledger
from gateway.engine.ledger import StepRow
from gateway.errors import GatewayError, Refused, Rejected, Throttled, Unavailable, UnknownOutcome, Unreachable
from gateway.pipeline.holes import dotted, fill, path_of
from gateway.pipeline.keys import KEY_LIFE_SECONDS, step_key
from gateway.pipeline.lookup import Found, find
from gateway.pipeline.rechunk import rechunk
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Step, StepKind, dumps


class NotKnown(GatewayError):
    """A step that moves money was sent, its key may have expired, and Stripe lists nothing of it."""

    http_status = 200


class Undone(Rejected):
    """A later step was refused for good; what the action had made was taken back."""


@dataclass
class Progress:
    """Where an action stands: holes filled so far and the last answer for its result."""

    holes: dict[str, Json]
    result: dict[str, Json] | None = None
    fresh: bool = False  # whether ``result`` is a first answer: only such a one may be projected
    calls: int = 0
    notes: list[str] = field(default_factory=list)
    journal: dict[int, StepRow] = field(default_factory=dict)


async def perform(tools: Tools, work: Work, base: str, holes: Mapping[str, str]) -> Progress:
    """
    Carry the plan out, or on. ``base`` is what the idempotency keys derive from.

    Raises Refused (definite; earlier steps undone), NotKnown, or an Unavailable/UnknownOutcome to come back for.
    """
    assert work.plan is not None  # noqa: S101 - settled before
    if work.unsent and tools.engine.open_scopes:  # what cannot be carried to its end is better not begun
        for step in work.plan.steps:
            tools.stripe.admit(work.plan.entity, step.method, step.path, step.use)
    progress = Progress(dict(work.plan.holes) | dict(holes))
    if not work.fresh_process:
        await _resume(tools, work, progress)
    n = -1
    while (n := n + 1) < len(work.plan.steps):
        step, row = work.plan.steps[n], progress.journal.get(n)
        if row is not None and row.state in {"done", "skipped"}:
            progress.holes |= json.loads(row.saved or "{}")
            continue
        if any(progress.holes.get(name) in values for name, values in step.skip_if.items()):
            _journal(tools, work, n, step, row, "skipped")
            continue
        try:
            await _step(tools, work, base, progress, n, step)
        except Refused as exc:
            if await rechunk(tools, work, n, step, exc):
                n -= 1
                continue
            await _take_back(tools, work, progress, step)
            raise Undone(exc.code, exc.message, field=exc.param, http_status=200) from exc
    return progress


async def _resume(tools: Tools, work: Work, progress: Progress) -> None:
    for row in await tools.store.read(lambda c: ledger.steps(c, work.id)):
        progress.journal[row.n] = row  # ordered by generation: the last one counts


async def _step(tools: Tools, work: Work, base: str, progress: Progress, n: int, step: Step) -> None:
    row = progress.journal.get(n)
    generation = row.generation if row else 1
    sent_before = not work.unsent and (not work.fresh_process or row is not None)
    since = max(work.planned, 0.0)
    if sent_before and (tools.clock.now() - since > KEY_LIFE_SECONDS or tools.store.clock_behind):
        found = await _look(tools, work, progress, step)
        if found is not None:
            return _take(tools, work, progress, n, step, generation, found, fresh=False)
        if step.kind is StepKind.SILENT:
            progress.notes.append("Stripe does not say whether the mail went out; it was not sent again.")
            return _journal(tools, work, n, step, row, "skipped")
        if step.money:
            raise NotKnown("outcome_unknown", "Nobody knows yet whether the money was refunded; it is being looked up.")
        generation = await _next_generation(tools, work, n, step, generation)
    answer = await _send(tools, work, base, progress, n, step, generation)
    return _take(tools, work, progress, n, step, answer[1], answer[0], fresh=not answer[0].replayed)


async def _send(
    tools: Tools, work: Work, base: str, progress: Progress, n: int, step: Step, generation: int
) -> tuple[Found, int]:
    """Send until there is an answer; returns it with the generation that got it."""
    tries = iter((*tools.patience.tries, None))
    while True:
        try:
            answer = await _call(tools, work, base, progress, step, generation)
            work.unsent = False
            return Found(answer.body, answer.request_id, answer.replayed), generation
        except (Refused, UnknownOutcome) as exc:
            work.unsent = False
            if exc.replayed:
                found = await _look(tools, work, progress, step)
                if found is not None:
                    return found, generation
                if step.money and isinstance(exc, UnknownOutcome):
                    raise NotKnown(
                        "outcome_unknown", "Nobody knows yet whether the money was refunded; it is being looked up."
                    ) from exc
                generation = await _next_generation(tools, work, n, step, generation)
            elif isinstance(exc, Refused):
                if (found := await _already(tools, work, progress, step, exc)) is not None:
                    return found, generation
                _journal(tools, work, n, step, progress.journal.get(n), "refused", exc.code, generation)
                raise
            pause = next(tries)
            if pause is None:
                _journal(tools, work, n, step, progress.journal.get(n), "unknown", exc.code, generation)
                raise
        except (Throttled, Unreachable) as exc:
            pause = next(tries)
            if pause is None or (exc.retry_after or 0) > 2:
                raise
            pause = max(pause, exc.retry_after or 0.0)
        await asyncio.sleep(pause)


async def _call(tools: Tools, work: Work, base: str, progress: Progress, step: Step, generation: int) -> StripeAnswer:
    assert work.plan is not None  # noqa: S101
    entity = tools.entity(work.plan.entity)
    key = step_key(entity=entity.name, mode=entity.mode, base=base, step=step.name, generation=generation)
    progress.calls += 1
    return await tools.stripe.call(
        work.plan.entity,
        step.method,
        path_of(step.path, progress.holes),
        fill(step.params, progress.holes),
        idempotency_key=key if step.method == "POST" else None,
        use=step.use,
    )


async def _already(tools: Tools, work: Work, progress: Progress, step: Step, exc: Refused) -> Found | None:
    """A state step may be refused because it has happened already (an earlier answer was lost)."""
    if step.kind is not StepKind.STATE or exc.status == 404:
        return None
    return await _look(tools, work, progress, step)


async def _look(tools: Tools, work: Work, progress: Progress, step: Step) -> Found | None:
    assert work.plan is not None  # noqa: S101
    return await find(tools.stripe, work.plan.entity, work.id, step, progress.holes, since=work.planned)


async def _next_generation(tools: Tools, work: Work, n: int, step: Step, generation: int) -> int:
    """A new key, awaited: it must be known before it is used."""
    row = _row(tools, work, n, step, None, "sent", None, generation + 1)
    await tools.store.write(lambda c: ledger.journal(c, row))
    return generation + 1


def _take(
    tools: Tools, work: Work, progress: Progress, n: int, step: Step, generation: int, found: Found, *, fresh: bool
) -> None:
    saved = {hole: dotted(found.body, member) for hole, member in step.saves.items()}
    progress.holes |= saved
    assert work.plan is not None  # noqa: S101
    if step.saves.get(work.plan.result) == "id":
        progress.result, progress.fresh = found.body, fresh
    for member, (expected, code) in step.expect.items():
        if dotted(found.body, member) != expected:
            raise Refused(code, _MISMATCH.get(code, "Stripe's answer is not what was planned."))
    row = _row(tools, work, n, step, found, "done", None, generation, dumps(saved))
    tools.store.write_soon(lambda c: ledger.journal(c, row))


_MISMATCH = {
    "amount_mismatch": "Stripe's subtotal differs from the record's lines, so nothing was sent. Tell the operator.",
    "tax_incomplete": "Stripe cannot compute the tax: complete the customer's billing address and try again.",
}


def _journal(
    tools: Tools, work: Work, n: int, step: Step, row: StepRow | None, state: str, code: str | None = None,
    generation: int = 0,
) -> None:  # fmt: skip
    new = _row(tools, work, n, step, None, state, code, generation or (row.generation if row else 1))
    tools.store.write_soon(lambda c: ledger.journal(c, new))


def _row(
    tools: Tools, work: Work, n: int, step: Step, found: Found | None, state: str, code: str | None, generation: int,
    saved: str | None = None,
) -> StepRow:  # fmt: skip
    at = tools.clock.now()
    return StepRow(
        action_id=work.id,
        n=n,
        generation=generation,
        name=step.name,
        state=state,
        idempotency_key=None,
        stripe_id=found.body.get("id") if found else None,
        request_id=found.request_id if found else None,
        http_status=200 if found else None,
        error_code=code,
        attempts=1,
        saved=saved,
        sent=at,
        ended=at if state in {"done", "skipped", "refused"} else None,
    )


async def _take_back(tools: Tools, work: Work, progress: Progress, step: Step) -> None:
    """Undo what earlier steps made (a draft is deleted); what cannot be undone now is left and said so."""
    if step.undo is None or work.plan is None:
        return
    try:
        path = path_of(step.undo["path"], progress.holes)
        await tools.stripe.call(work.plan.entity, step.undo["method"], path)
    except Refused:
        return  # already gone, or past being undone: the refresh of the object shows what it is
    except (Unavailable, UnknownOutcome) as exc:
        raise UnknownOutcome("undo_pending", "The draft could not be taken back yet; it is tried again.") from exc
