"""Payment links (docs.stripe.com/api/payment-link)."""

from typing import Any

from gateway.sandbox.stripe import payments
from gateway.sandbox.stripe.errors import invalid, refused
from gateway.sandbox.stripe.ledger import Ledger, merge_metadata, new_id
from gateway.sandbox.stripe.listing import page, sequence
from gateway.sandbox.stripe.params import CURRENCY, ID, Choice, Flag, Hash, Items, Metadata, Text, Whole, accepts, lists
from gateway.sandbox.stripe.resources import products
from gateway.sandbox.stripe.resources.shapes import picked
from gateway.sandbox.stripe.routes import Call, get, post
from gateway.sandbox.stripe.tables import Row

URL = "/v1/payment_links"
ENABLED = Hash({"enabled!": Flag()})
ITEM = Hash({"price": ID, "price_data": products.PRICE_DATA, "quantity!": Whole(min=1, max=999_999)})
AFTER = Hash(
    {
        "type!": Choice(("hosted_confirmation", "redirect")),
        "hosted_confirmation": Hash({"custom_message": Text(max=500)}),
        "redirect": Hash({"url!": Text(max=2048)}),
    }
)
PAYMENT_DATA: dict[str, Any] = {
    "description": Text(max=1000, clear=True),
    "metadata": Metadata(),
    "statement_descriptor": Text(max=22, clear=True),
    "statement_descriptor_suffix": Text(max=22, clear=True),
}
CHANGEABLE: dict[str, Any] = {
    "after_completion": AFTER,
    "allow_promotion_codes": Flag(),
    "automatic_tax": ENABLED,
    "billing_address_collection": Choice(("auto", "required")),
    "customer_creation": Choice(("always", "if_required")),
    "inactive_message": Text(max=500, clear=True),
    "metadata": Metadata(),
    "payment_intent_data": Hash(PAYMENT_DATA),
    "payment_method_types": Items(Choice(("card", "link", "sepa_debit", "us_bank_account", "paypal")), clear=True),
    "phone_number_collection": ENABLED,
    "restrictions": Hash({"completed_sessions!": Hash({"limit!": Whole(min=1)})}, clear=True),
    "submit_type": Choice(("auto", "book", "donate", "pay")),
    "tax_id_collection": Hash({"enabled!": Flag(), "required": Choice(("if_supported", "never"))}),
}
CREATE = accepts({**CHANGEABLE, "line_items!": Items(ITEM, max=20), "currency": CURRENCY})
UPDATE = accepts({**CHANGEABLE, "active": Flag()})
SAME = (
    "active",
    "allow_promotion_codes",
    "billing_address_collection",
    "customer_creation",
    "inactive_message",
    "payment_method_types",
    "phone_number_collection",
    "submit_type",
)


def blank(identity: str, ledger: Ledger, currency: str, url: str) -> Row:
    return {
        "id": identity,
        "object": "payment_link",
        "active": True,
        "after_completion": {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"},
        "allow_promotion_codes": False,
        "application": None,
        "application_fee_amount": None,
        "application_fee_percent": None,
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_address_collection": "auto",
        "consent_collection": None,
        "currency": currency,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_creation": "if_required",
        "inactive_message": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": ledger.livemode,
        "managed_payments": None,
        "metadata": {},
        "on_behalf_of": None,
        "optional_items": None,
        "payment_intent_data": None,
        "payment_method_collection": "always",
        "payment_method_options": None,
        "payment_method_types": None,
        "phone_number_collection": {"enabled": False},
        "restrictions": None,
        "shipping_address_collection": None,
        "shipping_options": [],
        "submit_type": "auto",
        "subscription_data": None,
        "tax_id_collection": {"enabled": False, "required": "never"},
        "transfer_data": None,
        "url": url,
    }


def changes(link: Row, params: Row) -> dict[str, Any]:
    fields = picked(params, SAME)
    if "metadata" in params:
        fields["metadata"] = merge_metadata(link["metadata"], params["metadata"])
    if "after_completion" in params:
        given = params["after_completion"]
        kind = given["type"]
        default = {"custom_message": None} if kind == "hosted_confirmation" else None
        if given.get(kind, default) is None:
            raise invalid(f"Missing required param: after_completion[{kind}].", f"after_completion[{kind}]")
        fields["after_completion"] = {"type": kind, kind: given.get(kind, default)}
    if "automatic_tax" in params:
        on = params["automatic_tax"]["enabled"]
        fields["automatic_tax"] = {"enabled": on, "liability": {"type": "self"} if on else None}
    if "restrictions" in params:
        fields["restrictions"] = restricted(link, params["restrictions"])
    if "tax_id_collection" in params:
        fields["tax_id_collection"] = {"required": "never", **params["tax_id_collection"]}
    if "payment_intent_data" in params:
        fields["payment_intent_data"] = intent_data(params["payment_intent_data"])
    return fields


def restricted(link: Row, given: Row | None) -> Row | None:
    if given is None:
        return None
    count = (link["restrictions"] or {"completed_sessions": {"count": 0}})["completed_sessions"]["count"]
    return {"completed_sessions": {"count": count, "limit": given["completed_sessions"]["limit"]}}


def intent_data(given: Row) -> Row:
    """Declarative: what a later update leaves out is gone."""
    return {
        "capture_method": None,
        "description": given.get("description"),
        "metadata": merge_metadata({}, given.get("metadata") or {}),
        "setup_future_usage": None,
        "statement_descriptor": given.get("statement_descriptor"),
        "statement_descriptor_suffix": given.get("statement_descriptor_suffix"),
        "transfer_group": None,
    }


def new_item(ledger: Ledger, given: Row, name: str) -> Row:
    if ("price" in given) == ("price_data" in given):
        raise invalid("You must specify either `price` or `price_data`.", name)
    if "price" in given:
        price = ledger.named("price", given["price"], f"{name}[price]")
        product = ledger.get("product", price["product"])
    else:
        product, price = products.inline_price(ledger, given["price_data"], f"{name}[price_data]")
    if price["unit_amount"] is None:
        raise refused("Payment links need a whole unit amount.", f"{name}[price_data][unit_amount_decimal]")
    total = price["unit_amount"] * given["quantity"]
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": price,
        "quantity": given["quantity"],
    }


def create(call: Call) -> Row:
    ledger = call.ledger
    items = [new_item(ledger, given, f"line_items[{i}]") for i, given in enumerate(call.params["line_items"])]
    currencies = {item["currency"] for item in items}
    if not items:
        raise invalid("You must pass at least one line item.", "line_items", "parameter_invalid_empty")
    if len(currencies) > 1 or call.params.get("currency", items[0]["currency"]) not in currencies:
        raise refused("All line items of a payment link must have the same currency.", "line_items")
    payments.check_amount(sum(item["amount_total"] for item in items), items[0]["currency"])
    identity = new_id("plink")
    link = blank(identity, ledger, items[0]["currency"], f"{call.world.public_url}/pay/{identity}")
    ledger.link_items[identity] = items
    return ledger.add({**link, **changes(link, call.params)}, "payment_link.created")


def update(call: Call) -> Row:
    link = call.ledger.get("payment_link", call.id)
    return call.ledger.change(link, "payment_link.updated", **changes(link, call.params))


def items_of(call: Call) -> Row:
    call.ledger.get("payment_link", call.id, "payment_link")
    return sequence(call, call.ledger.link_items[call.id], f"{URL}/{call.id}/line_items")


def index(call: Call) -> Row:
    active = call.params.get("active")
    return page(call, "payment_link", URL, keep=lambda row: active is None or row["active"] is active)


SCOPE = "payment_links"
ENDPOINTS = (
    post(URL, create, CREATE, SCOPE, "payment_link"),
    get(URL, index, lists({"active": Flag()}, created=False), SCOPE, "list:payment_link"),
    get(f"{URL}/{{}}", lambda call: call.ledger.get("payment_link", call.id), accepts({}), SCOPE, "payment_link"),
    post(f"{URL}/{{}}", update, UPDATE, SCOPE, "payment_link"),
    get(f"{URL}/{{}}/line_items", items_of, lists(created=False), SCOPE, "list:item"),
)
