"""The Stripe customer an action needs: known, being made by another job, or to be made by one of its own."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from gateway import actions
from gateway.actions import Context, Customer, NeedsSource
from gateway.actions.create_customer import for_invoice
from gateway.engine import ledger, links
from gateway.engine.clock import now
from gateway.engine.statements import Row
from gateway.engine.worker import Job
from gateway.errors import Rejected
from gateway.ids import new_id
from gateway.pipeline.gather import Facts
from gateway.pipeline.guard import still_unknown
from gateway.pipeline.keys import customer_base
from gateway.pipeline.ledger_rows import freeze, insert
from gateway.pipeline.pausing import life_of
from gateway.pipeline.work import Tools, Work
from gateway.records import Live, Plan, Status, fingerprint


class MadeElsewhere(Exception):
    """Another job is making this very customer, or is about to, in ``lane``."""

    def __init__(self, job_id: str, lane: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id
        self.lane = lane


def known_customer(conn: Connection, tools: Tools, work: Work, facts: Facts) -> Customer | None:
    """
    What is known of the customer. Raises NeedsSource where it must be made and nobody was read, Rejected where nobody
    knows whether it was made.
    """
    if not work.action.customer and work.action.name != "create-customer":
        return None
    source_id = _source_id(work, facts)
    if source_id is None:
        return None
    row, maker = links.find_with_job(conn, work.caller.org, work.entity or "", source_id)
    if row is not None and row.state == "making" and maker in {None, "dead"}:
        _surely_not_made(conn, row.job_id, maker)
    if row is None or row.state != "ready" or _is_gone(row, facts):
        if facts.party is None:
            raise NeedsSource
        return Customer(source_id, None)
    address = getattr(work.request, "recipient_email", None) or _first_address(work, facts)
    same = None if row.email_index is None else row.email_index == _blind(tools, address)
    return Customer(source_id, row.stripe_id, same)


def _surely_not_made(conn: Connection, job_id: str, maker: str | None) -> None:
    """Raises Rejected where the action that was to make the customer died and may have made it."""
    made_by = ledger.by_id(conn, job_id)
    untold = Status.PENDING if maker == "dead" else None  # with a plan, see `gateway.engine.ledger.in_doubt`
    if made_by is not None and made_by.status in {Status.UNKNOWN, untold}:
        raise still_unknown(made_by)


def _is_gone(row: Row, facts: Facts) -> bool:
    """Whether Stripe was asked and no longer has the customer."""
    return row.stripe_id in facts.fresh and facts.fresh[row.stripe_id] is None


def _source_id(work: Work, facts: Facts) -> str | None:
    asked = getattr(work.request, "account_id", None)
    if asked:
        return str(asked)
    if facts.party is not None:
        return facts.party.source_id
    contact = getattr(work.request, "contact_id", None)
    return str(contact) if contact and facts.source is None else None


def _first_address(work: Work, facts: Facts) -> str | None:
    candidates = facts.source.bill_to if facts.source else ()
    chosen = getattr(work.request, "contact_id", None)
    if chosen:
        return next((c.email for c in candidates if c.contact_id == chosen), None)
    return next((c.email for c in candidates if c.email), None) or (facts.party.email if facts.party else None)


def _blind(tools: Tools, address: str | None) -> bytes | None:
    return None if address is None else tools.sealer.blind("email", address.lower())


def customer_guard(
    conn: Connection, work: Work, context: Context, plan: Plan, content_hash: str, facts: Facts
) -> Live | Plan:
    """
    create-customer: nothing to tell Stripe that it does not know = the customer is the answer. Else the plan; one that
    makes the customer has claimed it, and keeps the keys of its generation whoever makes a later one.
    """
    customer = context.customer
    if customer is None:
        return plan
    org, entity, source = work.caller.org, work.entity or "", customer.source_id
    row, maker = links.find_with_job(conn, org, entity, source)
    if row is None and not links.claim(conn, org, entity, source, work.id, now(conn)):
        row, maker = links.find_with_job(conn, org, entity, source)  # another process was just first
    if row is None:
        return _with_keys(plan, org, source, 1)
    if row.state == "ready" and not _is_gone(row, facts):
        if row.content_hash == content_hash:
            return Live(org, entity, work.ref.record_id, "customer", row.stripe_id, content_hash, "active", work.id, {})
        return plan
    if row.state == "making" and maker not in {None, "dead"}:
        if row.job_id != work.id:
            raise MadeElsewhere(row.job_id, customer_lane(org, entity, source))
        return _with_keys(plan, org, source, row.generation)
    links.remake(conn, org, entity, source, work.id, now(conn))
    return _with_keys(plan, org, source, row.generation + 1)


def _with_keys(plan: Plan, org: str, source_id: str, generation: int) -> Plan:
    return replace(plan, keys=customer_base(org, source_id, generation))


def customer_lane(org: str, entity: str, source_id: str) -> str:
    """Jobs that make or change one customer run one at a time."""
    return f"customer:{org}:{entity}:{source_id}"


def make_customer(conn: Connection, tools: Tools, work: Work, context: Context, plan: Plan) -> None:
    """Claim the link for a new create-customer action, unless one is under way; the invoice waits for its end."""
    customer, party = context.customer, context.party
    if customer is None or party is None:
        raise Rejected("no_account", "The record has no account to bill. Fill it in and try again.", http_status=200)
    org, entity, at = work.caller.org, plan.entity, now(conn)
    action_id = new_id("act")
    row, maker = links.find_with_job(conn, org, entity, customer.source_id)
    if row is not None and row.state == "making" and maker not in {None, "dead"}:
        return
    if row is None and not links.claim(conn, org, entity, customer.source_id, action_id, at):
        return  # another process was just first: its job is waited for
    generation = 1 if row is None else row.generation + 1
    if row is not None:
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
        expires=at + life_of("internal"),  # a customer that nobody waits for any more may still be made
    )
    insert(conn, tools, made_for, fingerprint(customer_plan.content))
    account = party.source_id if party.sobject == "Account" else None
    owner = {"account": account, "source": party.source_id, "owner_id": party.owner_id}
    customer_plan = _with_keys(replace(customer_plan, owner=owner), org, party.source_id, generation)
    stored = freeze(conn, tools, made_for, customer_plan, fingerprint(customer_plan.content))
    if claim is not None:
        tools.keep_warm(claim, stored)
