"""Keeping a draft's amounts in step with its lines, discounts, taxes and customer."""

from collections.abc import Sequence

from gateway.sandbox.stripe import automatic_tax
from gateway.sandbox.stripe.amounts import Rules, priced
from gateway.sandbox.stripe.ledger import Ledger, Line
from gateway.sandbox.stripe.tables import Row

SHOWN_LINES = 10


def rules_for(ledger: Ledger, invoice: Row, customer: Row) -> tuple[Rules, Row]:
    """The rules for the amounts, and the invoice's ``automatic_tax``."""
    rates = tuple(rate["id"] for rate in invoice["default_tax_rates"])
    state, reason, taxed = invoice["automatic_tax"], "standard_rated", True
    if state["enabled"]:
        decision = automatic_tax.decide(ledger, customer)
        state = {**state, "status": decision.status}
        rates = (decision.rate,) if decision.rate else ()
        reason, taxed = decision.reason, decision.reason == "standard_rated"

    def coupon_of(discount: str) -> Row:
        return ledger.get("coupon", ledger.get("discount", discount)["source"]["coupon"])

    def rate_of(rate: str) -> Row:
        return ledger.get("tax_rate", rate)

    return Rules(invoice["discounts"], rates, coupon_of, rate_of, reason, taxed), state


def shown(lines: Sequence[Line], url: str) -> Row:
    return {
        "object": "list",
        "data": [line.row for line in lines[:SHOWN_LINES]],
        "has_more": len(lines) > SHOWN_LINES,
        "total_count": len(lines),
        "url": url,
    }


def computed(ledger: Ledger, invoice: Row, customer: Row, lines: Sequence[Line]) -> tuple[Row, list[Line]]:
    """The invoice with its amounts; stores nothing."""
    rules, tax_state = rules_for(ledger, invoice, customer)
    done, totals = priced(lines, rules)
    amount_due = max(0, totals.total + customer["balance"]) if totals.total > 0 else 0
    return {
        **invoice,
        "automatic_tax": tax_state,
        "lines": shown(done, invoice["lines"]["url"]),
        "subtotal": totals.subtotal,
        "subtotal_excluding_tax": totals.subtotal_excluding_tax,
        "total": totals.total,
        "total_excluding_tax": totals.total_excluding_tax,
        "total_discount_amounts": totals.discounts,
        "total_taxes": totals.taxes,
        "starting_balance": customer["balance"],
        "amount_due": amount_due,
        "amount_remaining": amount_due,
    }, done


def customer_copy(customer: Row, tax_ids: list[Row] | None = None) -> Row:
    """A draft follows its customer; finalizing freezes the copy."""
    return {
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [{"type": row["type"], "value": row["value"]} for row in tax_ids or ()],
    }


def refreshed(ledger: Ledger, invoice: Row) -> Row:
    """A draft as it is now: amounts, and the customer's present name and address."""
    customer = ledger.get("customer", invoice["customer"])
    tax_ids = list(ledger.table("tax_id").where(customer=customer["id"]))
    draft = {**invoice, **customer_copy(customer, tax_ids)}
    changed, lines = computed(ledger, draft, customer, ledger.invoice_lines.get(invoice["id"], []))
    ledger.invoice_lines[invoice["id"]] = lines
    return changed
