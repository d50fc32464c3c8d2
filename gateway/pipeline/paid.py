"""The payment of a record that a refund means when it names none: by an invoice, or through a payment link."""

from __future__ import annotations

from gateway.engine import live
from gateway.errors import Rejected
from gateway.pipeline.work import Tools, Work
from gateway.records import Live

_PAYABLE = {"open", "uncollectible", "paid"}  # as last seen: it may have been paid since
_MOST = 5  # payments of one link that are named; one that is reusable may have any number


async def only_payment(tools: Tools, work: Work, entity: str) -> tuple[str, str]:
    """
    ``("invoice", id)`` or ``("payment_intent", id)``. Raises Rejected where there is none or more than one.

    The only invoice of a record without paid links counts unseen: its payments are read anyway.
    """
    invoices = [row.stripe_id for row in await _live(tools, work, entity, "invoice") if row.status in _PAYABLE]
    through_links = await _through_links(tools, work, entity)
    if not through_links and len(invoices) > 1:
        words = f"The record has {len(invoices)} invoices: send invoice, payment_intent or charge."
        raise Rejected("ambiguous_payment", words, http_status=200)
    if through_links:
        invoices = [invoice for invoice in invoices if await _is_paid(tools, entity, invoice)]
    found = [*(("payment_intent", each) for each in through_links), *(("invoice", each) for each in invoices)]
    if not found:
        words = "There is no payment to refund on this record: no invoice, and no payment link that was paid."
        raise Rejected("no_payment", words, http_status=200)
    if len(found) > 1:
        told = ", ".join(stripe_id for _, stripe_id in found)
        raise Rejected("several_payments", f"The record was paid more than once; name one of: {told}.", http_status=200)
    return found[0]


async def _through_links(tools: Tools, work: Work, entity: str) -> list[str]:
    """Payments made through the record's links, also through those that are switched off by now."""
    found: list[str] = []
    for link in await _live(tools, work, entity, "payment_link"):
        asked = {"payment_link": link.stripe_id, "status": "complete"}
        sessions = tools.stripe.list_all(entity, "/v1/checkout/sessions", asked, limit=_MOST, priority=0)
        # Complete, and yet unpaid: a bank debit that is still under way.
        found += [x["payment_intent"] async for x in sessions if x["payment_status"] == "paid" and x["payment_intent"]]
    return found


async def _is_paid(tools: Tools, entity: str, invoice: str) -> bool:
    asked = {"invoice": invoice, "status": "paid"}
    async for _ in tools.stripe.list_all(entity, "/v1/invoice_payments", asked, limit=1, priority=0):
        return True
    return False


async def _live(tools: Tools, work: Work, entity: str, kind: str) -> list[Live]:
    rows = await tools.store.read(lambda c: live.of_record(c, work.caller.org, work.ref.record_id, kind))
    return [row for row in rows if row.entity == entity]
