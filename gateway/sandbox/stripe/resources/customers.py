"""Customers (docs.stripe.com/api/customers)."""

import secrets
from typing import Any

from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import Ledger, merge_metadata, new_id
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import NO_PARAMS, Choice, Hash, Items, Metadata, Pattern, Text, Whole, accepts, lists
from gateway.sandbox.stripe.resources import shapes, tax_ids
from gateway.sandbox.stripe.routes import Call, delete, get, post
from gateway.sandbox.stripe.tables import Row

URL = "/v1/customers"
INVOICE_SETTINGS = Hash(
    {
        "custom_fields": shapes.custom_fields(),
        "footer": Text(clear=True),
        "rendering_options": Hash(
            {"amount_tax_display": Choice(("exclude_tax", "include_inclusive_tax"), clear=True)}, clear=True
        ),
    }
)
CHANGEABLE: dict[str, Any] = {
    "address": shapes.address(),
    "balance": Whole(),
    "business_name": Text(max=150, clear=True),
    "description": Text(clear=True),
    "email": Text(max=512, clear=True),
    "individual_name": Text(max=150, clear=True),
    "invoice_prefix": Pattern(r"[A-Z0-9]{3,12}", "invoice prefix"),
    "invoice_settings": INVOICE_SETTINGS,
    "metadata": Metadata(),
    "name": Text(max=256, clear=True),
    "next_invoice_sequence": Whole(min=1),
    "phone": Text(max=20, clear=True),
    "preferred_locales": Items(Text(), clear=True),
    "shipping": shapes.shipping(),
    "tax_exempt": Choice(("exempt", "none", "reverse"), clear=True),
}
CREATE = accepts({**CHANGEABLE, "tax_id_data": Items(tax_ids.TAX_ID, max=20)})
UPDATE = accepts(CHANGEABLE)
PLAIN = ("balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "name", "phone")


def new_customer(ledger: Ledger, params: Row) -> Row:
    return {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": ledger.time(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": ledger.livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **changes(params, {}),
    }


def changes(params: Row, old: Row) -> dict[str, Any]:
    """The members a create or update sets."""
    fields = shapes.picked(params, (*PLAIN, "next_invoice_sequence"))
    if "email" in params and params["email"] is not None and not looks_like_email(params["email"]):
        raise refused(f"Invalid email address: {params['email']}", "email", "email_invalid")
    if "address" in params:
        fields["address"] = shapes.whole_address(params["address"])
    if "shipping" in params:
        fields["shipping"] = shapes.whole_shipping(params["shipping"])
    if "preferred_locales" in params:
        fields["preferred_locales"] = params["preferred_locales"] or []
    if "tax_exempt" in params:
        fields["tax_exempt"] = params["tax_exempt"] or "none"
    if "invoice_settings" in params:
        base = old.get("invoice_settings") or {"default_payment_method": None}
        empty = {"custom_fields": None, "footer": None, "rendering_options": None}
        fields["invoice_settings"] = {**empty, **base, **params["invoice_settings"]}
    if "metadata" in params:
        fields["metadata"] = merge_metadata(old.get("metadata"), params["metadata"])
    return fields


def looks_like_email(text: str) -> bool:
    name, at, domain = text.rpartition("@")
    return bool(name and at and domain) and not any(c.isspace() for c in text) and "@" not in name


def create(call: Call) -> Row:
    customer = new_customer(call.ledger, call.params)
    call.ledger.add(customer)
    for data in call.params.get("tax_id_data", ()):
        tax_ids.attach(call.ledger, customer["id"], data)
    call.ledger.event("customer.created", customer)
    return customer


def retrieve(call: Call) -> Row:
    gone = call.ledger.table("customer")
    if call.id not in gone.rows and gone.known(call.id):
        return {"id": call.id, "object": "customer", "deleted": True}
    return call.ledger.get("customer", call.id)


def update(call: Call) -> Row:
    customer = call.ledger.get("customer", call.id)
    fields = changes(call.params, customer)
    if "email" in fields and fields["email"] != customer["email"]:
        return change_indexed(call.ledger, customer, fields)
    return call.ledger.change(customer, "customer.updated", **fields)


def change_indexed(ledger: Ledger, customer: Row, fields: Row) -> Row:
    """The list filter by e-mail follows the change."""
    ledger.table("customer").move(customer, {**customer, **fields}, "email")
    return ledger.change(customer, "customer.updated", **fields)


def remove(call: Call) -> Row:
    return call.ledger.remove(call.ledger.get("customer", call.id), "customer.deleted")


def index(call: Call) -> Row:
    email = call.params.get("email")
    return page(call, "customer", URL, by={"email": email} if email else {})


ENDPOINTS = (
    post(URL, create, CREATE, "customer", "customer"),
    get(URL, index, lists({"email": Text(max=512)}), "customer", "list:customer"),
    get(f"{URL}/{{}}", retrieve, accepts({}), "customer", "customer"),
    post(f"{URL}/{{}}", update, UPDATE, "customer", "customer"),
    delete(f"{URL}/{{}}", remove, NO_PARAMS, "customer", "customer"),
)
