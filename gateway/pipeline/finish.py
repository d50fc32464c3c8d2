"""
The commit that ends an action: its answer, what Salesforce should hold, the reservation, what must be read again.

The answer is the envelope every route gives. Words for the rep say what happened and who mends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from gateway import audit
from gateway.actions.recipients import RECIPIENT
from gateway.engine import ledger, links, live, mirror, refundable
from gateway.engine.clock import now
from gateway.engine.mirror import asks_family
from gateway.errors import GatewayError, Rejected
from gateway.ids import key_prefix
from gateway.money import Money
from gateway.pipeline.answers import beside
from gateway.pipeline.guard import billed
from gateway.pipeline.project import home_of, merge_rows, object_rows, own_row, priority_of, stir_refresh
from gateway.pipeline.settle import Same
from gateway.pipeline.underway import is_shown
from gateway.pipeline.work import Answer, Tools, Work
from gateway.prepared import Question
from gateway.projections import action as action_row
from gateway.projections import registry
from gateway.projections.rows import key as row_key
from gateway.records import Envelope, Json, Live, SourceRef, Status

_DELETED_CUSTOMER = ("resource_missing", "customer")
_REFUND_STATUSES = {"failed": Status.FAILED, "canceled": Status.FAILED}  # pending ones count as done until then


@dataclass(frozen=True)
class Outcome:
    """How an action ended. ``object`` is the Stripe object as of ``number``; None where nothing came of it."""

    status: Status
    error: GatewayError | None = None
    object: Mapping[str, Json] | None = None
    number: int = 0
    projectable: bool = False
    notes: Sequence[str] = ()
    same: Same | None = None  # the answer was there already
    done: Sequence[str] = ()  # names of the plan's steps that had an effect, whatever came of the whole
    stripe_id: str | None = None  # of an object that Stripe no longer has
    unsent: bool = False  # certainly nothing was sent: the request key is free again


def same(found: Same) -> Outcome:
    """The record had it already."""
    return Outcome(Status.SUCCEEDED, same=found)


def ended_as(work: Work, body: Mapping[str, Json], *, number: int, projectable: bool) -> Outcome:
    """What Stripe's object says of the action that made it: a refund may have failed at once."""
    status = _REFUND_STATUSES.get(str(body.get("status"))) if work.action.stripe == "refund" else None
    error = None
    if status is Status.FAILED:
        reason = body.get("failure_reason") or body.get("status")
        error = Rejected("refund_failed", f"Stripe could not refund: {reason}. Refund in another way.", http_status=200)
    return Outcome(status or Status.SUCCEEDED, error=error, object=body, number=number, projectable=projectable)


def asks(work: Work, outcome: Outcome) -> Question:
    """What `finish` is going to ask: the mirror rows of the action, its object and its record."""
    places = [(action_row.SOBJECT, work.id)]
    if outcome.object is not None and outcome.projectable and work.plan is not None:
        places.append((registry()[work.action.stripe].sobject, row_key(work.plan.entity, outcome.object["id"])))
    return asks_family(work.caller.org, work.ref, places)


def finish(conn: Connection, tools: Tools, work: Work, outcome: Outcome) -> None:
    """Store all of it, fenced by the engine; the answer is kept for whoever waits here."""
    at = now(conn)
    envelope = _envelope(work, outcome)
    stored = envelope.as_json()
    http_status = outcome.error.http_status if outcome.error and outcome.status is Status.REJECTED else 200
    field = outcome.error.field if outcome.error and http_status != 200 else None
    undone = outcome.status is Status.REJECTED or outcome.unsent
    # A row of the outbox is read again until its answer has arrived there: its refusal is final.
    release = undone and work.caller.kind != "outbox"
    kept = {**stored, **beside(http_status, field)}
    ledger.end(conn, work.id, outcome.status, kept, at, release=release)
    _settle_money(conn, work, outcome, at)
    if outcome.object is not None and work.plan is not None:
        _keep(conn, work, outcome.object, outcome.number, at)
    elif work.action.name == "create-customer" and outcome.same is None:
        _customer_not_made(conn, work, outcome, at)
    if outcome.error and (outcome.error.code, outcome.error.field) == _DELETED_CUSTOMER:
        _customer_gone(conn, work, at)
    if work.plan is not None:
        _follow_steps(conn, tools, work, outcome, at)
    if _may_be_told(work, outcome) or is_shown(conn, tools, work):
        _tell_salesforce(conn, tools, work, outcome, envelope, at)
    elif work.outbox_row is not None and outcome.error is not None:
        # Whoever inserted a row for it hears of it there.
        row = action_row.refused_row(work.outbox_row, outcome.error.code, outcome.error.message, work.id)
        mirror.merge(conn, tools.sealer, work.caller.org, [row], number=mirror.ALWAYS, now=at, priority=1)
        tools.wake_sender(conn, work.caller.org)
    audit.record(
        conn, org=work.caller.org, actor=work.caller.sub, act=f"action.{outcome.status}", ref=work.id,
        detail={"stripe_id": envelope.stripe_id, "error": envelope.error_code}, at=at,
    )  # fmt: skip
    tools.store.after_commit(lambda: tools.answer(Answer(work.id, stored, http_status, field=field)))
    told: dict[str, Json] = {
        "action": work.action.name, "status": outcome.status.value, "seconds": at - work.accepted, **work.ids,
        "error_code": envelope.error_code,
    }  # fmt: skip
    tools.store.after_commit(lambda: tools.observe("action.ended", told))


def _may_be_told(work: Work, outcome: Outcome) -> bool:
    """Nothing is written to a record before it is known that whoever asked may edit it, nor where they may not."""
    known = work.caller.user is None or work.plan is not None or work.access_checked
    return known and not (outcome.error and outcome.error.http_status in {403, 404})


def _customer_gone(conn: Connection, work: Work, at: float) -> None:
    """Somebody deleted the customer at Stripe: the next request makes a new one, if none has been made meanwhile."""
    source = work.plan.owner.get("source") if work.plan else None
    if work.plan is None or not source:
        return
    link = (conn, work.caller.org, work.entity or "", str(source))
    row = links.find(*link)
    used = work.plan.holes.get("customer") or (row.stripe_id if row is not None else None)
    if used is not None:
        links.gone(*link, str(used), at)


def _settle_money(conn: Connection, work: Work, outcome: Outcome, at: float) -> None:
    if not work.action.money_out or outcome.status is Status.UNKNOWN:
        return
    state = "consumed" if outcome.status is Status.SUCCEEDED else "released"
    stripe_id = outcome.object["id"] if outcome.object else None
    refundable.settle(conn, work.id, state, at, stripe_id)


def _keep(conn: Connection, work: Work, body: Mapping[str, Json], number: int, at: float) -> None:
    plan, kind = work.plan, work.action.stripe
    assert plan is not None  # noqa: S101 - an object came of it
    if kind == "customer":
        link = (conn, work.caller.org, plan.entity, str(plan.owner["source"]))
        if links.may_keep(*link, work.id, body["id"]):
            content_hash, email_index = work.content_hash or "", work.email_index
            links.ready(*link, stripe_id=body["id"], content_hash=content_hash, email_index=email_index, at=at)
    elif kind in {"invoice", "payment_link"}:
        live.put(conn, _live(work, kind, body, number), at)


def _follow_steps(conn: Connection, tools: Tools, work: Work, outcome: Outcome, at: float) -> None:
    """What the plan's steps did to other objects, also where a later one failed: each of them is read again."""
    plan = work.plan
    assert plan is not None  # noqa: S101 - the caller looked
    for step in plan.steps:
        if step.name not in outcome.done:
            continue
        if step.name.startswith(("void", "deactivate")):
            kind, status = ("invoice", "void") if step.name.startswith("void") else ("payment_link", "inactive")
            if outcome.error and outcome.error.code == "link_paid" and step.name == outcome.done[-1]:
                status = "paid"
            stripe_id = step.path.split("/")[3]
            live.set_status(conn, plan.entity, stripe_id, status, work.number, at)
            stir_refresh(conn, tools, work, kind, stripe_id)
        elif step.name.startswith(RECIPIENT):
            _readdressed(conn, tools, work, at)
    if outcome.object is not None or outcome.status.ended:
        for kind, stripe_id in plan.owner.get("touched") or ():
            stir_refresh(conn, tools, work, kind, stripe_id)


def _readdressed(conn: Connection, tools: Tools, work: Work, at: float) -> None:
    plan = work.plan
    assert plan is not None  # noqa: S101 - the caller looked
    org, source = work.caller.org, str(plan.owner["source"])
    links.readdressed(conn, org, plan.entity, source, work.email_index, at)
    row = links.find(conn, org, plan.entity, source)
    if row is not None and row.stripe_id:
        sobject = "Contact" if key_prefix(source) == "003" else "Account"
        stir_refresh(conn, tools, work, "customer", row.stripe_id, SourceRef(sobject, source))


def _live(work: Work, kind: str, body: Mapping[str, Json], number: int) -> Live:
    plan = work.plan
    assert plan is not None  # noqa: S101
    money = Money(plan.amount_minor or 0, plan.currency or "usd")
    return Live(
        org=work.caller.org,
        entity=plan.entity,
        record_id=work.ref.record_id,
        kind=kind,
        stripe_id=body["id"],
        content_hash=work.content_hash or "",
        status=str(body.get("status") or ("active" if body.get("active") else "inactive")),
        action_id=work.id,
        shown={
            "number": body.get("number"),
            "amount": money.text,
            "minor": money.minor,
            "currency": money.currency.upper(),
        },
        number=number,
    )


def _customer_not_made(conn: Connection, work: Work, outcome: Outcome, at: float) -> None:
    source = (work.plan.owner.get("source") if work.plan else None) or None
    if source and outcome.status is not Status.UNKNOWN:
        links.failed(conn, work.caller.org, work.entity or "", str(source), work.id, at)


def _tell_salesforce(
    conn: Connection, tools: Tools, work: Work, outcome: Outcome, envelope: Envelope, at: float
) -> None:
    org, own = work.caller.org, own_row(work, envelope, at if outcome.status.ended else None)
    rows, number, kind, body = [own], work.number or 1, work.action.stripe, outcome.object
    stale, priority, home = False, priority_of(work), home_of(work)
    owner_id = work.plan.owner.get("owner_id") if work.plan else None
    if body is not None and outcome.projectable:
        made, number = object_rows(conn, tools, work, kind, body), outcome.number
        if home == work.ref:
            rows = [*made, own]
        else:
            stale = merge_rows(conn, tools, org, made, home, number, at, priority)
    stale |= merge_rows(conn, tools, org, rows, work.ref, number, at, priority, owner_id)
    if body is not None and (stale or not outcome.projectable):
        stir_refresh(conn, tools, work, kind, body["id"])


def _envelope(work: Work, outcome: Outcome) -> Envelope:
    base = Envelope(
        success=outcome.status is Status.SUCCEEDED,
        status=outcome.status.value,
        action_id=work.id,
        request_id=work.request_id,
        record_id=work.ref.record_id,
    )
    if outcome.error is not None:
        return replace(
            base,
            error_code=outcome.error.code,
            user_message=outcome.error.message,
            url=outcome.error.url,
            retryable=outcome.error.retryable,
            **_amount(work),
        )
    if outcome.same is not None:
        there, body = outcome.same.live, outcome.same.body
        shown, url = there.shown, work.action.result.get("url")
        return replace(
            base, stripe_id=there.stripe_id, stripe_status=there.status, number=shown.get("number"),
            replayed=True, url=body.get(url) if url else None,
            user_message=action_row.PAID_ALREADY if there.status == "paid" else action_row.DONE_ALREADY,
            **{"amount": shown.get("amount"), "currency": shown.get("currency"), **billed(body)},
        )  # fmt: skip
    body = outcome.object or ({"id": outcome.stripe_id} if outcome.stripe_id else {})
    members: dict[str, Json] = {name: body.get(member) for name, member in work.action.result.items()}
    filled = replace(base, **members, **(billed(body) or _amount(work)))
    words = [_words(work, filled)] if outcome.object else []  # of what is not there nothing is told but the notes
    return replace(filled, user_message=" ".join([*words, *outcome.notes]))


def _amount(work: Work) -> dict[str, Json]:
    plan = work.plan
    if plan is None or plan.amount_minor is None or plan.currency is None:
        return {}
    return {"amount": Money(plan.amount_minor, plan.currency).text, "currency": plan.currency.upper()}


def _words(work: Work, envelope: Envelope) -> str:
    return work.action.done.format(number=envelope.number or "", amount=envelope.amount, currency=envelope.currency)
