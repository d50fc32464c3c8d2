"""Invoices: what they look like, drafts and lists (docs.stripe.com/api/invoices)."""

from typing import Any

from gateway.sandbox.stripe import billing, invoice_totals
from gateway.sandbox.stripe.errors import invalid, refused
from gateway.sandbox.stripe.ledger import Ledger, merge_metadata
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import (
    CURRENCY,
    ID,
    NO_PARAMS,
    Choice,
    Flag,
    Hash,
    Items,
    Metadata,
    Range,
    Text,
    Whole,
    accepts,
    lists,
)
from gateway.sandbox.stripe.resources import shapes
from gateway.sandbox.stripe.resources.invoice_shape import blank
from gateway.sandbox.stripe.resources.tax_rates import new_discount
from gateway.sandbox.stripe.routes import Call, delete, get, post
from gateway.sandbox.stripe.tables import Row

URL = "/v1/invoices"
METHODS = ("charge_automatically", "send_invoice")
STATUSES = ("draft", "open", "paid", "uncollectible", "void")
PAYMENT_TYPES = (
    "ach_credit_transfer", "ach_debit", "bacs_debit", "bancontact", "boleto", "card", "cashapp", "customer_balance",
    "eps", "giropay", "ideal", "klarna", "konbini", "link", "p24", "paypal", "sepa_credit_transfer", "sepa_debit",
    "us_bank_account", "wechat_pay",
)  # fmt: skip
DAY = 24 * 3600
AUTOMATIC_TAX = Hash({"enabled!": Flag()})
CHANGEABLE: dict[str, Any] = {
    "auto_advance": Flag(),
    "automatic_tax": AUTOMATIC_TAX,
    "collection_method": Choice(METHODS),
    "custom_fields": shapes.custom_fields(),
    "days_until_due": Whole(min=0, max=36500),
    "default_tax_rates": Items(ID, max=5, clear=True),
    "description": Text(max=1500, clear=True),
    "discounts": shapes.discounts(),
    "due_date": Whole(min=0),
    "effective_at": Whole(min=0, clear=True),
    "footer": Text(max=5000, clear=True),
    "metadata": Metadata(),
    "number": Text(max=26, clear=True),
    "payment_settings": Hash({"payment_method_types": Items(Choice(PAYMENT_TYPES), clear=True)}),
    "rendering": Hash(
        {
            "amount_tax_display": Choice(("exclude_tax", "include_inclusive_tax"), clear=True),
            "pdf": Hash({"page_size": Choice(("a4", "auto", "letter"))}),
        }
    ),
    "shipping_details": shapes.shipping(),
    "statement_descriptor": Text(max=22),
}
CREATE = accepts(
    {
        **CHANGEABLE,
        "customer": ID,
        "currency": CURRENCY,
        "pending_invoice_items_behavior": Choice(("exclude", "include")),
    }
)
UPDATE = accepts(CHANGEABLE)
# What a finalised invoice still lets change (docs.stripe.com/invoicing/invoice-edits).
AFTER_FINALIZING = frozenset({"auto_advance", "metadata", "payment_settings"})
SAME = ("auto_advance", "collection_method", "custom_fields", "description", "effective_at", "footer", "number",
        "statement_descriptor")  # fmt: skip
FILTERS: dict[str, Any] = {
    "collection_method": Choice(METHODS),
    "customer": ID,
    "due_date": Range(),
    "status": Choice(STATUSES),
}


def changes(ledger: Ledger, invoice: Row, params: Row) -> dict[str, Any]:
    fields = shapes.picked(params, SAME)
    if "metadata" in params:
        fields["metadata"] = merge_metadata(invoice["metadata"], params["metadata"])
    if "automatic_tax" in params:
        on = params["automatic_tax"]["enabled"]
        fields["automatic_tax"] = {
            **invoice["automatic_tax"],
            "enabled": on,
            "liability": {"type": "self"} if on else None,
            "provider": "stripe" if on else None,
        }
    if "default_tax_rates" in params:
        fields["default_tax_rates"] = [
            ledger.named("tax_rate", rate, f"default_tax_rates[{i}]")
            for i, rate in enumerate(params["default_tax_rates"] or ())
        ]
    if "discounts" in params:
        fields["discounts"] = discounts_of(ledger, invoice, params["discounts"] or ())
    if "payment_settings" in params:
        fields["payment_settings"] = {**invoice["payment_settings"], **params["payment_settings"]}
    if "rendering" in params:
        base = {"amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None, "template_version": None}
        fields["rendering"] = {**base, **params["rendering"]}
    if "shipping_details" in params:
        fields["shipping_details"] = shapes.whole_shipping(params["shipping_details"])
    return {**fields, **due(ledger, {**invoice, **fields}, params)}


def discounts_of(ledger: Ledger, invoice: Row, given: Any) -> list[str]:
    made = []
    for position, entry in enumerate(given):
        name = f"discounts[{position}]"
        if len(entry) != 1:
            raise invalid("You must pass exactly one of coupon and discount.", name)
        if "discount" in entry:
            made.append(ledger.named("discount", entry["discount"], f"{name}[discount]")["id"])
        else:
            place = {"customer": invoice["customer"], "invoice": invoice["id"]}
            made.append(new_discount(ledger, entry["coupon"], f"{name}[coupon]", **place)["id"])
    return made


def due(ledger: Ledger, invoice: Row, params: Row) -> dict[str, Any]:
    given = [name for name in ("days_until_due", "due_date") if name in params]
    sends = invoice["collection_method"] == "send_invoice"
    if len(given) == 2:
        raise refused("You may only specify one of these parameters: days_until_due, due_date.", "due_date")
    if given and not sends:
        raise refused(f"You can only set `{given[0]}` if `collection_method` is `send_invoice`.", given[0])
    if not given:
        if sends and invoice["due_date"] is None:
            raise refused(
                "If `collection_method` is `send_invoice`, you must pass `days_until_due` or `due_date`.", "due_date"
            )
        return {}
    if "due_date" in params:
        if params["due_date"] <= ledger.time():
            raise refused("`due_date` must be in the future.", "due_date")
        return {"due_date": params["due_date"]}
    return {"due_date": ledger.time() + params["days_until_due"] * DAY}


def create(call: Call) -> Row:
    ledger, params = call.ledger, call.params
    if "customer" not in params:
        raise refused("You must pass `customer`.", "customer", "parameter_missing")
    customer = ledger.named("customer", params["customer"], "customer")
    currency = params.get("currency") or customer["currency"] or ledger.currency
    invoice = blank(ledger, customer, currency)
    invoice = {**invoice, **changes(ledger, invoice, params)}
    if invoice["collection_method"] == "send_invoice" and not customer["email"]:
        raise refused(
            "Missing email. In order to create invoices that are sent to the customer, the customer must have a valid "
            "email.",
            "customer",
        )
    if customer["currency"] is None:
        ledger.change(customer, currency=currency)
    ledger.invoice_lines[invoice["id"]] = []
    invoice = invoice_totals.refreshed(ledger, invoice)
    if invoice["auto_advance"]:
        invoice["automatically_finalizes_at"] = ledger.time() + int(call.world.settings.auto_finalize_after)
        call.world.later(
            call.world.settings.auto_finalize_after, lambda: billing.auto_finalize(call.world, ledger, invoice["id"])
        )
    return ledger.add(invoice, "invoice.created")


def update(call: Call) -> Row:
    invoice = call.ledger.get("invoice", call.id)
    if invoice["status"] != "draft" and set(call.params) - AFTER_FINALIZING:
        blocked = sorted(set(call.params) - AFTER_FINALIZING)
        raise refused(
            f"Finalized invoices can't be updated in this way: {', '.join(blocked)}.",
            blocked[0],
            "invoice_not_editable",
        )
    changed = {**invoice, **changes(call.ledger, invoice, call.params)}
    if invoice["status"] == "draft":
        changed = invoice_totals.refreshed(call.ledger, changed)
    return call.ledger.change(invoice, "invoice.updated", **changed)


def remove(call: Call) -> Row:
    invoice = call.ledger.get("invoice", call.id)
    if invoice["status"] != "draft":
        raise refused("You can only delete draft invoices. To cancel an invoice that isn't a draft, void it instead.")
    call.ledger.invoice_lines.pop(invoice["id"], None)
    return call.ledger.remove(invoice, "invoice.deleted")


def index(call: Call) -> Row:
    params = call.params
    wanted = shapes.picked(params, ("status", "collection_method"))
    due_range = params.get("due_date")

    def keep(row: Row) -> bool:
        return all(row[name] == value for name, value in wanted.items()) and (
            due_range is None or (row["due_date"] is not None and within(row["due_date"], due_range))
        )

    return page(call, "invoice", URL, by=shapes.picked(params, ("customer",)), keep=keep)


def within(value: int, limits: dict[str, int]) -> bool:
    checks = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
    return all(checks[name](bound) for name, bound in limits.items())


ENDPOINTS = (
    post(URL, create, CREATE, "invoice", "invoice"),
    get(URL, index, lists(FILTERS), "invoice", "list:invoice"),
    get(f"{URL}/{{}}", lambda call: call.ledger.get("invoice", call.id), accepts({}), "invoice", "invoice"),
    post(f"{URL}/{{}}", update, UPDATE, "invoice", "invoice"),
    delete(f"{URL}/{{}}", remove, NO_PARAMS, "invoice", "invoice"),
)
