"""``POST /v1/invoices/create_preview``: what an invoice would come to; nothing of it stays."""

from typing import Any

from gateway.sandbox.stripe import invoice_totals
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.params import (
    CURRENCY,
    ID,
    Choice,
    Exact,
    Flag,
    Hash,
    Items,
    Metadata,
    Pattern,
    Text,
    Whole,
    accepts,
)
from gateway.sandbox.stripe.resources import products, shapes
from gateway.sandbox.stripe.resources.customers import new_customer
from gateway.sandbox.stripe.resources.invoice_lines import new_line
from gateway.sandbox.stripe.resources.invoice_shape import blank
from gateway.sandbox.stripe.resources.invoices import AUTOMATIC_TAX, changes
from gateway.sandbox.stripe.routes import Call, post
from gateway.sandbox.stripe.tables import Row

ITEM: dict[str, Any] = {
    "amount": Whole(),
    "currency": CURRENCY,
    "description": Text(),
    "discountable": Flag(),
    "discounts": shapes.discounts(),
    "metadata": Metadata(),
    "period": shapes.PERIOD,
    "price": ID,
    "price_data": products.PRICE_DATA_OF_PRODUCT,
    "quantity": Whole(min=0),
    "quantity_decimal": Exact(),
    "tax_behavior": Choice(products.BEHAVIOURS),
    "tax_code": Pattern(r"txcd_[0-9]{8}", "tax code"),
    "tax_rates": Items(ID, max=5, clear=True),
    "unit_amount": Whole(),
    "unit_amount_decimal": Exact(),
}
PREVIEW = accepts(
    {
        "automatic_tax": AUTOMATIC_TAX,
        "currency": CURRENCY,
        "customer": ID,
        "customer_details": Hash(
            {
                "address": shapes.address(),
                "shipping": shapes.shipping(),
                "tax_exempt": Choice(("exempt", "none", "reverse"), clear=True),
            }
        ),
        "discounts": shapes.discounts(),
        "invoice_items": Items(Hash(ITEM), max=250),
    }
)


def preview(call: Call) -> Row:
    params, ledger = call.params, call.ledger
    if "customer" not in params and "customer_details" not in params:
        raise refused("You must pass `customer` or `customer_details`.", "customer", "parameter_missing")
    with ledger.scratch():
        customer = who(ledger, params)
        currency = params.get("currency") or customer["currency"] or ledger.currency
        invoice = {**blank(ledger, customer, currency), "billing_reason": "manual"}
        invoice["id"] = f"upcoming_{invoice['id']}"
        given: Row = {name: params[name] for name in ("automatic_tax", "discounts") if name in params}
        invoice = {**invoice, **changes(ledger, invoice, given)}
        lines = [
            new_line(ledger, invoice, as_line(item, currency, f"invoice_items[{i}]"), f"invoice_items[{i}]")
            for i, item in enumerate(params.get("invoice_items", ()))
        ]
        computed, priced = invoice_totals.computed(ledger, invoice, customer, lines)
        # Unlike an invoice's, a preview's lines are all there: it cannot be paged through later.
        rows = [line.row for line in priced]
        return {**computed, "lines": {**computed["lines"], "data": rows, "has_more": False}}


def who(ledger: Ledger, params: Row) -> Row:
    details = params.get("customer_details", {})
    if "customer" in params:
        customer = ledger.named("customer", params["customer"], "customer")
    else:
        customer = ledger.add(new_customer(ledger, {}))
    fields: Row = {}
    if "address" in details:
        fields["address"] = shapes.whole_address(details["address"])
    if "shipping" in details:
        fields["shipping"] = shapes.whole_shipping(details["shipping"])
    if "tax_exempt" in details:
        fields["tax_exempt"] = details["tax_exempt"] or "none"
    return {**customer, **fields}


def as_line(item: Row, currency: str, name: str) -> Row:
    """Invoice items spell a few members differently from lines."""
    line = {key: value for key, value in item.items() if key in ITEM and key not in ("price", "currency")}
    line.pop("tax_code", None)  # the table of rates knows no kinds of goods
    if item.get("currency", currency) != currency:
        raise refused("All invoice items must have the currency of the invoice.", f"{name}[currency]")
    if "price" in item:
        line["pricing"] = {"price": item["price"]}
    unit = {key: line.pop(key) for key in ("unit_amount", "unit_amount_decimal") if key in line}
    behaviour = line.pop("tax_behavior", "unspecified")
    if unit:
        product_data = {"name": item.get("description", "Item")}
        line["price_data"] = {"currency": currency, "product_data": product_data, "tax_behavior": behaviour, **unit}
    return line


ENDPOINTS = (post("/v1/invoices/create_preview", preview, PREVIEW, "invoice", "invoice"),)
