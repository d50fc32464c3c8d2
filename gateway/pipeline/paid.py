"""The payment of a record that a refund means when it names none: by an invoice, or through a payment link."""

from __future__ import annotations

from gateway.engine import live
from gateway.errors import Rejected
from gateway.pipeline.work import Tools, Work
from gateway.records import Live

_PAYABLE = {"open", "uncollectible", "paid"}  # as last seen: it may have been paid since
_MOST = 5  # payments through links that are named; a reusable one may have any number
_LOOKED_AT = 300  # completed checkouts of a record, most of them unpaid: somebody waits for the answer
_SEND = "send invoice, payment_intent or charge"


async def only_payment(tools: Tools, work: Work, entity: str) -> tuple[str, str]:
    """
    ``("invoice", id)`` or ``("payment_intent", id)``. Raises Rejected where there is none, several or no telling.

    The only invoice of a record without paid links counts unseen: its payments are read anyway.
    """
    invoices = [row.stripe_id for row in await _live(tools, work, entity, "invoice") if row.status in _PAYABLE]
    through_links = await _through_links(tools, work, entity)
    if not through_links and len(invoices) > 1:
        raise _ambiguous(f"The record has {len(invoices)} invoices")
    if through_links:
        invoices = [invoice for invoice in invoices if await _is_paid(tools, entity, invoice)]
    found = [*(("payment_intent", each) for each in through_links), *(("invoice", each) for each in invoices)]
    if not found:
        words = (
            "There is no payment to refund on this record: no invoice, and no payment link that was paid."
            f" Or name the payment: {_SEND}."
        )
        raise Rejected("no_payment", words, http_status=200)
    if len(found) > 1:
        told = ", ".join(stripe_id for _, stripe_id in found)
        raise Rejected("several_payments", f"The record was paid more than once; name one of: {told}.", http_status=200)
    return found[0]


async def _through_links(tools: Tools, work: Work, entity: str) -> list[str]:
    """
    Payments made through the record's links, also through those that are switched off by now: all of them, or enough
    to say that there are several. Raises Rejected where a second one may be further down than is looked.
    """
    found: list[str] = []
    left = _LOOKED_AT
    for link in await _live(tools, work, entity, "payment_link"):
        asked = {"payment_link": link.stripe_id, "status": "complete"}
        async for session in tools.stripe.list_all(entity, "/v1/checkout/sessions", asked, priority=0):
            if not left and len(found) < 2:
                raise _ambiguous(f"The record's payment links were used more than {_LOOKED_AT} times")
            if not left or len(found) == _MOST:
                return found
            left -= 1
            # Complete, and yet unpaid: a bank debit that is still under way, or failed.
            if session["payment_status"] == "paid" and session["payment_intent"]:
                found.append(session["payment_intent"])
    return found


def _ambiguous(why: str) -> Rejected:
    return Rejected("ambiguous_payment", f"{why}: {_SEND}.", http_status=200)


async def _is_paid(tools: Tools, entity: str, invoice: str) -> bool:
    asked = {"invoice": invoice, "status": "paid"}
    async for _ in tools.stripe.list_all(entity, "/v1/invoice_payments", asked, limit=1, priority=0):
        return True
    return False


async def _live(tools: Tools, work: Work, entity: str, kind: str) -> list[Live]:
    rows = await tools.store.read(lambda c: live.of_record(c, work.caller.org, work.ref.record_id, kind))
    return [row for row in rows if row.entity == entity]
