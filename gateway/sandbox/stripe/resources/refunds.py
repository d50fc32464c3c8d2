"""Refunds (docs.stripe.com/api/refunds)."""

from gateway.sandbox.stripe import refunds
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import merge_metadata
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import ID, Choice, Metadata, Text, Whole, accepts, lists
from gateway.sandbox.stripe.resources.shapes import picked
from gateway.sandbox.stripe.routes import Call, get, post
from gateway.sandbox.stripe.tables import Row

URL = "/v1/refunds"
CREATE = accepts(
    {
        "amount": Whole(min=1),
        "charge": ID,
        "instructions_email": Text(),
        "metadata": Metadata(),
        "payment_intent": ID,
        "reason": Choice(("duplicate", "fraudulent", "requested_by_customer")),
    }
)


def create(call: Call) -> Row:
    return refunds.create(call.world, call.ledger, call.params)


def update(call: Call) -> Row:
    refund = call.ledger.get("refund", call.id)
    metadata = merge_metadata(refund["metadata"], call.params.get("metadata", {}))
    return call.ledger.change(refund, "refund.updated", metadata=metadata)


def cancel(call: Call) -> Row:
    refund = call.ledger.get("refund", call.id)
    if refund["status"] != "requires_action":
        raise refused("You can only cancel refunds in the requires_action state.")
    return refunds.move(call.ledger, refund, "canceled")


def index(call: Call) -> Row:
    return page(call, "refund", URL, by=picked(call.params, ("charge", "payment_intent")))


SCOPE = "charge"
ENDPOINTS = (
    post(URL, create, CREATE, SCOPE, "refund"),
    get(URL, index, lists({"charge": ID, "payment_intent": ID}), SCOPE, "list:refund"),
    get(f"{URL}/{{}}", lambda call: call.ledger.get("refund", call.id), accepts({}), SCOPE, "refund"),
    post(f"{URL}/{{}}", update, accepts({"metadata": Metadata()}), SCOPE, "refund"),
    post(f"{URL}/{{}}/cancel", cancel, accepts({}), SCOPE, "refund"),
)
