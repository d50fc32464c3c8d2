"""What happens to an invoice over its life: finalized, mailed, paid in parts or whole, voided."""

import secrets
from typing import TYPE_CHECKING

from gateway.sandbox.stripe import currencies, invoice_totals, payments
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import Ledger, Mail, new_id
from gateway.sandbox.stripe.tables import Row

if TYPE_CHECKING:
    from gateway.sandbox.stripe.world import StripeWorld


def finalize_draft(world: "StripeWorld", ledger: Ledger, invoice: Row) -> Row:
    """Number, hosted page and payment appear; nothing to collect means paid at once (docs.stripe.com/invoicing)."""
    if invoice["status"] != "draft":
        raise refused("This invoice is already finalized, you can't re-finalize a non-draft invoice.", None)
    draft = invoice_totals.refreshed(ledger, invoice)
    locatable(ledger, invoice, draft)
    customer = ledger.get("customer", invoice["customer"])
    sequence = customer["next_invoice_sequence"]
    token = new_token(ledger, invoice["id"])
    now = ledger.time()
    due, ending_balance = collected(draft, customer["balance"])
    ledger.change(
        customer,
        next_invoice_sequence=sequence + (0 if draft["number"] else 1),
        balance=ending_balance,
    )
    finalized = ledger.change(
        invoice,
        **{
            **draft,
            "status": "open",
            "number": draft["number"] or f"{customer['invoice_prefix']}-{sequence:04d}",
            "hosted_invoice_url": f"{world.public_url}/invoice/{token}",
            "invoice_pdf": f"{world.public_url}/invoice/{token}/pdf",
            "effective_at": draft["effective_at"] or now,
            "amount_due": due,
            "amount_remaining": due,
            "ending_balance": ending_balance,
            "automatically_finalizes_at": None,
            "status_transitions": {**draft["status_transitions"], "finalized_at": now},
        },
    )
    if due > 0:
        intent = payments.new_intent(ledger, due, finalized["currency"], finalized["customer"])
        add_payment(ledger, finalized, intent["id"], due, default=True)
    ledger.event("invoice.finalized", finalized)
    return mark_paid(ledger, finalized) if due == 0 else finalized


def locatable(ledger: Ledger, invoice: Row, draft: Row) -> None:
    if draft["automatic_tax"]["status"] != "requires_location_inputs":
        return
    error = {
        "code": "customer_tax_location_invalid",
        "message": "The customer's location isn't recognized. Set a valid customer address in order to automatically "
        "calculate tax.",
        "type": "invalid_request_error",
    }
    state = {**draft["automatic_tax"], "disabled_reason": None}
    ledger.change(invoice, "invoice.finalization_failed", last_finalization_error=error, automatic_tax=state)
    raise refused(error["message"], None, error["code"])


def collected(invoice: Row, balance: int) -> tuple[int, int]:
    """The amount to collect and the customer's balance after it: credit is used up, tiny amounts are carried over."""
    after_credit = invoice["total"] + balance
    if invoice["total"] <= 0 or after_credit <= 0:
        return 0, after_credit
    if after_credit < currencies.minimum(invoice["currency"]):
        return 0, after_credit
    return after_credit, 0


def new_token(ledger: Ledger, invoice: str) -> str:
    """The unguessable part of the hosted page's address."""
    token = f"{'live' if ledger.livemode else 'test'}_{secrets.token_urlsafe(18)}"
    ledger.tokens[token] = invoice
    return token


def auto_finalize(world: "StripeWorld", ledger: Ledger, identity: str) -> None:
    """Stripe finalizes an advancing draft about an hour after it was made, and mails it if it is to be sent."""
    invoice = ledger.find("invoice", identity)
    if invoice is None or invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    finalized = finalize_draft(world, ledger, invoice)
    if finalized["collection_method"] == "send_invoice" and finalized["status"] == "open":
        send_mail(ledger, finalized)


def send_mail(ledger: Ledger, invoice: Row) -> Row:
    """A real test mode sends nothing; here a mailbox shows what the customer would get. ``invoice.sent`` fires."""
    subject = (
        f"{ledger.name}: invoice {invoice['number']} over {currencies.shown(invoice['total'], invoice['currency'])}"
    )
    ledger.mails.append(
        Mail(
            at=ledger.time(),
            to=invoice["customer_email"] or "",
            subject=subject,
            invoice=invoice["id"],
            url=invoice["hosted_invoice_url"],
        )
    )
    ledger.event("invoice.sent", invoice)
    return invoice


def add_payment(ledger: Ledger, invoice: Row, intent: str, amount: int, *, default: bool = False) -> Row:
    return ledger.add(
        {
            "id": new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": amount,
            "created": ledger.time(),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": default,
            "livemode": ledger.livemode,
            "payment": {"type": "payment_intent", "payment_intent": intent},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def default_payment(ledger: Ledger, invoice: Row) -> Row | None:
    rows = ledger.table("invoice_payment").where(invoice=invoice["id"])
    return next((row for row in rows if row["is_default"] and row["status"] == "open"), None)


def pay_with_card(world: "StripeWorld", ledger: Ledger, invoice: Row, amount: int, card: str) -> Row:
    """Pay all or part of an open invoice. Raises StripeError 402 when the card is declined."""
    payable(invoice, amount)
    payment = default_payment(ledger, invoice)
    if payment is not None and amount == invoice["amount_remaining"]:
        intent = ledger.get("payment_intent", payment["payment"]["payment_intent"])
        if intent["amount"] != amount:
            intent = ledger.change(intent, amount=amount)
            payment = ledger.change(payment, amount_requested=amount)
    else:
        intent = payments.new_intent(ledger, amount, invoice["currency"], invoice["customer"])
        payment = add_payment(ledger, invoice, intent["id"], amount)
    try:
        payments.confirm(world, ledger, intent, card)
    except Exception:
        attempted = {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
        ledger.change(invoice, "invoice.payment_failed", **attempted)
        raise
    return settle(ledger, invoice, payment, amount)


def payable(invoice: Row, amount: int) -> None:
    if invoice["status"] == "paid":
        raise refused("Invoice is already paid", None, "invoice_already_paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise refused(f"This invoice can't be paid: its status is {invoice['status']}.")
    if not 0 < amount <= invoice["amount_remaining"]:
        raise refused("The amount must be positive and at most what remains.", "amount", "invalid_charge_amount")


def settle(ledger: Ledger, invoice: Row, payment: Row, amount: int) -> Row:
    """Book a succeeded payment on its invoice."""
    now = ledger.time()
    ledger.change(
        payment,
        "invoice_payment.paid",
        status="paid",
        amount_paid=amount,
        status_transitions={**payment["status_transitions"], "paid_at": now},
    )
    remaining = invoice["amount_remaining"] - amount
    fields = {
        "amount_paid": invoice["amount_paid"] + amount,
        "amount_remaining": max(0, remaining),
        "amount_overpaid": max(0, -remaining),
        "attempted": True,
        "attempt_count": invoice["attempt_count"] + 1,
    }
    if remaining <= 0:
        return mark_paid(ledger, ledger.change(invoice, **fields))
    changed = ledger.change(invoice, "invoice.updated", **fields)
    waiting = default_payment(ledger, changed)
    if waiting is not None:
        ledger.change(waiting, amount_requested=remaining)
        intent = ledger.get("payment_intent", waiting["payment"]["payment_intent"])
        ledger.change(intent, amount=remaining)
    return changed


def mark_paid(ledger: Ledger, invoice: Row) -> Row:
    cancel_open_payments(ledger, invoice)
    paid = ledger.change(
        invoice,
        "invoice.updated",
        status="paid",
        attempted=True,
        auto_advance=False,
        status_transitions={**invoice["status_transitions"], "paid_at": ledger.time()},
    )
    ledger.event("invoice.paid", paid)
    ledger.event("invoice.payment_succeeded", paid)
    return paid


def pay_outside(ledger: Ledger, invoice: Row) -> Row:
    """``paid_out_of_band``: the money came by another way, Stripe only notes it."""
    payable(invoice, invoice["amount_remaining"])
    remaining = invoice["amount_remaining"]
    changed = ledger.change(
        invoice,
        amount_paid=invoice["amount_paid"] + remaining,
        amount_paid_off_stripe=invoice["amount_paid_off_stripe"] + remaining,
        amount_remaining=0,
    )
    return mark_paid(ledger, changed)


def cancel_open_payments(ledger: Ledger, invoice: Row) -> None:
    for payment in list(ledger.table("invoice_payment").where(invoice=invoice["id"])):
        if payment["status"] != "open":
            continue
        transitions = {**payment["status_transitions"], "canceled_at": ledger.time()}
        ledger.change(payment, status="canceled", status_transitions=transitions)
        intent = ledger.get("payment_intent", payment["payment"]["payment_intent"])
        ledger.change(intent, "payment_intent.canceled", status="canceled", canceled_at=ledger.time())
