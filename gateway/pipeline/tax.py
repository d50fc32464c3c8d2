"""What tax a planned invoice would carry, from Stripe's own preview: nothing of it stays there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.actions import Context
from gateway.actions.customers import params as customer_params
from gateway.errors import Refused
from gateway.money import Money
from gateway.pipeline.work import Tools
from gateway.records import Json, Plan


@dataclass(frozen=True, slots=True)
class Taxed:
    """Totals for the summary of a preview; empty where the invoice carries no tax."""

    totals: Mapping[str, Json] = field(default_factory=dict)
    warnings: Sequence[str] = ()


async def with_tax(tools: Tools, plan: Plan, context: Context) -> Taxed:
    """Asked of Stripe only where the invoice has tax rates or automatic tax."""
    invoice: Mapping[str, Json] = next((s.params for s in plan.steps if s.name == "invoice"), {})
    lines = [line for s in plan.steps for line in s.params.get("lines", ())]
    rates = invoice.get("default_tax_rates", [])
    if not ("automatic_tax" in invoice or rates or any("tax_rates" in line for line in lines)):
        return Taxed()
    params: dict[str, Json] = {
        **_whose(plan, context),
        "currency": plan.currency,
        "invoice_items": [_item(line, rates) for line in lines],
    }
    if "automatic_tax" in invoice:
        params["automatic_tax"] = invoice["automatic_tax"]
    try:
        body = (await tools.stripe.call(plan.entity, "POST", "/v1/invoices/create_preview", params)).body
    except Refused as exc:
        return Taxed({"tax_error": exc.message})
    return _told(body, plan.currency or "usd")


def _whose(plan: Plan, context: Context) -> dict[str, Json]:
    """The customer, or where one that is still to be made will be."""
    if "customer" in plan.holes:
        return {"customer": plan.holes["customer"]}
    told = customer_params(context.party, plan.summary.get("recipient")) if context.party else {}
    place = {"address": told["address"]} if "address" in told else {}
    return {"customer_details": {"tax_exempt": "none", **place}}  # as the customer will be made


def _item(line: Mapping[str, Json], rates: Sequence[str]) -> dict[str, Json]:
    """A line as create_preview takes it: the whole amount, its own rates before those of the invoice."""
    item: dict[str, Json] = {"description": line["description"], "amount": _amount(line)}
    if own := line.get("tax_rates") or rates:
        item["tax_rates"] = list(own)
    if code := line.get("price_data", {}).get("product_data", {}).get("tax_code"):
        item["tax_code"] = code
    return item


def _amount(line: Mapping[str, Json]) -> int:
    if "amount" in line:
        return int(line["amount"])
    price = line["price_data"]
    unit = price.get("unit_amount", price.get("unit_amount_decimal"))
    return int(Decimal(str(unit)) * line["quantity"])


def _told(body: Mapping[str, Json], currency: str) -> Taxed:
    tax = sum(each["amount"] for each in body.get("total_taxes") or ())
    status = (body.get("automatic_tax") or {}).get("status")
    totals = {"tax": Money(tax, currency).text, "total": Money(body["total"], currency).text, "tax_status": status}
    incomplete = "Stripe cannot compute the tax: complete the customer's billing address, or the invoice is refused."
    return Taxed(totals, () if status in {None, "complete"} else (incomplete,))
