"""The guard against doing a thing twice: what the record has at Stripe already, compared with what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from gateway import actions
from gateway.actions import Context
from gateway.engine import ledger, live
from gateway.engine.statements import Row
from gateway.errors import Rejected
from gateway.money import Money
from gateway.pipeline.gather import Facts
from gateway.pipeline.project import stir_refresh
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Live, Plan, Status

_PAYABLE = {"open", "uncollectible"}  # Stripe takes money for both
_LIVE = _PAYABLE | {"paid", "active"}


def guard(work: Work, context: Context, content_hash: str, facts: Facts) -> Live | None:
    """
    The same thing still live is the answer; another one still open is refused with its number. While nobody knows
    whether an earlier action made one, nothing is made beside it: neither an equal one nor one in its place.

    What can be replaced is an open invoice: to replace one that is paid would ask the customer for the money twice.
    """
    live_now = [row for row in context.live if row.status in _LIVE]
    request = work.request
    replacing, additional = getattr(request, "replace", False), getattr(request, "additional", False)
    alike = [row for row in live_now if row.content_hash == content_hash and not (replacing and row.status in _PAYABLE)]
    if alike and not additional:
        return alike[0]
    if context.doubtful is not None and not additional:
        raise context.doubtful
    open_invoice = next((row for row in live_now if row.kind == "invoice" and row.status in _PAYABLE), None)
    if open_invoice is None or additional or replacing:
        return None
    body = facts.fresh.get(open_invoice.stripe_id) or {}
    url = body.get("hosted_invoice_url")
    raise Rejected("invoice_already_open", _already_open(open_invoice, body), http_status=200, url=url)


def unknown_before(conn: Connection, work: Work, kind: str | None) -> Rejected | None:
    """The refusal, where nobody knows whether an action of the record has made an object of this kind."""
    if kind is None:
        return None
    makers = {action.name for action in actions.registry().values() if action.stripe == kind}
    rows = ledger.doubtful(conn, work.caller.org, work.ref.record_id)
    return next((still_unknown(row) for row in rows if row.name in makers), None)


def still_unknown(row: Row) -> Rejected:
    """The refusal of what could be there twice in the end."""
    words = f"Nobody knows yet whether an earlier request for this was carried out ({row.id}). {way_out(row)}"
    return Rejected("earlier_action_unknown", words, http_status=200)


def way_out(row: Row) -> str:
    """Who ends the doubt about an action: one that died without a word is not looked up, but can be tried again."""
    if row.status == Status.UNKNOWN:
        return (
            "It is being looked up at Stripe and ends by itself, or an operator ends it "
            f"(gateway actions resolve {row.id}): ask again then."
        )
    return f"An operator must have the gateway try that one again (gateway dead replay {row.id}): ask again then."


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the guard is going to say of a request that is previewed: ``already`` is the answer it will get."""

    warnings: tuple[str, ...] = ()
    already: Live | None = None


def foresee(work: Work, context: Context, content_hash: str, facts: Facts) -> Foreseen:
    """What a preview warns of: the same thing is live already, or another invoice is still open."""
    try:
        there = guard(work, context, content_hash, facts)
    except Rejected as refusal:
        return Foreseen((refusal.message,))
    if there is None:
        return Foreseen()
    paid = " and it is paid" if there.status == "paid" else ""
    return Foreseen((f"The record has this already{paid}: it will be shown again, nothing new is sent.",), there)


def _already_open(row: Live, body: Mapping[str, Json]) -> str:
    shown = {**row.shown, **billed(body)}
    state = "still open" if row.status == "open" else "marked uncollectible and can still be paid"
    return (
        f"Invoice {shown.get('number') or row.stripe_id} over {shown.get('amount')} {shown.get('currency')} is "
        f"{state} for this record: open it, replace it, or ask for an additional invoice."
    )


def billed(body: Mapping[str, Json]) -> dict[str, Json]:
    """
    What an invoice asks for, with the tax that Stripe added to what was planned; nothing for any other object. Members
    of an envelope.
    """
    if body.get("object") != "invoice":
        return {}
    money = Money(int(body["total"]), str(body["currency"]))
    return {"amount": money.text, "currency": money.currency.upper()}


def follow(conn: Connection, tools: Tools, work: Work, owner: Mapping[str, Json], facts: Facts) -> None:
    """A live object that has changed at Stripe (paid, voided, deleted there) is read again, and followed by that."""
    kind = work.action.reads(work.request).live
    if kind is None or not facts.fresh:
        return
    for row in live.of_record(conn, work.caller.org, work.ref.record_id, kind):
        if row.stripe_id in facts.fresh and status_of(kind, facts.fresh[row.stripe_id]) != row.status:
            there = Plan(work.action.name, row.entity, (), {}, {}, "", owner=owner)
            stir_refresh(conn, tools, replace(work, plan=there), kind, row.stripe_id)


def as_read(row: Live, facts: Facts) -> Live | None:
    """A live object with the status Stripe has just shown; None where it is gone."""
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
