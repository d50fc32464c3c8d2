"""
The commit before the first call: plan, guard against doing it twice, reserve money, store. Or refuse, with no effect.

Runs inside a write, so everything it decides by is current, and all of it stands or nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from gateway.actions import Context
from gateway.engine import live, refundable
from gateway.engine.clock import now
from gateway.errors import Rejected
from gateway.pipeline import tokens
from gateway.pipeline.customer import customer_guard, known_customer, make_customer
from gateway.pipeline.gather import Facts, counts
from gateway.pipeline.guard import as_read, follow, guard, unknown_before, way_out
from gateway.pipeline.ledger_rows import freeze
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Live, Plan, fingerprint


class NeedsLive(Exception):
    """The record has live objects that must be read at Stripe before the guard may speak."""


class RefundUnderWay(Exception):
    """Another refund of the same payment has not ended: this one is planned over what that leaves."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


@dataclass(frozen=True)
class Planned:
    """The plan is stored."""

    work: Work


@dataclass(frozen=True)
class Same:
    """The record has this already: the live object is the answer."""

    live: Live
    body: Mapping[str, Json] = field(default_factory=dict)  # as Stripe has it now


@dataclass(frozen=True)
class Refusal:
    """
    Refused over what the record has at Stripe. Not raised inside the write: that other things have changed there was
    noticed by then, and must be kept.
    """

    error: Rejected


Keep = Callable[[Connection, Tools, Work, Plan, str], Work]  # stores a plan with its content hash


def settle(
    conn: Connection,
    tools: Tools,
    work: Work,
    facts: Facts,
    fence: Callable[[Connection], None] | None,
    keep: Keep = freeze,
) -> Planned | Same | Refusal:
    """Decide, guard, reserve and store in one go."""
    if fence is not None:
        fence(conn)
    context = _context(conn, tools, work, facts)
    follow(conn, tools, work, _owner(work, facts, context), facts)
    try:
        plan = _planned(work, facts, context)
        content_hash = fingerprint(plan.content)
        if work.request.preview_token:
            tokens.check(tools.sealer, work, plan, now(conn))
        same = guard(work, context, content_hash, facts)
    except Rejected as refusal:
        return Refusal(refusal)
    if same is not None:
        return Same(same, facts.fresh.get(same.stripe_id) or {})
    if work.action.name == "create-customer":
        guarded = customer_guard(conn, work, context, plan, content_hash, facts)
        if isinstance(guarded, Live):
            return Same(guarded)
        plan = guarded
    elif work.action.customer and "customer" not in plan.holes:
        make_customer(conn, tools, work, context, plan)
    if context.charge is not None and plan.amount_minor is not None:
        _reserve(conn, work, context, plan.amount_minor)
    return Planned(keep(conn, tools, work, plan, content_hash))


def decide(conn: Connection, tools: Tools, work: Work, facts: Facts, *, preview: bool) -> tuple[Plan, Context]:
    """The plan of a preview; raises Rejected, NeedsSource or NeedsLive. Changes nothing."""
    context = _context(conn, tools, work, facts, preview=preview)
    return _planned(work, facts, context), context


def _context(conn: Connection, tools: Tools, work: Work, facts: Facts, *, preview: bool = False) -> Context:
    kind = work.action.reads(work.request).live
    earlier = unknown_before(conn, work, kind)  # before the live ones: its end leaves the one as it joins the other
    rows = [x for x in live.of_record(conn, work.caller.org, work.ref.record_id, kind) if counts(x)] if kind else []
    if any(row.stripe_id not in facts.fresh for row in rows):
        raise NeedsLive
    current = tuple(row for row in (as_read(row, facts) for row in rows) if row is not None)
    return Context(
        action_id=work.id,
        org=work.caller.org,
        ref=work.ref,
        entity=tools.entity_facts(work.entity or ""),
        now=now(conn),
        source=facts.source,
        party=facts.party,
        customer=known_customer(conn, tools, work, facts),
        charge=facts.charge,
        live=current,
        doubtful=earlier,
        mapped=frozenset(mapping.fields if (mapping := tools.config.mappings.get(work.ref.sobject)) else ()),
        tax_ids=facts.tax_ids,
        preview=preview,
    )


def _planned(work: Work, facts: Facts, context: Context) -> Plan:
    return replace(work.action.plan(work.request, context), owner=_owner(work, facts, context))


def _owner(work: Work, facts: Facts, context: Context) -> dict[str, Json]:
    """Whom the outcome belongs to."""
    party = facts.party
    return {
        "account": party.source_id
        if party and party.sobject == "Account"
        else getattr(work.request, "account_id", None),
        "contact": getattr(work.request, "contact_id", None),
        "source": context.customer.source_id if context.customer else None,
        "owner_id": facts.source.owner_id if facts.source else None,
        "touched": _touched(facts),
        **_paid_for(facts),
    }


def _touched(facts: Facts) -> list[list[str]]:
    """Objects a refund changes beside itself."""
    if facts.charge is None:
        return []
    payment = (
        ("payment_intent", facts.charge.payment_intent) if facts.charge.payment_intent else ("charge", facts.charge.id)
    )
    return [list(x) for x in (payment, ("invoice", facts.charge.invoice)) if x[1]]  # type: ignore[arg-type]  # absent ones out


def _paid_for(facts: Facts) -> dict[str, Json]:
    """The record that what comes of the action belongs to, where it is not the action's own."""
    ref = facts.charge.record if facts.charge else None
    return {"record": [ref.sobject, ref.record_id]} if ref else {}


def _reserve(conn: Connection, work: Work, context: Context, amount: int) -> None:
    charge = context.charge
    assert charge is not None  # noqa: S101 - the caller looked
    entity = context.entity.name
    if open_question := refundable.unknown_on(conn, entity, charge.id):
        raise Rejected(
            "earlier_refund_unknown",
            f"Nobody knows yet whether an earlier refund of this payment happened ({open_question.id}). "
            f"{way_out(open_question)}",
            http_status=200,
        )
    if (other := refundable.under_way(conn, entity, charge.id, work.id)) is not None:
        raise RefundUnderWay(other)
    refundable.rebase(
        conn,
        refundable.Seen(entity, charge.id, charge.captured, charge.currency, charge.number, charge.refunds),
    )
    if not refundable.reserve(conn, work.id, entity, charge.id, amount, now(conn)):
        raise Rejected(
            "refund_too_large",
            "Other refunds of this payment are under way: less than this amount is left.",
            field="amount",
            http_status=200,
        )
