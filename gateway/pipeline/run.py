"""The job of an action: settle it where that is still to do, perform it, end it. Can be entered again at any point."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from gateway.actions import NeedsSource
from gateway.engine import links
from gateway.engine.lanes import Fenced
from gateway.engine.numbers import next_number
from gateway.engine.worker import Claim, Done, Snooze, Verdict, WaitFor
from gateway.errors import CircuitOpen, GatewayError, Misconfigured, Refused, Rejected, Unavailable, UnknownOutcome
from gateway.pipeline import circuits, unknown, unsent
from gateway.pipeline.attempt import NotKnown, Progress
from gateway.pipeline.customer import MadeElsewhere
from gateway.pipeline.finish import Outcome, asks, ended_as, finish, same
from gateway.pipeline.gather import gather
from gateway.pipeline.keys import customer_base
from gateway.pipeline.perform import Undone, perform
from gateway.pipeline.project import contended
from gateway.pipeline.settle import NeedsLive, Same, settle
from gateway.pipeline.work import Tools, Work, load
from gateway.projections import registry
from gateway.records import Status


async def run(tools: Tools, claim: Claim) -> Verdict:
    """Job kind ``action``."""
    work = _warm(tools, claim)
    if work is None:
        work = await tools.store.read(lambda c: load(c, tools.sealer, claim.id))
    if work.status.ended:
        return Done()  # a dead letter of an action that was ended for its caller
    if _expired(tools, work):
        return _expire(tools, work)
    try:
        if work.plan is None:
            work, existing = await _settled(tools, claim, work)
            if existing is not None:
                return _end(tools, work, same(existing))
        return await _performed(tools, claim, work)
    except MadeElsewhere as exc:
        if exc.lane == claim.lane:  # who waits keeps its lane, and the other one needs it: let it pass
            return Snooze(tools.patience.first, keep_lane=False)
        return WaitFor(exc.job_id)
    except NotKnown as exc:
        return unknown.park(tools, work, exc)
    except Rejected as exc:
        return _end(tools, work, Outcome(Status.REJECTED, error=exc))
    except (CircuitOpen, Misconfigured) as exc:
        return _expire(tools, work) if _expired(tools, work) else circuits.park(tools, exc, unsent.noting(tools, work))
    except (Unavailable, UnknownOutcome) as exc:
        return _later(tools, work, exc)


def _warm(tools: Tools, claim: Claim) -> Work | None:
    """The work as this process accepted it, if this is the claim it was accepted with."""
    token, work = tools.warm.pop(claim.id, ("", None))
    return work if token == claim.claim else None


def _end(tools: Tools, work: Work, outcome: Outcome) -> Done:
    questions = (asks(work, outcome),)
    return Done(lambda conn: finish(conn, tools, work, outcome), contended(work), questions=questions)


def _fence(tools: Tools, claim: Claim, conn: Connection) -> None:
    if not tools.engine.holds(conn, claim):
        raise Fenced(claim.id)


async def _settled(tools: Tools, claim: Claim, work: Work) -> tuple[Work, Same | None]:
    """Read and settle; what turns out to be missing is read in a second round."""
    fence = partial(_fence, tools, claim)
    facts = await gather(tools, work)
    for _ in range(3):
        try:
            decide = partial(settle, tools=tools, work=work, facts=facts, fence=fence)
            settled = await tools.store.write(decide, contended(work, facts))
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
    progress = Progress(dict(plan.holes), work.id, partial(_fence, tools, claim))
    try:
        if "customer" not in plan.holes and (work.action.customer or work.action.stripe == "customer"):
            maker = await _customer(tools, work, progress)
            if maker is not None:
                return WaitFor(maker, unsent.noting(tools, work))
        if work.unsent and not work.fresh_process:
            await unsent.take_back(tools, work, progress.fence)
        await perform(tools, work, progress)
    except Undone as exc:
        return _end(tools, work, Outcome(Status.FAILED, error=exc, done=progress.done))
    return await _ended(tools, work, progress)


async def _customer(tools: Tools, work: Work, progress: Progress) -> str | None:
    """Fill the customer in, or say which job to wait for. The action that makes it takes the customer's own keys."""
    plan, org = work.plan, work.caller.org
    assert plan is not None  # noqa: S101 - settled
    source = str(plan.owner.get("source"))
    link, state = await tools.store.read(lambda c: links.find_with_job(c, org, plan.entity, source))
    if work.action.stripe == "customer":
        progress.base = customer_base(org, source, link.generation if link else 1)
        return None
    if link is not None and link.state == "making" and state not in {None, "dead"}:
        return str(link.job_id)
    if link is None or link.stripe_id is None:
        raise Undone(
            "customer_not_created", "The Stripe customer could not be created: see its action.", http_status=200
        )
    progress.holes["customer"] = link.stripe_id
    return None


async def _ended(tools: Tools, work: Work, progress: Progress) -> Verdict:
    """The result as a first answer, or read again: a replayed answer is a picture of the past."""
    plan = work.plan
    assert plan is not None  # noqa: S101 - performed
    body, number = progress.result, work.number
    if body is None or not progress.fresh:
        number = await tools.store.write(next_number)
        projection = registry()[work.action.stripe]
        path = projection.path.format(id=progress.holes[plan.result])
        params = {"expand": list(projection.expand)} if projection.expand else None
        try:
            body = (await tools.stripe.call(plan.entity, "GET", path, params)).body
        except Refused:  # made, and gone since: what was done is told all the same
            notes = [*progress.notes, "Stripe no longer has it."]
            return _end(tools, work, Outcome(Status.SUCCEEDED, notes=notes, done=progress.done))
    ended = ended_as(work, body, number=number, projectable=True)
    return _end(tools, work, replace(ended, notes=progress.notes, done=progress.done))


def _later(tools: Tools, work: Work, exc: GatewayError) -> Verdict:
    """Again in a while. What has sent nothing yet ends when it expires; what has sent something never gives up."""
    if _expired(tools, work):
        return _expire(tools, work)
    age = max(tools.clock.now() - work.accepted, 0.0)
    patience = tools.patience
    pause = max(exc.retry_after or 0.0, min(patience.longest, patience.first * (1 + age / 2)))
    # What has sent nothing holds up nobody of its lane.
    keep_lane = not work.unsent
    return Snooze(pause, exc.code, exc.message, keep_lane=keep_lane, commit=unsent.noting(tools, work))


def _expired(tools: Tools, work: Work) -> bool:
    return work.unsent and work.expires is not None and tools.clock.now() > work.expires


def _expire(tools: Tools, work: Work) -> Verdict:
    error = Rejected("expired", "It could not be started in time and nothing was sent: ask again.", http_status=200)
    return _end(tools, work, Outcome(Status.FAILED, error=error, unsent=True))


def mourn(tools: Tools, claim: Claim, code: str, conn: Connection) -> None:
    """
    In the commit with which an action's job dies: whoever asked hears that a person must look.

    Something may have been sent with a plan, so the outcome is unknown until the dead letter is replayed or resolved.
    """
    work = load(conn, tools.sealer, claim.id)
    if not work.status.ended:
        status = Status.FAILED if work.unsent else Status.UNKNOWN
        words = (
            "The gateway could not finish this by itself; nothing is lost. Its operator must look at the dead letters."
        )
        error = Rejected(code, words, http_status=200)
        finish(conn, tools, work, Outcome(status, error=error, unsent=work.unsent))
