"""
The commit before the first call: plan, guard against doing it twice, reserve money, store. Or refuse, with no effect.

Runs inside a write, so everything it decides by is current, and all of it stands or nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from gateway import actions, audit
from gateway.actions import Context, Customer, NeedsSource
from gateway.actions.create_customer import for_invoice
from gateway.engine import ledger, links, live, refundable
from gateway.engine.clock import now
from gateway.engine.ledger import NewAction, StoredPlan
from gateway.engine.numbers import next_number
from gateway.engine.worker import Claim, Job
from gateway.errors import Rejected
from gateway.ids import new_id
from gateway.pipeline import codec, tokens
from gateway.pipeline.gather import Facts, counts
from gateway.pipeline.project import stir_refresh
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Live, Plan, fingerprint

_CUSTOMER_LIFE = 24 * 3600.0  # a customer that nobody waits for any more may still be made this long


class MadeElsewhere(Exception):
    """Another job is making this very customer."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class NeedsLive(Exception):
    """The record has live objects that must be read at Stripe before the guard may speak."""


@dataclass(frozen=True)
class Planned:
    """The plan is stored; ``launch`` are jobs to start once the commit is durable (a customer to be made)."""

    work: Work
    launch: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class Same:
    """The record has this already: the live object is the answer."""

    live: Live
    body: Mapping[str, Json] = field(default_factory=dict)  # as Stripe has it now


def decide(conn: Connection, tools: Tools, work: Work, facts: Facts) -> tuple[Plan, Context]:
    """The plan of an action or a preview; raises Rejected, NeedsSource or NeedsLive. Changes nothing."""
    kind = work.action.reads(work.request).live
    rows = [x for x in live.of_record(conn, work.caller.org, work.ref.record_id, kind) if counts(x)] if kind else []
    if any(row.stripe_id not in facts.fresh for row in rows):
        raise NeedsLive
    current = tuple(row for row in (_as_read(row, facts) for row in rows) if row is not None)
    context = Context(
        action_id=work.id,
        org=work.caller.org,
        ref=work.ref,
        entity=tools.entity_facts(work.entity or ""),
        now=now(conn),
        source=facts.source,
        party=facts.party,
        customer=_customer(conn, tools, work, facts),
        charge=facts.charge,
        live=current,
    )
    plan = work.action.plan(work.request, context)
    party = facts.party
    owner = {
        "account": party.source_id
        if party and party.sobject == "Account"
        else getattr(work.request, "account_id", None),
        "contact": getattr(work.request, "contact_id", None),
        "source": context.customer.source_id if context.customer else None,
        "touched": _touched(facts),
    }
    return replace(plan, owner=owner), context


def _follow(conn: Connection, tools: Tools, work: Work, context: Context, facts: Facts) -> None:
    """A live object that has changed at Stripe (paid, voided there) is followed, whatever becomes of this request."""
    for row in context.live:
        known = live.by_stripe_id(conn, row.entity, row.stripe_id)
        if known is not None and known.status != row.status:
            live.set_status(conn, row.entity, row.stripe_id, row.status, now(conn))
            stir_refresh(conn, tools, work, row.kind, row.stripe_id)


def _touched(facts: Facts) -> list[list[str]]:
    """Objects a refund changes beside itself."""
    if facts.charge is None:
        return []
    payment = (
        ("payment_intent", facts.charge.payment_intent) if facts.charge.payment_intent else ("charge", facts.charge.id)
    )
    return [list(x) for x in (payment, ("invoice", facts.charge.invoice)) if x[1]]  # type: ignore[arg-type]  # absent ones out


def settle(
    conn: Connection, tools: Tools, work: Work, facts: Facts, fence: Callable[[Connection], None] | None
) -> Planned | Same:
    """Decide, guard, reserve and store in one go."""
    if fence is not None:
        fence(conn)
    plan, context = decide(conn, tools, work, facts)
    content_hash = fingerprint(plan.content)
    if work.request.preview_token:
        tokens.check(tools.sealer, work, content_hash, now(conn))
    _follow(conn, tools, replace(work, plan=plan), context, facts)
    if (same := _guard(work, context, content_hash, facts)) is not None:
        return Same(same, facts.fresh.get(same.stripe_id) or {})
    launch: tuple[Claim, ...] = ()
    if work.action.name == "create-customer":
        if (unchanged := _customer_guard(conn, tools, work, context, content_hash)) is not None:
            return Same(unchanged)
    elif work.action.customer and "customer" not in plan.holes:
        launch = _make_customer(conn, tools, work, context, plan)
    if context.charge is not None and plan.amount_minor is not None:
        _reserve(conn, work, context, plan.amount_minor)
    return Planned(_store(conn, tools, work, plan, content_hash), launch)


def _store(conn: Connection, tools: Tools, work: Work, plan: Plan, content_hash: str) -> Work:
    at, number = now(conn), next_number(conn)
    address = plan.summary.get("recipient")
    email_index = tools.sealer.blind("email", address.lower()) if address else None
    stored = codec.plan_to_json(plan)
    ledger.store_plan(
        conn,
        tools.sealer,
        work.id,
        StoredPlan(
            entity=plan.entity,
            plan=stored,
            plan_hash=fingerprint(stored),
            content_hash=content_hash,
            number=number,
            amount_minor=plan.amount_minor,
            currency=plan.currency,
            email_index=email_index,
        ),
        at,
    )
    return replace(work, plan=plan, content_hash=content_hash, number=number, planned=at, email_index=email_index)


def _as_read(row: Live, facts: Facts) -> Live | None:
    body = facts.fresh[row.stripe_id]
    if body is None:
        return None
    return replace(row, status=status_of(row.kind, body))


def status_of(kind: str, body: dict[str, Json] | object) -> str:
    """What a live object counts as: an invoice by its status, a link as active, paid (used up) or inactive."""
    if not isinstance(body, dict) or body.get("deleted"):
        return "deleted"
    if kind != "payment_link":
        return str(body["status"])
    limit = ((body.get("restrictions") or {}).get("completed_sessions")) or {}
    if limit and limit.get("count", 0) >= limit.get("limit", 1):
        return "paid"
    return "active" if body["active"] else "inactive"


def _guard(work: Work, context: Context, content_hash: str, facts: Facts) -> Live | None:
    """The same thing still live is the answer; another one still open is refused with its number."""
    live_now = [row for row in context.live if row.status in {"open", "paid", "active"}]
    same = next((row for row in live_now if row.content_hash == content_hash), None)
    request = work.request
    additional = getattr(request, "additional", False)
    if same is not None and not additional and not getattr(request, "replace", False):
        return same
    open_invoice = next((row for row in live_now if row.kind == "invoice" and row.status == "open"), None)
    if open_invoice is None or additional or getattr(request, "replace", False):
        return None
    url = (facts.fresh.get(open_invoice.stripe_id) or {}).get("hosted_invoice_url")
    raise Rejected("invoice_already_open", _already_open(open_invoice), http_status=200, url=url)


def refuse_open(context: Context, content_hash: str) -> list[str]:
    """What a preview warns of: the same thing is live already, or another invoice is still open."""
    live_now = [row for row in context.live if row.status in {"open", "paid", "active"}]
    if any(row.content_hash == content_hash for row in live_now):
        return ["The record has this already: it will be shown again, nothing new is sent."]
    return [_already_open(row) for row in live_now if row.kind == "invoice" and row.status == "open"]


def _already_open(row: Live) -> str:
    shown = row.shown
    return (
        f"Invoice {shown.get('number') or row.stripe_id} over {shown.get('amount')} {shown.get('currency')} is "
        "still open for this record: open it, replace it, or ask for an additional invoice."
    )


def _source_id(work: Work, facts: Facts) -> str | None:
    asked = getattr(work.request, "account_id", None)
    if asked:
        return str(asked)
    if facts.party is not None:
        return facts.party.source_id
    contact = getattr(work.request, "contact_id", None)
    return str(contact) if contact and facts.source is None else None


def _customer(conn: Connection, tools: Tools, work: Work, facts: Facts) -> Customer | None:
    if not work.action.customer and work.action.name != "create-customer":
        return None
    source_id = _source_id(work, facts)
    if source_id is None:
        return None
    row = links.find(conn, work.caller.org, work.entity or "", source_id)
    if row is None or row.state != "ready":
        if facts.party is None:
            raise NeedsSource
        return Customer(source_id, None)
    address = getattr(work.request, "recipient_email", None) or _first_address(work, facts)
    same = None if row.email_index is None else row.email_index == _blind(tools, address)
    return Customer(source_id, row.stripe_id, same)


def _first_address(work: Work, facts: Facts) -> str | None:
    candidates = facts.source.bill_to if facts.source else ()
    chosen = getattr(work.request, "contact_id", None)
    if chosen:
        return next((c.email for c in candidates if c.contact_id == chosen), None)
    return next((c.email for c in candidates if c.email), None) or (facts.party.email if facts.party else None)


def _blind(tools: Tools, address: str | None) -> bytes | None:
    return None if address is None else tools.sealer.blind("email", address.lower())


def _customer_guard(conn: Connection, tools: Tools, work: Work, context: Context, content_hash: str) -> Live | None:
    """create-customer: nothing to tell Stripe that it does not know = the customer is the answer."""
    customer = context.customer
    if customer is None:
        return None
    org, entity = work.caller.org, work.entity or ""
    row = links.find(conn, org, entity, customer.source_id)
    if row is None:
        links.claim(conn, org, entity, customer.source_id, work.id, now(conn))
    elif row.state == "ready":
        if row.content_hash == content_hash:
            return Live(org, entity, work.ref.record_id, "customer", row.stripe_id, content_hash, "active", work.id, {})
    elif row.state == "failed":
        links.remake(conn, org, entity, customer.source_id, work.id, now(conn))
    elif row.job_id is not None and row.job_id != work.id:
        raise MadeElsewhere(row.job_id)
    return None


def customer_lane(org: str, entity: str, source_id: str) -> str:
    """Jobs that make or change one customer run one at a time."""
    return f"customer:{org}:{entity}:{source_id}"


def _make_customer(conn: Connection, tools: Tools, work: Work, context: Context, plan: Plan) -> tuple[Claim, ...]:
    """Claim the link for a new create-customer action, unless one is under way; the invoice waits for its end."""
    customer, party = context.customer, context.party
    if customer is None or party is None:
        raise Rejected("no_account", "The record has no account to bill. Fill it in and try again.", http_status=200)
    org, entity, at = work.caller.org, plan.entity, now(conn)
    action_id = new_id("act")
    row = links.find(conn, org, entity, customer.source_id)
    if row is not None and row.state == "making" and row.job_id:
        return ()
    if row is None:
        links.claim(conn, org, entity, customer.source_id, action_id, at)
    else:
        links.remake(conn, org, entity, customer.source_id, action_id, at)
    action = actions.registry()["create-customer"]
    job = Job(
        id=action_id, kind="action", lane=customer_lane(org, entity, customer.source_id), scope=f"stripe:{entity}"
    )
    claim = tools.engine.enqueue(conn, job)
    made_for = replace(
        work,
        id=action_id,
        action=action,
        parent=work.id,
        ref=replace(work.ref, sobject=party.sobject, record_id=party.source_id),
    )
    customer_plan = for_invoice(replace(context, action_id=action_id, ref=made_for.ref), plan.summary.get("recipient"))
    made_for = replace(
        made_for,
        request=action.request(record_id=party.source_id),
        caller=replace(work.caller, kind="internal"),
        request_key=None,
        expires=at + _CUSTOMER_LIFE,
    )
    insert(conn, tools, made_for, fingerprint(customer_plan.content))
    owner = {"account": party.source_id if party.sobject == "Account" else None, "source": party.source_id}
    stored = _store(conn, tools, made_for, replace(customer_plan, owner=owner), fingerprint(customer_plan.content))
    if claim is not None:
        tools.warm[action_id] = stored
        return (claim,)
    return ()


def insert(conn: Connection, tools: Tools, work: Work, mark: str, traceparent: str | None = None) -> None:
    """The ledger row of an accepted action and its audit line."""
    at = now(conn)
    ledger.insert(
        conn,
        tools.sealer,
        NewAction(
            id=work.id,
            org=work.caller.org,
            entity=work.entity,
            name=work.action.name,
            sobject=work.ref.sobject,
            record_id=work.ref.record_id,
            caller_sub=work.caller.sub,
            caller_kind=work.caller.kind,
            request_key=work.request_key,
            fingerprint=mark,
            body=codec.request_to_json(work.request),
            request_id=work.request_id,
            traceparent=traceparent,
            parent=work.parent,
            expires=work.expires,
        ),
        at,
    )
    audit.record(
        conn, org=work.caller.org, actor=work.caller.sub, act="action.accepted", ref=work.id,
        detail={"action": work.action.name, "record": work.ref.record_id, "entity": work.entity}, at=at,
    )  # fmt: skip


def _reserve(conn: Connection, work: Work, context: Context, amount: int) -> None:
    charge = context.charge
    assert charge is not None  # noqa: S101 - the caller looked
    entity = context.entity.name
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
