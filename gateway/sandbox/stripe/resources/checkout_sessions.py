"""Checkout sessions, made by paying a link (docs.stripe.com/api/checkout/sessions)."""

from typing import Any

from gateway.sandbox.stripe.listing import page, sequence
from gateway.sandbox.stripe.params import ID, Choice, Hash, Text, accepts, lists
from gateway.sandbox.stripe.resources.shapes import picked
from gateway.sandbox.stripe.routes import Call, get
from gateway.sandbox.stripe.tables import Row

URL = "/v1/checkout/sessions"
FILTERS: dict[str, Any] = {
    "customer": ID,
    "customer_details": Hash({"email!": Text(max=800)}),
    "payment_intent": ID,
    "payment_link": ID,
    "status": Choice(("complete", "expired", "open")),
}


def index(call: Call) -> Row:
    status, details = call.params.get("status"), call.params.get("customer_details")

    def keep(row: Row) -> bool:
        return (status is None or row["status"] == status) and (
            details is None or row["customer_details"]["email"] == details["email"]
        )

    by = picked(call.params, ("customer", "payment_intent", "payment_link"))
    return page(call, "checkout.session", URL, by=by, keep=keep)


def items_of(call: Call) -> Row:
    session = call.ledger.get("checkout.session", call.id, "session")
    return sequence(call, call.ledger.link_items[session["payment_link"]], f"{URL}/{call.id}/line_items")


ENDPOINTS = (
    get(URL, index, lists(FILTERS), "checkout_session", "list:checkout.session"),
    get(
        f"{URL}/{{}}",
        lambda call: call.ledger.get("checkout.session", call.id),
        accepts({}),
        "checkout_session",
        "checkout.session",
    ),
    get(f"{URL}/{{}}/line_items", items_of, lists(created=False), "checkout_session", "list:item"),
)
