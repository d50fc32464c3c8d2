"""The job of an action: settle it where that is still to do, perform it, end it. Can be entered again at any point."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from gateway.actions import NeedsSource
from gateway.engine import ledger, links
from gateway.engine.lanes import Fenced
from gateway.engine.numbers import next_number
from gateway.engine.verdicts import Commit
from gateway.engine.worker import Claim, Done, Snooze, Verdict, WaitFor
from gateway.errors import CircuitOpen, GatewayError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from gateway.pipeline import circuits, unknown
from gateway.pipeline.customer import MadeElsewhere
from gateway.pipeline.finish import Outcome, finish, refund_status, same
from gateway.pipeline.gather import gather
from gateway.pipeline.keys import customer_base
from gateway.pipeline.perform import NotKnown, Progress, Undone, perform
from gateway.pipeline.settle import NeedsLive, Same, settle
from gateway.pipeline.work import Tools, Work, load
from gateway.projections import registry
from gateway.records import Status


async def run(tools: Tools, claim: Claim) -> Verdict:
    """Job kind ``action``."""
    warm = tools.warm.pop(claim.id, None)
    work = warm if warm is not None else await tools.store.read(lambda c: load(c, tools.sealer, claim.id))
    if _expired(tools, work):
        return _expire(tools, work)
    try:
        if work.plan is None:
            work, existing = await _settled(tools, claim, work)
            if existing is not None:
                return _end(tools, work, same(existing))
        return await _performed(tools, claim, work)
    except MadeElsewhere as exc:
        return WaitFor(exc.job_id)
    except NotKnown as exc:
        return unknown.park(tools, work, exc)
    except Rejected as exc:
        status = Status.FAILED if isinstance(exc, Undone) else Status.REJECTED
        return _end(tools, work, Outcome(status, error=exc))
    except (CircuitOpen, Misconfigured) as exc:
        return _expire(tools, work) if _expired(tools, work) else circuits.park(tools, exc, _noting(tools, work))
    except (Unavailable, UnknownOutcome) as exc:
        return _later(tools, work, exc)


def _end(tools: Tools, work: Work, outcome: Outcome) -> Done:
    return Done(lambda conn: finish(conn, tools, work, outcome))


async def _settled(tools: Tools, claim: Claim, work: Work) -> tuple[Work, Same | None]:
    """Read and settle; what turns out to be missing is read in a second round."""
    fence = partial(_fence, tools, claim)
    facts = await gather(tools, work)
    for _ in range(3):
        try:
            settled = await tools.store.write(lambda conn, facts=facts: settle(conn, tools, work, facts, fence))  # type: ignore[misc]  # facts is bound now
        except NeedsLive:
            facts = await gather(tools, work)
        except NeedsSource:
            facts = await gather(tools, work, source=True)
        else:
            return (work, settled) if isinstance(settled, Same) else (settled.work, None)
    raise Unavailable("record_changing", "The record keeps changing while it is read; it is tried again.")


async def _performed(tools: Tools, claim: Claim, work: Work) -> Verdict:
    plan = work.plan
    assert plan is not None  # noqa: S101 - settled
    holes, base = dict(plan.holes), work.id
    source = plan.owner.get("source")
    if work.action.stripe == "customer" or (work.action.customer and "customer" not in holes):
        link = await tools.store.read(lambda c: links.find(c, work.caller.org, plan.entity, str(source)))
        if work.action.stripe == "customer":
            base = customer_base(work.caller.org, str(source), link.generation if link else 1)
        elif link is not None and link.state == "making" and link.job_id:
            return WaitFor(link.job_id, _noting(tools, work))
        elif link is None or link.stripe_id is None:
            raise Undone(
                "customer_not_created", "The Stripe customer could not be created: see its action.", http_status=200
            )
        else:
            holes["customer"] = link.stripe_id
    if work.unsent and not work.fresh_process:
        await tools.store.write(lambda conn: _take_note_back(conn, tools, claim, work))
    progress = await perform(tools, work, base, holes)
    return await _ended(tools, work, progress)


async def _ended(tools: Tools, work: Work, progress: Progress) -> Verdict:
    """The result as a first answer, or read again: a replayed answer is a picture of the past."""
    plan = work.plan
    assert plan is not None  # noqa: S101
    body, number = progress.result, work.number
    if body is None or not progress.fresh:
        number = await tools.store.write(next_number)
        projection = registry()[work.action.stripe]
        path = projection.path.format(id=progress.holes[plan.result])
        body = (
            await tools.stripe.call(
                plan.entity, "GET", path, {"expand": list(projection.expand)} if projection.expand else None
            )
        ).body
    status = refund_status(body) if work.action.stripe == "refund" else Status.SUCCEEDED
    error = None
    if status is Status.FAILED:
        reason = body.get("failure_reason") or body.get("status")
        error = Rejected("refund_failed", f"Stripe could not refund: {reason}. Refund in another way.", http_status=200)
    touched = tuple((kind, stripe_id) for kind, stripe_id in plan.owner.get("touched") or ())
    return _end(
        tools,
        work,
        Outcome(
            status, error=error, object=body, number=number, projectable=True, notes=progress.notes, touched=touched
        ),
    )


def _later(tools: Tools, work: Work, exc: GatewayError) -> Verdict:
    """Again in a while. What has sent nothing yet ends when it expires; what has sent something never gives up."""
    if _expired(tools, work):
        return _expire(tools, work)
    age = max(tools.clock.now() - work.accepted, 0.0)
    patience = tools.patience
    pause = max(exc.retry_after or 0.0, min(patience.longest, patience.first * (1 + age / 2)))
    return Snooze(pause, exc.code, exc.message, keep_lane=True, commit=_noting(tools, work))


def _noting(tools: Tools, work: Work) -> Commit | None:
    """Where it is put down with a plan and certainly nothing sent, that is noted: such an action may still expire."""
    if work.plan is None or not work.unsent:
        return None
    return lambda conn: ledger.journal(conn, _note(tools, work, "unsent"))


def _take_note_back(conn: Connection, tools: Tools, claim: Claim, work: Work) -> None:
    """Before the first call, and only by who holds the job: from here on a crash would hide whether it was sent."""
    _fence(tools, claim, conn)
    ledger.journal(conn, _note(tools, work, "sent"))


def _note(tools: Tools, work: Work, state: str) -> ledger.StepRow:
    assert work.plan is not None  # noqa: S101 - settled
    name, at = work.plan.steps[0].name, tools.clock.now()
    return ledger.StepRow(work.id, 0, 1, name, state, None, None, None, None, None, 0, None, sent=at, ended=None)


def _fence(tools: Tools, claim: Claim, conn: Connection) -> None:
    if not tools.engine.holds(conn, claim):
        raise Fenced(claim.id)


def _expired(tools: Tools, work: Work) -> bool:
    return work.unsent and work.expires is not None and tools.clock.now() > work.expires


def _expire(tools: Tools, work: Work) -> Verdict:
    error = Rejected("expired", "It could not be started in time and nothing was sent: ask again.", http_status=200)
    return _end(tools, work, Outcome(Status.FAILED, error=error))
