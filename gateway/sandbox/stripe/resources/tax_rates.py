"""Tax rates, coupons and the discounts made from them (docs.stripe.com/api/tax_rates, /api/coupons)."""

from decimal import Decimal
from typing import Any

from gateway.sandbox.stripe.errors import invalid, refused
from gateway.sandbox.stripe.ledger import Ledger, merge_metadata, new_id
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import CURRENCY, Choice, Exact, Flag, Metadata, Text, Whole, accepts, lists
from gateway.sandbox.stripe.resources.shapes import picked
from gateway.sandbox.stripe.routes import Call, get, post
from gateway.sandbox.stripe.tables import Row

TAX_TYPES = ("gst", "hst", "igst", "jct", "pst", "qst", "rst", "sales_tax", "service_tax", "vat")
RATE: dict[str, Any] = {
    "display_name!": Text(max=50),
    "inclusive!": Flag(),
    "percentage!": Exact(places=4),
    "active": Flag(),
    "country": Text(max=2),
    "description": Text(),
    "jurisdiction": Text(max=50),
    "metadata": Metadata(clear=False),
    "state": Text(max=2),
    "tax_type": Choice(TAX_TYPES),
}
RATE_UPDATE = accepts(
    {
        "active": Flag(),
        "country": Text(max=2),
        "description": Text(),
        "display_name": Text(max=50),
        "jurisdiction": Text(max=50),
        "metadata": Metadata(),
        "state": Text(max=2),
        "tax_type": Choice(TAX_TYPES),
    }
)
COUPON = accepts(
    {
        "amount_off": Whole(min=1),
        "currency": CURRENCY,
        "duration": Choice(("forever", "once", "repeating")),
        "duration_in_months": Whole(min=1),
        "id": Text(max=200),
        "metadata": Metadata(),
        "name": Text(max=40),
        "percent_off": Exact(places=4),
    }
)


def number(value: Decimal) -> int | float:
    """Percentages are JSON numbers at Stripe."""
    return int(value) if value == value.to_integral_value() else float(value)


def new_rate(ledger: Ledger, params: Row, identity: str | None = None) -> Row:
    percentage = number(params["percentage"])
    return {
        "id": identity or new_id("txr"),
        "object": "tax_rate",
        "active": params.get("active", True),
        "country": params.get("country"),
        "created": ledger.time(),
        "description": params.get("description"),
        "display_name": params["display_name"],
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": params["inclusive"],
        "jurisdiction": params.get("jurisdiction"),
        "jurisdiction_level": None,
        "livemode": ledger.livemode,
        "metadata": merge_metadata({}, params.get("metadata", {})),
        "percentage": percentage,
        "rate_type": "percentage",
        "state": params.get("state"),
        "tax_type": params.get("tax_type"),
    }


def create_rate(call: Call) -> Row:
    return call.ledger.add(new_rate(call.ledger, call.params), "tax_rate.created")


def update_rate(call: Call) -> Row:
    rate = call.ledger.get("tax_rate", call.id)
    fields = dict(call.params)
    if "metadata" in fields:
        fields["metadata"] = merge_metadata(rate["metadata"], fields["metadata"])
    return call.ledger.change(rate, "tax_rate.updated", **fields)


def list_rates(call: Call) -> Row:
    wanted = picked(call.params, ("active", "inclusive"))
    return page(call, "tax_rate", "/v1/tax_rates", keep=lambda row: all(row[k] == v for k, v in wanted.items()))


def create_coupon(call: Call) -> Row:
    params = call.params
    if ("amount_off" in params) == ("percent_off" in params):
        raise invalid("You must pass exactly one of amount_off and percent_off.", "percent_off")
    if "amount_off" in params and "currency" not in params:
        raise invalid("You must pass currency with amount_off.", "currency", "parameter_missing")
    if call.ledger.find("coupon", params.get("id", "")):
        raise refused("Coupon already exists.", "id", "resource_already_exists")
    coupon = {
        "id": params.get("id") or new_id("co").removeprefix("co_1")[:8],
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": call.ledger.time(),
        "currency": params.get("currency"),
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": call.ledger.livemode,
        "max_redemptions": None,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "name": params.get("name"),
        "percent_off": number(params["percent_off"]) if "percent_off" in params else None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }
    return call.ledger.add(coupon, "coupon.created")


def new_discount(ledger: Ledger, coupon: str, param: str, **place: Any) -> Row:
    """The discount that a coupon becomes on an invoice or a line."""
    ledger.named("coupon", coupon, param)
    return ledger.add(
        {
            "id": new_id("di"),
            "object": "discount",
            "checkout_session": None,
            "customer": place.get("customer"),
            "customer_account": None,
            "end": None,
            "invoice": place.get("invoice"),
            "invoice_item": place.get("invoice_item"),
            "promotion_code": None,
            "source": {"coupon": coupon, "type": "coupon"},
            "start": ledger.time(),
            "subscription": None,
            "subscription_item": None,
        }
    )


ENDPOINTS = (
    post("/v1/tax_rates", create_rate, accepts(RATE), "tax_rate", "tax_rate"),
    get("/v1/tax_rates", list_rates, lists({"active": Flag(), "inclusive": Flag()}), "tax_rate", "list:tax_rate"),
    get("/v1/tax_rates/{}", lambda call: call.ledger.get("tax_rate", call.id), accepts({}), "tax_rate", "tax_rate"),
    post("/v1/tax_rates/{}", update_rate, RATE_UPDATE, "tax_rate", "tax_rate"),
    post("/v1/coupons", create_coupon, COUPON, "coupon", "coupon"),
    get("/v1/coupons", lambda call: page(call, "coupon", "/v1/coupons"), lists(), "coupon", "list:coupon"),
    get("/v1/coupons/{}", lambda call: call.ledger.get("coupon", call.id), accepts({}), "coupon", "coupon"),
)
