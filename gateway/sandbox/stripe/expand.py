"""``expand``: ids replaced by the objects they name, along dotted paths (docs.stripe.com/api/expanding_objects)."""

from collections.abc import Callable, Iterable
from typing import Any

from gateway.sandbox.stripe.errors import StripeError, invalid
from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.tables import Row

DEEPEST = 4

Include = Callable[[Ledger, Row], Any]


def list_of(rows: Iterable[Row], url: str, limit: int = 10) -> Row:
    data = list(rows)
    return {"object": "list", "data": data[:limit], "has_more": len(data) > limit, "url": url}


def empty_list(url: str) -> Row:
    return list_of((), url)


def newest_first(ledger: Ledger, kind: str, **by: Any) -> list[Row]:
    return list(reversed(list(ledger.table(kind).where(**by))))


def invoice_payments(ledger: Ledger, invoice: Row) -> Row:
    return list_of(newest_first(ledger, "invoice_payment", invoice=invoice["id"]), "/v1/invoice_payments")


def charge_refunds(ledger: Ledger, charge: Row) -> Row:
    return list_of(newest_first(ledger, "refund", charge=charge["id"]), f"/v1/charges/{charge['id']}/refunds")


def customer_tax_ids(ledger: Ledger, customer: Row) -> Row:
    rows = newest_first(ledger, "tax_id", customer=customer["id"])
    return list_of(rows, f"/v1/customers/{customer['id']}/tax_ids")


def link_items(ledger: Ledger, link: Row) -> Row:
    return list_of(ledger.link_items[link["id"]], f"/v1/payment_links/{link['id']}/line_items")


def session_items(ledger: Ledger, session: Row) -> Row:
    rows = ledger.link_items.get(session["payment_link"] or "", [])
    return list_of(rows, f"/v1/checkout/sessions/{session['id']}/line_items")


def confirmation_secret(ledger: Ledger, invoice: Row) -> Any:
    for payment in ledger.table("invoice_payment").where(invoice=invoice["id"]):
        intent = payment["payment"].get("payment_intent")
        if intent and payment["is_default"]:
            return {"client_secret": ledger.get("payment_intent", intent)["client_secret"], "type": "payment_intent"}
    return None


# Object -> member -> kind of the object its id names, or a function for members that exist only when asked for
# ("includable": absent from the default answer).
REFERENCES: dict[str, dict[str, str]] = {
    "invoice": {"customer": "customer", "discounts": "discount", "default_tax_rates": "tax_rate"},
    "line_item": {"discounts": "discount"},
    "discount_amount": {"discount": "discount"},
    "discount_source": {"coupon": "coupon"},
    "discount": {"customer": "customer"},
    "price": {"product": "product"},
    "product": {"default_price": "price"},
    "tax_id": {"customer": "customer"},
    "invoice_payment": {"invoice": "invoice"},
    "invoice_payment_payment": {"payment_intent": "payment_intent", "charge": "charge"},
    "payment_intent": {"customer": "customer", "latest_charge": "charge"},
    "charge": {
        "customer": "customer",
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
    },
    "refund": {
        "charge": "charge",
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction",
        "customer": "customer",
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "balance_transaction": {"source": "*"},
    "checkout.session": {
        "customer": "customer",
        "payment_intent": "payment_intent",
        "payment_link": "payment_link",
        "invoice": "invoice",
    },
    "tax_rate_details": {"tax_rate": "tax_rate"},
}
INCLUDABLE: dict[str, dict[str, tuple[str, Include]]] = {
    "invoice": {
        "payments": ("list:invoice_payment", invoice_payments),
        "confirmation_secret": ("confirmation_secret", confirmation_secret),
    },
    "charge": {"refunds": ("list:refund", charge_refunds)},
    "customer": {
        "tax_ids": ("list:tax_id", customer_tax_ids),
        "sources": ("list:source", lambda _, row: empty_list(f"/v1/customers/{row['id']}/sources")),
        "subscriptions": ("list:subscription", lambda _, row: empty_list(f"/v1/customers/{row['id']}/subscriptions")),
    },
    "payment_link": {"line_items": ("list:item", link_items)},
    "checkout.session": {"line_items": ("list:item", session_items)},
}
# Members that hold an object already: walking on needs no lookup.
EMBEDDED: dict[str, dict[str, str]] = {
    "invoice": {"lines": "list:line_item", "total_discount_amounts": "discount_amount"},
    "line_item": {"discount_amounts": "discount_amount"},
    "discount": {"source": "discount_source"},
    "invoice_payment": {"payment": "invoice_payment_payment"},
    "item": {"price": "price"},
    "dispute": {"balance_transactions": "balance_transaction"},
    "payment_intent": {},
}


def next_kind(kind: str, member: str) -> str | None:
    """The kind of object behind a member, or None when it cannot be expanded."""
    if kind.startswith("list:"):
        return kind.removeprefix("list:") if member == "data" else None
    if kind == "*":
        return "*"
    if member in REFERENCES.get(kind, {}):
        return REFERENCES[kind][member]
    if member in INCLUDABLE.get(kind, {}):
        return INCLUDABLE[kind][member][0]
    return EMBEDDED.get(kind, {}).get(member)


def check_paths(kind: str, paths: Iterable[str]) -> None:
    """Before the endpoint runs: a path that cannot be expanded must leave no effect behind."""
    for path in paths:
        members = path.split(".")
        if len(members) > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property: {path}", "expand")
        at: str | None = kind
        for member in members:
            at = next_kind(at or "", member)
            if at is None:
                raise invalid(
                    f"This property cannot be expanded ({path}). You may want to try expanding '{members[0]}' instead."
                    if members[0] != member
                    else f"This property cannot be expanded ({path}).",
                    "expand",
                )


def apply(ledger: Ledger, row: Row, paths: Iterable[str]) -> Row:
    """A copy with the paths expanded; the stored row stays as it is."""
    for path in paths:
        row = walk(ledger, row["object"], row, path.split("."))
    return row


def walk(ledger: Ledger, kind: str, value: Any, members: list[str]) -> Any:
    if isinstance(value, list):
        return [walk(ledger, kind, entry, members) for entry in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("object", kind) if kind in ("*", "list") else kind
    if not members:
        return value
    member, rest = members[0], members[1:]
    if member in INCLUDABLE.get(kind, {}):
        target, include = INCLUDABLE[kind][member]
        content = value[member] if isinstance(value.get(member), dict) else include(ledger, value)
    else:
        target = REFERENCES.get(kind, {}).get(member) or EMBEDDED.get(kind, {}).get(member) or "*"
        content = resolve(ledger, target, value.get(member))
    return {**value, member: walk(ledger, target, content, rest)}


def resolve(ledger: Ledger, kind: str, value: Any) -> Any:
    if isinstance(value, list):
        return [resolve(ledger, kind, entry) for entry in value]
    if not isinstance(value, str):
        return value
    if kind == "*":
        return next((t.rows[value] for t in ledger.tables.values() if value in t.rows), value)
    row = ledger.find(kind, value)
    if row is None and kind == "customer":
        return {"id": value, "object": "customer", "deleted": True}
    if row is None:
        raise StripeError(400, f"No such {kind}: '{value}'", code="resource_missing", param="expand")
    return row
