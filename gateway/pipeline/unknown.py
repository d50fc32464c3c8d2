"""
An outcome nobody knows: shown as such, the money stays reserved, and Stripe is asked until it is known.

After a minute, ten minutes, an hour, then hourly for a week; or a person resolves it, and that is recorded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from gateway import audit
from gateway.connectors.health import EVERYWHERE, Probe, probing
from gateway.engine import jobs, ledger
from gateway.engine.clock import now, stored_now
from gateway.engine.entering import enter_queued
from gateway.engine.worker import Claim, Dead, Done, Job, Snooze, Verdict
from gateway.errors import Away, CircuitOpen, GatewayError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from gateway.pipeline import circuits, happened
from gateway.pipeline.finish import Outcome, finish
from gateway.pipeline.lookup import REFUSED
from gateway.pipeline.project import contended
from gateway.pipeline.work import Tools, Work, load
from gateway.records import Status, dumps
from gateway.sealing import Sealer

_FIRST = 60.0
_PAUSES = (600.0, 3600.0)  # after the first minute; hourly from then on
_GIVE_UP = 7 * 24 * 3600.0


def park(tools: Tools, work: Work, error: GatewayError) -> Verdict:
    """End the action's job as unknown: its lane is free, its reservation stays, a look-up job takes over."""
    return Done(lambda conn: enter(conn, tools, work, error), contended(work))


def enter(conn: Connection, tools: Tools, work: Work, error: GatewayError) -> None:
    """Show the outcome as unknown, and have it looked up from now on; not over an end that was found meanwhile."""
    if _ended(conn, work):
        return
    finish(conn, tools, work, Outcome(Status.UNKNOWN, error=error))
    job_id = _job_id(work.id)
    tools.engine.enqueue(conn, Job(job_id, "lookup", job_id, 1, due=now(conn) + _FIRST))


def conclude(conn: Connection, tools: Tools, work: Work, outcome: Outcome) -> None:
    """
    End it, once: its look-up, a person and its replayed dead letter may all find out at the same time.

    What is left of the others goes with it.
    """
    if _ended(conn, work):
        return
    for job_id in (_job_id(work.id), work.id):
        jobs.remove(conn, job_id)
    finish(conn, tools, work, outcome)


def _ended(conn: Connection, work: Work) -> bool:
    row = ledger.by_id(conn, work.id)
    return row is None or Status(row.status).ended


def _job_id(action_id: str) -> str:
    return f"lookup:{action_id}"


async def look(tools: Tools, claim: Claim) -> Verdict:
    """Job kind ``lookup``: found = it happened; after a week a person must decide."""
    work = await tools.store.read(lambda c: load(c, tools.sealer, claim.id.removeprefix("lookup:")))
    if work.status.ended:
        return Done()
    age = stored_now(tools.clock) - claim.created
    try:
        found = await happened.outcome(tools, work)
    except (CircuitOpen, Misconfigured) as exc:
        return replace(circuits.park(tools, exc), keep_lane=False)  # a resolution takes it away
    except (Unavailable, UnknownOutcome) as exc:
        if isinstance(exc, UnknownOutcome) and age > _GIVE_UP:
            return _give_up(work)
        return Snooze(exc.retry_after or 60.0, exc.code, exc.message, keep_lane=False)
    if found is not None:
        return Done(lambda conn: conclude(conn, tools, work, found), contended(work))
    if age > _GIVE_UP:
        return _give_up(work)
    pause = next((p for p in _PAUSES if age < p), _PAUSES[-1])
    return Snooze(pause, "outcome_unknown", "Not found at Stripe yet.", keep_lane=False)


def _give_up(work: Work) -> Dead:
    return Dead("outcome_unknown", f"Nothing found for a week: gateway actions resolve {work.id}")


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person says happened, and why they know."""

    action_id: str
    happened: bool
    actor: str
    reason: str


def order(conn: Connection, sealer: Sealer, said: Resolution) -> str:
    """
    Enter the resolution as a job of the running server, and record who said it; returns the job's id. Said anew while
    Stripe is away, the latest word counts.

    Raises Rejected where the action is not of unknown outcome, or somebody's word is being followed at this moment.
    """
    row = ledger.by_id(conn, said.action_id)
    if row is None or row.status != Status.UNKNOWN:
        raise Rejected("not_unknown", "Only an action of unknown outcome can be resolved.", http_status=409)
    job_id = f"resolve:{said.action_id}"
    payload = sealer.seal(dumps({"happened": said.happened}).encode(), f"job.payload:{job_id}")
    jobs.remove(conn, job_id)
    if not enter_queued(conn, Job(job_id, "resolve", job_id, 1, payload), now(conn)):
        raise Rejected("being_resolved", "It is being resolved at this moment: look at it again.", http_status=409)
    audit.record(
        conn, org=row.org, actor=said.actor, act="actions.resolve", ref=said.action_id,
        detail={"happened": said.happened, "reason": said.reason}, at=now(conn),
    )  # fmt: skip
    return job_id


async def resolve(tools: Tools, claim: Claim) -> Verdict:
    """
    Job kind ``resolve``: Stripe is asked once more, whatever circuit is open, and the action ends as what it shows.

    A person's word stands where Stripe shows nothing of it, or will not tell: it refuses the question or the key, or
    the entity is no longer configured. Those may be so for good, and nobody else could end it. Where Stripe is only
    away, the word waits, out of its lane: it can be replaced.
    """
    probing.set(Probe(EVERYWHERE))  # for this task only
    action_id = claim.id.removeprefix("resolve:")
    it_did = json.loads(tools.sealer.open(claim.payload or b"", f"job.payload:{claim.id}"))["happened"]
    work = await tools.store.read(lambda c: load(c, tools.sealer, action_id))
    if work.status.ended:
        return Done()
    try:
        found, shows = await happened.outcome(tools, work, unshown=True), "shows nothing"
    except (Misconfigured, Unavailable, UnknownOutcome) as exc:
        if not _refuses(exc):
            return Snooze(exc.retry_after or 60.0, exc.code, exc.message, keep_lane=False)
        found, shows = None, "would not tell"
    outcome = _said(shows, happened=it_did) if found is None else _seen(found, happened=it_did)
    return Done(lambda conn: conclude(conn, tools, work, outcome), contended(work))


def _refuses(error: GatewayError) -> bool:
    """Whether Stripe will not tell, and not for being away."""
    return error.code == REFUSED or (isinstance(error, Misconfigured) and not isinstance(error, Away))


def _said(shows: str, *, happened: bool) -> Outcome:
    """What a person knows and Stripe does not show: neither number nor link."""
    if not happened:
        error = Rejected("did_not_happen", "An operator found that Stripe did not do it: ask again.", http_status=200)
        return Outcome(Status.FAILED, error=error)
    notes = (f"An operator confirmed that it happened. Stripe {shows} of it, so there is no more to tell.",)
    return Outcome(Status.SUCCEEDED, notes=notes)


def _seen(found: Outcome, *, happened: bool) -> Outcome:
    note = "An operator confirmed that it happened."
    if not happened:
        note = "An operator said that it did not happen; Stripe shows that it did."
    return replace(found, notes=[*found.notes, note])
