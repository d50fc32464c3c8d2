"""Whether an action took place, as far as Stripe shows it: what its last step changes is looked at, nothing is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from gateway.engine import ledger, links
from gateway.errors import Away, Misconfigured, Refused, Unavailable
from gateway.pipeline.finish import Outcome, ended_as
from gateway.pipeline.lookup import Found, find
from gateway.pipeline.work import Tools, Work
from gateway.projections import registry
from gateway.records import Json, Plan, Status, Step, StepKind

UNSAID = "Stripe does not say whether the mail went out; it was not sent again."
GONE = "It was done, and Stripe no longer has it."
UNSHOWN = "It was done, and Stripe would not show what came of it."


class Unread(Unavailable):
    """Stripe has done it, and refuses to show the object."""


@dataclass(frozen=True)
class _Known:
    """What the journal tells of a plan: values saved so far, and the state of each step by name."""

    holes: dict[str, Json]
    states: dict[str, str] = field(default_factory=dict)


async def outcome(tools: Tools, work: Work, *, unshown: bool = False) -> Outcome | None:
    """
    The end of an action that took place; None where Stripe does not show that all of it did. With ``unshown`` that is
    enough, also where what came of it may not be seen: it is told without its number.
    """
    plan = work.plan
    assert plan is not None  # noqa: S101 - something may have been sent
    known = await _known(tools, work, plan)
    told = [
        step for step in plan.steps if step.kind is not StepKind.SILENT and known.states.get(step.name) != "skipped"
    ]
    holes = known.holes if plan.result in known.holes else await _made(tools, work, plan, known.holes)
    if holes is None:
        return None
    if known.states.get(told[-1].name) != "done" and await _look(tools, work, plan, told[-1], holes) is None:
        return None
    silent = [step for step in plan.steps if step.kind is StepKind.SILENT]
    unsaid = any(known.states.get(step.name) not in {"done", "skipped"} for step in silent)
    done, notes = [step.name for step in told], [UNSAID] if unsaid else []
    stripe_id = str(holes[plan.result])
    try:
        body = await object_of(tools, work, stripe_id)
    except (Unread, Misconfigured) as exc:
        if not unshown or isinstance(exc, Away):
            raise
        return Outcome(Status.SUCCEEDED, notes=[*notes, UNSHOWN], done=done, stripe_id=stripe_id)
    if body is None:
        return Outcome(Status.SUCCEEDED, notes=[*notes, GONE], done=done, stripe_id=stripe_id)
    ended = ended_as(work, body, number=work.number, projectable=False)
    return replace(ended, notes=notes, done=done)


async def object_of(tools: Tools, work: Work, stripe_id: Json) -> dict[str, Json] | None:
    """
    The object an action made, as Stripe has it now; None where it is gone.

    Any other refusal says nothing of the object: Unread, it is read again.
    """
    projection, plan = registry()[work.action.stripe], work.plan
    assert plan is not None  # noqa: S101 - an object came of it
    params = {"expand": list(projection.expand)} if projection.expand else None
    try:
        return (await tools.stripe.call(plan.entity, "GET", projection.path.format(id=stripe_id), params)).body
    except Refused as exc:
        if exc.status == 404:
            return None
        words = f"Stripe has done it, and would not show it ({exc.message}): it is read again."
        raise Unread("result_unread", words) from exc


async def _known(tools: Tools, work: Work, plan: Plan) -> _Known:
    rows = await tools.store.read(lambda conn: ledger.steps(conn, work.id))
    known = _Known(dict(plan.holes), {row.name: row.state for row in rows})
    for row in rows:
        known.holes.update(json.loads(row.saved or "{}"))
    source = str(plan.owner.get("source") or "")
    if "customer" not in known.holes and source:
        link = await tools.store.read(lambda conn: links.find(conn, work.caller.org, plan.entity, source))
        if link is not None and link.stripe_id:
            known.holes["customer"] = link.stripe_id
    return known


async def _made(tools: Tools, work: Work, plan: Plan, holes: dict[str, Json]) -> dict[str, Json] | None:
    """With the object the plan was to make, found by our metadata."""
    maker = next((step for step in plan.steps if step.saves.get(plan.result) == "id"), None)
    found = None if maker is None else await _look(tools, work, plan, maker, holes)
    return None if found is None else {**holes, plan.result: found.body["id"]}


async def _look(tools: Tools, work: Work, plan: Plan, step: Step, holes: dict[str, Json]) -> Found | None:
    try:
        return await find(tools.stripe, plan.entity, work.id, step, holes, since=work.planned)
    except KeyError:  # a hole that nothing has filled: an earlier step did not take place
        return None
