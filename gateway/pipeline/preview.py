"""Preview: the plan without the acting. Touches nothing; its token makes the action refuse whatever has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from gateway import policy
from gateway.actions import NeedsSource
from gateway.errors import Refused, Unavailable
from gateway.money import Money
from gateway.pipeline import tokens
from gateway.pipeline.accept import Submission, work_of
from gateway.pipeline.gather import gather
from gateway.pipeline.guard import refuse_open
from gateway.pipeline.settle import NeedsLive, decide
from gateway.pipeline.work import Tools, Work
from gateway.records import Envelope, Json, Plan, fingerprint


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
    plan, warnings = await _plan(tools, work)
    money = None if plan.amount_minor is None or plan.currency is None else Money(plan.amount_minor, plan.currency)
    envelope = Envelope(
        success=True,
        status="preview",
        request_id=work.request_id,
        record_id=work.ref.record_id,
        amount=money.text if money else None,
        currency=money.currency.upper() if money else None,
        user_message="Nothing has been done yet.",
    )
    summary = {**plan.summary, "entity": plan.entity, **await _taxed(tools, plan)}
    summary["warnings"] = [*summary.get("warnings", ()), *warnings]
    token = tokens.make(tools.sealer, work, plan, tools.clock.now())
    return Preview(envelope.as_json(), summary, token)


async def _plan(tools: Tools, work: Work) -> tuple[Plan, list[str]]:
    facts = await gather(tools, work)
    for _ in range(3):
        try:
            deciding = partial(decide, tools=tools, work=work, facts=facts, preview=True)
            plan, context = await tools.store.read(deciding)
        except NeedsLive:
            facts = await gather(tools, work)
        except NeedsSource:
            facts = await gather(tools, work, source=True)
        else:
            return plan, refuse_open(context, fingerprint(plan.content))
    raise Unavailable("record_changing", "The record keeps changing while it is read; try again.")


async def _taxed(tools: Tools, plan: Plan) -> dict[str, Json]:
    """Totals with automatic tax, from Stripe's own preview; only where the customer is known already."""
    create = next((s for s in plan.steps if s.name == "invoice" and "automatic_tax" in s.params), None)
    lines = next((s for s in plan.steps if s.name == "lines"), None)
    if create is None or lines is None or "customer" not in plan.holes:
        return {}
    params = {
        "customer": plan.holes["customer"],
        "currency": plan.currency,
        "automatic_tax": {"enabled": True},
        "invoice_items": [_item(line) for line in lines.params["lines"]],
    }
    try:
        body = (await tools.stripe.call(plan.entity, "POST", "/v1/invoices/create_preview", params)).body
    except Refused as exc:
        return {"tax_error": exc.message}
    currency = plan.currency or "usd"
    return {
        "tax": Money(body["total"] - body["subtotal"], currency).text,
        "total": Money(body["total"], currency).text,
        "tax_status": (body.get("automatic_tax") or {}).get("status"),
    }


def _item(line: Mapping[str, Json]) -> dict[str, Json]:
    """A line as create_preview takes it: the whole amount, without quantity and price."""
    if "amount" in line:
        return {"amount": line["amount"], "description": line["description"]}
    price = line["price_data"]
    unit = price.get("unit_amount")
    if unit is None:
        unit = Decimal(price["unit_amount_decimal"])
    return {"description": line["description"], "amount": int(unit * line["quantity"])}
