"""
The stored steps, one call after the other. Every call can be repeated: same key, same bytes, from storage.

What is not known is never guessed: an answer that got lost is asked for again under the same key while Stripe keeps
it, and looked up at Stripe after that.
"""

from __future__ import annotations

import json

from gateway.engine import ledger
from gateway.errors import Refused, Rejected, Unavailable, UnknownOutcome
from gateway.pipeline.attempt import (
    Forgotten,
    Progress,
    Untold,
    aged,
    look,
    next_generation,
    not_known,
    note,
    send,
)
from gateway.pipeline.holes import dotted, path_of
from gateway.pipeline.lookup import Found
from gateway.pipeline.rechunk import rechunk
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Step, StepKind, dumps


class Undone(Rejected):
    """A later step was refused for good; what the action had made was taken back."""


async def perform(tools: Tools, work: Work, progress: Progress) -> None:
    """
    Carry the plan out, or on, and keep ``progress``.

    Raises Undone (definite; earlier steps undone), NotKnown, or an Unavailable/UnknownOutcome to come back for.
    """
    assert work.plan is not None  # noqa: S101 - settled before
    if work.unsent and tools.engine.open_scopes:  # what cannot be carried to its end is better not begun
        for step in work.plan.steps:
            tools.stripe.admit(work.plan.entity, step.method, step.path, step.use)
    if not work.fresh_process:
        rows = await tools.store.read(lambda c: ledger.steps(c, work.id))
        progress.journal |= {row.n: row for row in rows}  # ordered by generation: the last one counts
    n = -1
    while (n := n + 1) < len(work.plan.steps):
        step, row = work.plan.steps[n], progress.journal.get(n)
        if row is not None and row.state in {"done", "skipped"}:
            progress.holes |= json.loads(row.saved or "{}")
            progress.done += [step.name] if row.state == "done" else []
            if row.state == "skipped":
                _say_again(step, row, progress)
        elif _skipped(step, progress):
            note(tools, work, progress, n, step, "skipped", generation=row.generation if row else 1)
        elif await _refused(tools, work, progress, n, step):
            n -= 1  # cut into smaller steps: the first of them is next


async def _refused(tools: Tools, work: Work, progress: Progress, n: int, step: Step) -> bool:
    """Do the step; True where Stripe refused it and the plan has smaller ones in its place now."""
    try:
        await _step(tools, work, progress, n, step)
    except Refused as exc:
        if await rechunk(tools, work, progress.fence, n, step, exc):
            return True
        if step.kind is StepKind.SILENT:  # what it would have told people of is there, and stays
            progress.notes.append(f"Stripe did not mail it: {exc.message} Send the link yourself.")
            return False
        await _take_back(tools, work, progress, step)
        gone = exc.status == 404 and step.path.startswith("/v1/customers/{customer}")
        words = " ".join([exc.message, *_remaining(work, progress)])
        raise Undone(exc.code, words, field="customer" if gone else exc.param, http_status=200) from exc
    return False


def _remaining(work: Work, progress: Progress) -> list[str]:
    """What the steps that had an effect, and cannot be undone, leave behind."""
    assert work.plan is not None  # noqa: S101 - its steps were sent
    return [step.remains for step in work.plan.steps if step.remains and step.name in progress.done]


def _skipped(step: Step, progress: Progress) -> bool:
    if any(progress.holes.get(name) in values for name, values in step.skip_if.items()):
        return True
    for name, (value, words) in step.only_if.items():
        if progress.holes.get(name) != value:
            progress.notes.append(words)
            return True
    return False


def _say_again(step: Step, row: ledger.StepRow, progress: Progress) -> None:
    """What there was to say of a step left out: the process that was to say it is gone."""
    if row.error_code == _MAIL_UNKNOWN.code:
        progress.notes.append(_MAIL_UNKNOWN.message)
    else:
        _skipped(step, progress)


async def _step(tools: Tools, work: Work, progress: Progress, n: int, step: Step) -> None:
    row = progress.journal.get(n)
    generation = row.generation if row else 1
    since = row.sent if row and generation > 1 else work.planned
    doubtful = bool(tools.store.clock_behind) and not work.unsent and (not work.fresh_process or row is not None)
    while True:
        # A peer may have used the key while this process was frozen, so age counts for a first try too.
        if doubtful or aged(tools, since):
            found = await look(tools, work, progress, step)
            if found is not None:
                return _take(tools, work, progress, n, step, generation, found, fresh=False)
            if step.kind is StepKind.SILENT:
                return _untold(tools, work, progress, n, step, generation)
            if step.money:
                raise not_known()
            generation, since, doubtful = await next_generation(tools, work, progress, n, step, generation)
        try:
            found, generation = await send(tools, work, progress, n, step, generation, since)
        except Forgotten:
            continue
        except Untold:
            return _untold(tools, work, progress, n, step, generation)
        return _take(tools, work, progress, n, step, generation, found, fresh=not found.replayed)


_MAIL_UNKNOWN = UnknownOutcome(
    "mail_unknown", "It is not known whether Stripe mailed it, and it was not mailed again: ask, or send the link."
)


def _untold(tools: Tools, work: Work, progress: Progress, n: int, step: Step, generation: int) -> None:
    """Rather no mail than a second one: a person can send the link, nobody can take a mail back."""
    progress.notes.append(_MAIL_UNKNOWN.message)
    note(tools, work, progress, n, step, "skipped", generation=generation, error=_MAIL_UNKNOWN)


def _take(
    tools: Tools, work: Work, progress: Progress, n: int, step: Step, generation: int, found: Found, *, fresh: bool
) -> None:
    saved = {hole: dotted(found.body, member) for hole, member in step.saves.items()}
    for hole, (member, value) in step.compares.items():
        saved[hole] = "same" if _as_expected(dotted(found.body, member), value) else "other"
    progress.holes |= saved
    progress.done.append(step.name)
    assert work.plan is not None  # noqa: S101
    if step.saves.get(work.plan.result) == "id":
        progress.result, progress.fresh = found.body, fresh
    for member, (expected, code) in step.expect.items():
        if not _as_expected(dotted(found.body, member), expected):
            raise Refused(code, _MISMATCH.get(code, "Stripe's answer is not what was planned."))
    note(tools, work, progress, n, step, "done", generation=generation, found=found, saved=dumps(saved))


def _as_expected(value: Json, expected: Json) -> bool:
    if isinstance(expected, list):
        return any(_as_expected(value, each) for each in expected)
    if isinstance(value, str) and isinstance(expected, str):
        return value.casefold() == expected.casefold()
    return bool(value == expected)


_MISMATCH = {
    "link_paid": "The record's earlier payment link was paid at this moment, so no new one was made. Look at "
    "the record; should more be paid, ask again.",
    "amount_mismatch": "Stripe's subtotal differs from the record's lines, so nothing was sent. Tell the operator.",
    "tax_incomplete": "Stripe cannot compute the tax: complete the customer's billing address and try again.",
    "recipient_differs": "Stripe has another address for this customer: confirm the recipient in the preview, or send "
    "recipient_email.",
}


async def _take_back(tools: Tools, work: Work, progress: Progress, step: Step) -> None:
    """Undo what earlier steps made (a draft is deleted); what cannot be undone now is left and said so."""
    if step.undo is None or work.plan is None or (work.plan.result == "invoice" and "invoice" not in progress.holes):
        return
    try:
        path = path_of(step.undo["path"], progress.holes)
        await tools.stripe.call(work.plan.entity, step.undo["method"], path)
    except Refused:
        return  # already gone, or past being undone: the refresh of the object shows what it is
    except (Unavailable, UnknownOutcome) as exc:
        raise UnknownOutcome("undo_pending", "The draft could not be taken back yet; it is tried again.") from exc
