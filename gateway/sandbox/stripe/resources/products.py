"""Products and prices, made alone or inline by ``price_data`` (docs.stripe.com/api/products, /api/prices)."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.sandbox.stripe.errors import invalid, refused
from gateway.sandbox.stripe.ledger import Ledger, merge_metadata, new_id
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import (
    CURRENCY,
    ID,
    Choice,
    Exact,
    Flag,
    Hash,
    Items,
    Metadata,
    Text,
    Whole,
    accepts,
    lists,
)
from gateway.sandbox.stripe.resources.shapes import picked
from gateway.sandbox.stripe.routes import Call, get, post
from gateway.sandbox.stripe.tables import Row

BEHAVIOURS = ("exclusive", "inclusive", "unspecified")
PRODUCT_DATA = Hash(
    {
        "name!": Text(),
        "description": Text(max=40000),
        "images": Items(Text(max=2048), max=8),
        "metadata": Metadata(clear=False),
        "tax_code": Text(),
        "unit_label": Text(max=12),
    }
)
PRICE_DATA_TABLE: dict[str, Any] = {
    "currency!": CURRENCY,
    "product": ID,
    "product_data": PRODUCT_DATA,
    "tax_behavior": Choice(BEHAVIOURS),
    "unit_amount": Whole(),
    "unit_amount_decimal": Exact(),
}
PRICE_DATA = Hash(PRICE_DATA_TABLE)
# The only price_data of create_preview's invoice_items: an existing product, no product_data.
PRICE_DATA_OF_PRODUCT = Hash({**{k: v for k, v in PRICE_DATA_TABLE.items() if k != "product_data"}, "product!": ID})
PRODUCT: dict[str, Any] = {**PRODUCT_DATA.table, "active": Flag(), "id": ID, "url": Text()}
PRODUCT_UPDATE = accepts({name.rstrip("!"): param for name, param in PRODUCT.items() if name != "id"})
PRICE: dict[str, Any] = {
    "currency!": CURRENCY,
    "active": Flag(),
    "lookup_key": Text(max=200),
    "metadata": Metadata(),
    "nickname": Text(),
    "product": ID,
    "product_data": Hash({"name!": Text(), "metadata": Metadata(clear=False), "tax_code": Text()}),
    "tax_behavior": Choice(BEHAVIOURS),
    "unit_amount": Whole(min=0),
    "unit_amount_decimal": Exact(),
}


def plain(number: Decimal) -> str:
    """A decimal the way Stripe prints it: no exponent, no trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def exclusive(params: Row, first: str, second: str, prefix: str) -> None:
    if first in params and second in params:
        raise invalid(f"You may only specify one of these parameters: {first}, {second}.", f"{prefix}[{first}]")
    if first not in params and second not in params:
        raise invalid(f"You must specify one of these parameters: {first}, {second}.", f"{prefix}[{first}]")


def new_product(ledger: Ledger, data: Row) -> Row:
    now = ledger.time()
    return {
        "id": data.get("id") or new_id("prod"),
        "object": "product",
        "active": data.get("active", True),
        "created": now,
        "default_price": None,
        "description": data.get("description"),
        "images": data.get("images", []),
        "livemode": ledger.livemode,
        "marketing_features": [],
        "metadata": merge_metadata({}, data.get("metadata", {})),
        "name": data["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": data.get("tax_code"),
        "tax_details": None,
        "type": "service",
        "unit_label": data.get("unit_label"),
        "updated": now,
        "url": data.get("url"),
    }


def new_price(ledger: Ledger, product: str, currency: str, amount: Decimal, data: Row, *, active: bool) -> Row:
    return {
        "id": new_id("price"),
        "object": "price",
        "active": active,
        "billing_scheme": "per_unit",
        "created": ledger.time(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": ledger.livemode,
        "lookup_key": data.get("lookup_key"),
        "metadata": merge_metadata({}, data.get("metadata") or {}),
        "nickname": data.get("nickname"),
        "product": product,
        "recurring": None,
        "tax_behavior": data.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": int(amount) if amount == amount.to_integral_value() else None,
        "unit_amount_decimal": plain(amount),
    }


def inline_price(ledger: Ledger, data: Row, name: str) -> tuple[Row, Row]:
    """The product and the inactive price that ``price_data`` makes."""
    exclusive(data, "unit_amount", "unit_amount_decimal", name)
    exclusive(data, "product", "product_data", name)
    amount = data["unit_amount_decimal"] if "unit_amount_decimal" in data else Decimal(data["unit_amount"])
    if "product" in data:
        product = ledger.named("product", data["product"], f"{name}[product]")
    else:
        product = ledger.add(new_product(ledger, data["product_data"]))
    price = new_price(ledger, product["id"], data["currency"], amount, data, active=False)
    return product, ledger.add(price)


def create_product(call: Call) -> Row:
    if call.ledger.find("product", call.params.get("id", "")):
        raise refused("Product already exists.", "id", "resource_already_exists")
    return call.ledger.add(new_product(call.ledger, call.params), "product.created")


def create_price(call: Call) -> Row:
    params = call.params
    exclusive(params, "product", "product_data", "price")
    exclusive(params, "unit_amount", "unit_amount_decimal", "price")
    if "product" in params:
        product = call.ledger.named("product", params["product"], "product")
    else:
        product = call.ledger.add(new_product(call.ledger, params["product_data"]), "product.created")
    amount = params.get("unit_amount_decimal", Decimal(params.get("unit_amount", 0)))
    price = new_price(call.ledger, product["id"], params["currency"], amount, params, active=params.get("active", True))
    return call.ledger.add(price, "price.created")


def update_product(call: Call) -> Row:
    product = call.ledger.get("product", call.id)
    fields = picked(call.params, ("active", "description", "name", "url", "unit_label", "tax_code", "images"))
    if "metadata" in call.params:
        fields["metadata"] = merge_metadata(product["metadata"], call.params["metadata"])
    return call.ledger.change(product, "product.updated", **fields, updated=call.ledger.time())


def list_products(call: Call) -> Row:
    active = call.params.get("active")
    return page(call, "product", "/v1/products", keep=lambda row: active is None or row["active"] is active)


def list_prices(call: Call) -> Row:
    params = call.params
    return page(
        call,
        "price",
        "/v1/prices",
        by=picked(params, ("product",)),
        keep=lambda row: all(row[name] == params[name] for name in ("active", "currency") if name in params),
    )


ENDPOINTS = (
    post("/v1/products", create_product, accepts(PRODUCT), "product", "product"),
    get("/v1/products", list_products, lists({"active": Flag()}), "product", "list:product"),
    get("/v1/products/{}", lambda call: call.ledger.get("product", call.id), accepts({}), "product", "product"),
    post(
        "/v1/products/{}",
        update_product,
        PRODUCT_UPDATE,
        "product",
        "product",
    ),
    post("/v1/prices", create_price, accepts(PRICE), "plan", "price"),
    get(
        "/v1/prices", list_prices, lists({"active": Flag(), "currency": CURRENCY, "product": ID}), "plan", "list:price"
    ),
    get("/v1/prices/{}", lambda call: call.ledger.get("price", call.id), accepts({}), "plan", "price"),
)
