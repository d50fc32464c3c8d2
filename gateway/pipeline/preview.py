"""Preview: the plan without the acting. Touches nothing; its token makes the action refuse whatever has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from gateway import policy
from gateway.actions import Context, NeedsSource
from gateway.errors import Unavailable
from gateway.money import Money
from gateway.pipeline import pausing, tokens
from gateway.pipeline.accept import Submission, work_of
from gateway.pipeline.gather import Facts, gather
from gateway.pipeline.guard import foresee
from gateway.pipeline.settle import NeedsLive, decide
from gateway.pipeline.tax import with_tax
from gateway.pipeline.work import Tools, Work
from gateway.records import Envelope, Json, Live, Plan, fingerprint


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen, and the token that holds it to that."""

    envelope: Mapping[str, Json]
    summary: Mapping[str, Json]
    token: str


async def preview(tools: Tools, submission: Submission) -> Preview:
    """Raises Rejected with what the action itself would be refused for."""
    work, _ = work_of(tools, submission)
    key = work.request_key or "preview"
    policy.allow(work.caller, tools.org(work.caller.org), work.action, work.ref, request_key=key)
    plan, context, facts = await _plan(tools, work)
    taxed = await with_tax(tools, plan, context)
    money = None if plan.amount_minor is None or plan.currency is None else Money(plan.amount_minor, plan.currency)
    envelope = Envelope(
        success=True,
        status="preview",
        request_id=work.request_id,
        record_id=work.ref.record_id,
        amount=taxed.totals.get("total", money.text) if money else None,
        currency=money.currency.upper() if money else None,
        user_message="Nothing has been done yet.",
    )
    foreseen = foresee(work, context, fingerprint(plan.content), facts)
    warnings = [*plan.summary.get("warnings", ()), *pausing.warnings(tools, work), *foreseen.warnings, *taxed.warnings]
    summary = {**plan.summary, "entity": plan.entity, **taxed.totals, "warnings": warnings}
    if foreseen.already is not None:
        summary |= _already(foreseen.already, plan)
    token = tokens.make(tools.sealer, work, plan, tools.clock.now())
    return Preview(envelope.as_json(), summary, token)


def _already(there: Live, plan: Plan) -> dict[str, Json]:
    """That nothing new comes of it: what is there instead, and what remains without a second one."""
    told: dict[str, Json] = {"already": there.shown.get("number") or there.stripe_id, "already_status": there.status}
    if "remaining" in plan.summary and plan.currency is not None and plan.amount_minor is not None:
        left = Money.parse(plan.summary["remaining"], plan.currency, allow_negative=True).minor + plan.amount_minor
        told["remaining"] = Money(left, plan.currency).text
    return told


async def _plan(tools: Tools, work: Work) -> tuple[Plan, Context, Facts]:
    facts = await gather(tools, work)
    for _ in range(3):
        try:
            deciding = partial(decide, tools=tools, work=work, facts=facts, preview=True)
            return (*await tools.store.read(deciding), facts)
        except NeedsLive:
            facts = await gather(tools, work)
        except NeedsSource:
            facts = await gather(tools, work, source=True)
    raise Unavailable("record_changing", "The record keeps changing while it is read; try again.")
