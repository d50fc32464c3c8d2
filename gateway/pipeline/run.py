"""The job of an action: settle it where that is still to do, perform it, end it. Can be entered again at any point."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from gateway.actions import NeedsSource
from gateway.connectors.health import PROBE_SECONDS
from gateway.engine import links
from gateway.engine.lanes import Fenced
from gateway.engine.numbers import next_number
from gateway.engine.worker import Claim, Done, Snooze, Verdict, WaitFor
from gateway.errors import CircuitOpen, GatewayError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from gateway.pipeline import circuits, pausing, unknown, unsent
from gateway.pipeline.attempt import NotKnown, Progress
from gateway.pipeline.customer import MadeElsewhere
from gateway.pipeline.finish import Outcome, asks, ended_as, finish, same
from gateway.pipeline.gather import gather
from gateway.pipeline.happened import GONE, object_of
from gateway.pipeline.perform import Undone, perform
from gateway.pipeline.project import contended
from gateway.pipeline.settle import NeedsLive, RefundUnderWay, Refusal, Same, settle
from gateway.pipeline.underway import put_down
from gateway.pipeline.work import Tools, Work, load
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
            pausing.admit(tools, work)
            work, existing = await _settled(tools, claim, work)
            if existing is not None:
                return _end(tools, work, same(existing))
        pausing.admit(tools, work)
        return await _performed(tools, claim, work)
    except (pausing.Paused, MadeElsewhere, RefundUnderWay) as exc:
        return _stands_aside(tools, claim, work, exc)
    except NotKnown as exc:
        return unknown.park(tools, work, exc)
    except Rejected as exc:
        return _end(tools, work, Outcome(Status.REJECTED, error=exc))
    except (CircuitOpen, Misconfigured) as exc:
        return _expire(tools, work) if _expired(tools, work) else _park(tools, work, exc)
    except (Unavailable, UnknownOutcome) as exc:
        return _later(tools, work, exc)


def _warm(tools: Tools, claim: Claim) -> Work | None:
    """The work as this process accepted it, if this is the claim it was accepted with."""
    token, work = tools.warm.pop(claim.id, ("", None))
    return work if token == claim.claim else None


def _end(tools: Tools, work: Work, outcome: Outcome) -> Done:
    if work.status is Status.UNKNOWN:  # a dead letter that was replayed
        return Done(lambda conn: unknown.conclude(conn, tools, work, outcome), contended(work))
    questions = (asks(work, outcome),)
    return Done(lambda conn: finish(conn, tools, work, outcome), contended(work), questions=questions)


def _fence(tools: Tools, claim: Claim, conn: Connection) -> None:
    if not tools.engine.holds(conn, claim):
        raise Fenced(claim.id)


async def _settled(tools: Tools, claim: Claim, work: Work) -> tuple[Work, Same | None]:
    """Read and settle; what turns out to be missing is read in a second round."""
    fence = partial(_fence, tools, claim)
    facts = await gather(tools, work)
    pausing.admit(tools, work)  # its entity may be known only now
    for _ in range(3):
        try:
            decide = partial(settle, tools=tools, work=work, facts=facts, fence=fence)
            settled = await tools.store.write(decide, contended(work, facts))
        except NeedsLive:
            facts = await gather(tools, work)
        except NeedsSource:
            facts = await gather(tools, work, source=True)
        else:
            if isinstance(settled, Refusal):
                raise settled.error
            return (work, settled) if isinstance(settled, Same) else (settled.work, None)
    raise Unavailable("record_changing", "The record keeps changing while it is read; it is tried again.")


async def _performed(tools: Tools, claim: Claim, work: Work) -> Verdict:
    plan = work.plan
    assert plan is not None  # noqa: S101 - settled
    progress = Progress(dict(plan.holes), plan.keys or work.id, partial(_fence, tools, claim))
    try:
        if "customer" not in plan.holes and (work.action.customer or work.action.stripe == "customer"):
            maker = await _customer(tools, work, progress)
            if maker is not None:
                return _waits(tools, work, maker)
        if work.unsent and not work.fresh_process:
            await unsent.take_back(tools, work, progress.fence)
        await perform(tools, work, progress)
    except Undone as exc:
        return _end(tools, work, Outcome(Status.FAILED, error=exc, done=progress.done))
    return await _ended(tools, work, progress)


async def _customer(tools: Tools, work: Work, progress: Progress) -> str | None:
    """Fill the customer in, or say which job to wait for. The action that makes it does so as long as it is its own."""
    plan, org = work.plan, work.caller.org
    assert plan is not None  # noqa: S101 - settled
    source = str(plan.owner.get("source"))
    link, state = await tools.store.read(lambda c: links.find_with_job(c, org, plan.entity, source))
    if work.action.stripe == "customer":
        if link is None or link.job_id != work.id:
            raise Undone("customer_superseded", "Another request has made this customer meanwhile.", http_status=200)
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
        stripe_id = str(progress.holes[plan.result])
        body = await object_of(tools, work, stripe_id)
        if body is None:  # what was done is told all the same
            notes = [*progress.notes, GONE]
            return _end(tools, work, Outcome(Status.SUCCEEDED, notes=notes, done=progress.done, stripe_id=stripe_id))
    ended = ended_as(work, body, number=number, projectable=True)
    return _end(tools, work, replace(ended, notes=progress.notes, done=progress.done))


def _stands_aside(
    tools: Tools, claim: Claim, work: Work, exc: pausing.Paused | MadeElsewhere | RefundUnderWay
) -> Verdict:
    if isinstance(exc, pausing.Paused):
        return pausing.put_down(tools, work, exc.pause)
    if isinstance(exc, MadeElsewhere) and exc.lane == claim.lane:
        return Snooze(tools.patience.first, keep_lane=False)  # who waits keeps its lane, and the other one needs it
    return _waits(tools, work, exc.job_id)


def _waits(tools: Tools, work: Work, job_id: str) -> Verdict:
    return WaitFor(job_id, put_down(tools, work, 0.0), contended(work))


def _park(tools: Tools, work: Work, exc: CircuitOpen | Misconfigured) -> Verdict:
    parked = circuits.park(tools, exc, put_down(tools, work, PROBE_SECONDS))
    return replace(parked, touches=contended(work))


def _later(tools: Tools, work: Work, exc: GatewayError) -> Verdict:
    """Again in a while. What has sent nothing yet ends when it expires; what has sent something never gives up."""
    if _expired(tools, work):
        return _expire(tools, work)
    age = max(tools.clock.now() - work.accepted, 0.0)
    patience = tools.patience
    pause = max(exc.retry_after or 0.0, min(patience.longest, patience.first * (1 + age / 2)))
    # A plan was made under the guard, and holds only while nobody else of its record can make one: it keeps the lane.
    keep_lane, commit = work.plan is not None, put_down(tools, work, pause)
    return Snooze(pause, exc.code, exc.message, keep_lane=keep_lane, commit=commit, touches=contended(work))


def _expired(tools: Tools, work: Work) -> bool:
    over = work.unsent and work.expires is not None and tools.clock.now() > work.expires
    return over and pausing.pause_of(tools, work) is None


def _expire(tools: Tools, work: Work) -> Verdict:
    error = Rejected("expired", "It could not be started in time and nothing was sent: ask again.", http_status=200)
    return _end(tools, work, Outcome(Status.FAILED, error=error, unsent=True))


def mourn(tools: Tools, claim: Claim, code: str, conn: Connection) -> None:
    """
    In the commit with which an action's job dies: whoever asked hears that a person must look.

    Something may have been sent with a plan: the outcome is unknown, and looked up, until that, a replay of the dead
    letter or a person tells what it was.
    """
    work = load(conn, tools.sealer, claim.id)
    if work.status.ended:
        return
    words = "The gateway could not finish this by itself; nothing is lost. Its operator must look at the dead letters."
    error = Rejected(code, words, http_status=200)
    if work.unsent:
        finish(conn, tools, work, Outcome(Status.FAILED, error=error, unsent=True))
    else:
        unknown.enter(conn, tools, work, error)
