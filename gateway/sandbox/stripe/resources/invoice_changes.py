"""What is done with an invoice: finalize, send, pay, void, mark uncollectible, attach a payment."""

from gateway.sandbox.stripe import billing
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.params import ID, Flag, accepts
from gateway.sandbox.stripe.routes import Call, post
from gateway.sandbox.stripe.tables import Row

PAY = accepts({"payment_method": ID, "paid_out_of_band": Flag(), "off_session": Flag()})


def invoice_of(call: Call) -> Row:
    return call.ledger.get("invoice", call.id)


def finalize(call: Call) -> Row:
    invoice = invoice_of(call)
    if "auto_advance" in call.params and invoice["status"] == "draft":
        invoice = call.ledger.change(invoice, auto_advance=call.params["auto_advance"])
    return billing.finalize_draft(call.world, call.ledger, invoice)


def send(call: Call) -> Row:
    """Sending a draft finalizes it first; an open or paid invoice is mailed again each time."""
    invoice = invoice_of(call)
    if invoice["collection_method"] != "send_invoice":
        raise refused("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] in ("void", "uncollectible"):
        raise refused(f"You cannot send an invoice whose status is {invoice['status']}.")
    if invoice["status"] == "draft":
        invoice = billing.finalize_draft(call.world, call.ledger, invoice)
    if not invoice["customer_email"]:
        raise refused("Missing email. The customer must have a valid email to be sent an invoice.")
    return billing.send_mail(call.ledger, invoice)


def pay(call: Call) -> Row:
    invoice = invoice_of(call)
    if invoice["status"] == "draft":
        invoice = billing.finalize_draft(call.world, call.ledger, invoice)
        if invoice["status"] == "paid":
            return invoice
    if call.params.get("paid_out_of_band"):
        return billing.pay_outside(call.ledger, invoice)
    if "payment_method" not in call.params:
        raise refused(
            "There is no `default_payment_method` set on this Customer or Invoice. Please use the `payment_method` "
            "parameter, or set a default payment method.",
            "payment_method",
        )
    amount = invoice["amount_remaining"]
    return billing.pay_with_card(call.world, call.ledger, invoice, amount, call.params["payment_method"])


def void(call: Call) -> Row:
    invoice = invoice_of(call)
    if invoice["status"] not in ("open", "uncollectible"):
        raise refused(f"You can only void an open or uncollectible invoice. This invoice is {invoice['status']}.")
    if invoice["amount_paid"]:
        raise refused("You cannot void an invoice that has payments; issue a credit note instead.")
    billing.cancel_open_payments(call.ledger, invoice)
    transitions = {**invoice["status_transitions"], "voided_at": call.ledger.time()}
    return call.ledger.change(
        invoice, "invoice.voided", status="void", auto_advance=False, amount_remaining=0, status_transitions=transitions
    )


def mark_uncollectible(call: Call) -> Row:
    invoice = invoice_of(call)
    if invoice["status"] != "open":
        raise refused(f"You can only mark an open invoice as uncollectible. This invoice is {invoice['status']}.")
    transitions = {**invoice["status_transitions"], "marked_uncollectible_at": call.ledger.time()}
    return call.ledger.change(
        invoice,
        "invoice.marked_uncollectible",
        status="uncollectible",
        auto_advance=False,
        status_details={"uncollectible": {"reason": "payment_not_received"}},
        status_transitions=transitions,
    )


def attach_payment(call: Call) -> Row:
    """An own payment intent pays part of the invoice; one that has succeeded is booked at once."""
    invoice = invoice_of(call)
    if "payment_intent" not in call.params:
        raise refused("You must pass `payment_intent`.", "payment_intent", "parameter_missing")
    intent = call.ledger.named("payment_intent", call.params["payment_intent"], "payment_intent")
    if intent["currency"] != invoice["currency"]:
        raise refused("The payment intent must have the currency of the invoice.", "payment_intent")
    if any(True for _ in call.ledger.table("invoice_payment").where(payment_intent=intent["id"])):
        raise refused("This payment intent is attached to an invoice already.", "payment_intent")
    billing.payable(invoice, min(intent["amount"], invoice["amount_remaining"]))
    payment = billing.add_payment(call.ledger, invoice, intent["id"], intent["amount"])
    if intent["status"] == "succeeded":
        return billing.settle(call.ledger, invoice, payment, intent["amount_received"])
    return call.ledger.get("invoice", invoice["id"])


ENDPOINTS = (
    post("/v1/invoices/{}/finalize", finalize, accepts({"auto_advance": Flag()}), "invoice", "invoice"),
    post("/v1/invoices/{}/send", send, accepts({}), "invoice", "invoice"),
    post("/v1/invoices/{}/pay", pay, PAY, "invoice", "invoice"),
    post("/v1/invoices/{}/void", void, accepts({}), "invoice", "invoice"),
    post("/v1/invoices/{}/mark_uncollectible", mark_uncollectible, accepts({}), "invoice", "invoice"),
    post("/v1/invoices/{}/attach_payment", attach_payment, accepts({"payment_intent": ID}), "invoice", "invoice"),
)
