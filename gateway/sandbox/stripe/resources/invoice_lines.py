"""Lines of a draft: added in bulk, listed, changed, removed (docs.stripe.com/api/invoice-line-item)."""

from decimal import Decimal
from typing import Any

from gateway.sandbox.stripe import invoice_totals
from gateway.sandbox.stripe.errors import invalid, missing, refused
from gateway.sandbox.stripe.ledger import Ledger, Line, merge_metadata, new_id
from gateway.sandbox.stripe.listing import sequence
from gateway.sandbox.stripe.params import ID, Choice, Exact, Flag, Hash, Items, Metadata, Text, Whole, accepts, lists
from gateway.sandbox.stripe.resources import products, shapes
from gateway.sandbox.stripe.resources.tax_rates import new_discount
from gateway.sandbox.stripe.routes import Call, get, post
from gateway.sandbox.stripe.tables import Row

LINE: dict[str, Any] = {
    "amount": Whole(),
    "description": Text(),
    "discountable": Flag(),
    "discounts": shapes.discounts(),
    "metadata": Metadata(),
    "period": shapes.PERIOD,
    "price_data": products.PRICE_DATA,
    "pricing": Hash({"price": ID}),
    "quantity": Whole(min=0),
    "quantity_decimal": Exact(),
    "tax_rates": Items(ID, max=5, clear=True),
}
ADD = accepts({"lines!": Items(Hash(LINE)), "invoice_metadata": Metadata()})
REMOVE = accepts(
    {"lines!": Items(Hash({"id!": ID, "behavior!": Choice(("delete", "unassign"))})), "invoice_metadata": Metadata()}
)
ONE_OF = ("amount", "price_data", "pricing")


def unit_price(ledger: Ledger, invoice: Row, given: Row, name: str) -> tuple[Row, Row]:
    """The product and price behind a line, whichever way it was given."""
    chosen = [key for key in ONE_OF if key in given]
    if len(chosen) != 1:
        raise invalid(f"You must specify exactly one of these parameters: {', '.join(ONE_OF)}.", name)
    if chosen == ["pricing"]:
        price = ledger.named("price", given["pricing"].get("price", ""), f"{name}[pricing][price]")
        product = ledger.get("product", price["product"])
    elif chosen == ["price_data"]:
        product, price = products.inline_price(ledger, given["price_data"], f"{name}[price_data]")
    else:
        if "quantity" in given or "quantity_decimal" in given:
            raise invalid("`quantity` cannot be combined with `amount`; pass `price_data`.", f"{name}[quantity]")
        product = ledger.add(products.new_product(ledger, {"name": given.get("description", "Item")}))
        amount = Decimal(given["amount"])
        price = products.new_price(ledger, product["id"], invoice["currency"], amount, {}, active=False)
        ledger.add(price)
    if price["currency"] != invoice["currency"]:
        raise refused(
            f"The currency of the line ({price['currency']}) must match the invoice's ({invoice['currency']}).",
            f"{name}[price_data][currency]",
        )
    return product, price


def new_line(ledger: Ledger, invoice: Row, given: Row, name: str) -> Line:
    if "quantity" in given and "quantity_decimal" in given:
        raise invalid("You may only specify one of these parameters: quantity, quantity_decimal.", f"{name}[quantity]")
    product, price = unit_price(ledger, invoice, given, name)
    quantity: Decimal = given.get("quantity_decimal", Decimal(given.get("quantity", 1)))
    amount = products.rounded(quantity * Decimal(price["unit_amount_decimal"]))
    now = ledger.time()
    item = new_id("ii")
    row = {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": invoice["currency"],
        "description": given.get("description", product["name"]),
        "discount_amounts": [],
        "discountable": given.get("discountable", amount >= 0),
        "discounts": discounts_of(ledger, invoice, given.get("discounts") or (), item, name),
        "invoice": invoice["id"],
        "livemode": ledger.livemode,
        "metadata": merge_metadata({}, given.get("metadata") or {}),
        "parent": {
            "invoice_item_details": {
                "invoice_item": item,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "period": given.get("period") or {"end": now, "start": now},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": product["id"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": int(quantity) if quantity == quantity.to_integral_value() else None,
        "quantity_decimal": products.plain(quantity),
        "subscription": None,
        "subtotal": amount,
        "taxes": [],
    }
    return Line(row, rates_of(ledger, invoice, given, name), price["tax_behavior"] == "inclusive")


def rates_of(ledger: Ledger, invoice: Row, given: Row, name: str) -> tuple[str, ...]:
    rates = given.get("tax_rates") or ()
    if rates and invoice["automatic_tax"]["enabled"]:
        raise refused("You cannot pass `tax_rates` when automatic tax is enabled.", f"{name}[tax_rates]")
    for position, rate in enumerate(rates):
        ledger.named("tax_rate", rate, f"{name}[tax_rates][{position}]")
    return tuple(rates)


def discounts_of(ledger: Ledger, invoice: Row, given: Any, item: str, name: str) -> list[str]:
    place = {"customer": invoice["customer"], "invoice": invoice["id"], "invoice_item": item}
    made = []
    for position, entry in enumerate(given):
        if "coupon" not in entry:
            raise invalid("You must pass `coupon`.", f"{name}[discounts][{position}]")
        made.append(new_discount(ledger, entry["coupon"], f"{name}[discounts][{position}][coupon]", **place)["id"])
    return made


def draft_of(call: Call) -> Row:
    invoice = call.ledger.get("invoice", call.id)
    if invoice["status"] != "draft":
        raise refused("This invoice is no longer editable", None, "invoice_not_editable")
    return invoice


def add(call: Call) -> Row:
    invoice, lines = draft_of(call), call.params["lines"]
    limit = call.world.settings.lines_per_call
    if len(lines) > limit:
        raise refused(f"Array must contain at most {limit} elements.", "lines")
    kept = call.ledger.invoice_lines[invoice["id"]]
    most = call.world.settings.lines_per_invoice
    if len(kept) + len(lines) > most:
        raise refused(f"An invoice can have at most {most} line items.", "lines", "invoice_line_limit")
    made = [new_line(call.ledger, invoice, given, f"lines[{position}]") for position, given in enumerate(lines)]
    call.ledger.invoice_lines[invoice["id"]] = [*kept, *made]
    return saved(call, invoice)


def remove(call: Call) -> Row:
    invoice = draft_of(call)
    gone = {entry["id"] for entry in call.params["lines"]}
    kept = call.ledger.invoice_lines[invoice["id"]]
    unknown = gone - {line.row["id"] for line in kept}
    if unknown:
        raise missing("line item", min(unknown), "lines", status=400)
    call.ledger.invoice_lines[invoice["id"]] = [line for line in kept if line.row["id"] not in gone]
    return saved(call, invoice)


def saved(call: Call, invoice: Row) -> Row:
    changed = invoice_totals.refreshed(call.ledger, invoice)
    if "invoice_metadata" in call.params:
        changed["metadata"] = merge_metadata(invoice["metadata"], call.params["invoice_metadata"])
    return call.ledger.change(invoice, "invoice.updated", **changed)


def index(call: Call) -> Row:
    call.ledger.get("invoice", call.id, "invoice")
    rows = [line.row for line in call.ledger.invoice_lines[call.id]]
    return sequence(call, rows, f"/v1/invoices/{call.id}/lines")


ENDPOINTS = (
    post("/v1/invoices/{}/add_lines", add, ADD, "invoice", "invoice"),
    post("/v1/invoices/{}/remove_lines", remove, REMOVE, "invoice", "invoice"),
    get("/v1/invoices/{}/lines", index, lists(created=False), "invoice", "list:line_item"),
)
