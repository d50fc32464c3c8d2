"""Paying a payment link: each payment is a checkout session of its own."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from gateway.sandbox.stripe import automatic_tax, debits, payments
from gateway.sandbox.stripe.amounts import half_up
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import Ledger, new_id
from gateway.sandbox.stripe.tables import Row

if TYPE_CHECKING:
    from gateway.sandbox.stripe.world import StripeWorld

LIFETIME = 24 * 3600
TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


@dataclass(frozen=True)
class Payer:
    """What somebody types into the checkout page; ``debit``: pays from the bank account instead of by card."""

    email: str
    name: str
    country: str
    card: str = "pm_card_visa"
    reference: str | None = None
    debit: bool = False


def open_to_pay(link: Row) -> str | None:
    """Why this link takes no payment now, or None."""
    if not link["active"]:
        return link["inactive_message"] or "This link is no longer active."
    limit = link["restrictions"]
    if limit and limit["completed_sessions"]["count"] >= limit["completed_sessions"]["limit"]:
        return link["inactive_message"] or "This link has been used as often as it may be."
    return None


def pay(world: "StripeWorld", ledger: Ledger, link: Row, payer: Payer) -> Row:
    """
    The completed session, unpaid where a bank debit is under way. Raises StripeError when the link is closed or takes
    no debit, or the card is declined.
    """
    closed = open_to_pay(link)
    if closed:
        raise refused(closed)
    methods = ["card", debits.method_of(link)] if payer.debit else ["card"]
    session = ledger.add(new_session(world, ledger, link, payer, methods))
    data = link["payment_intent_data"] or {}
    intent = payments.new_intent(
        ledger,
        session["amount_total"],
        session["currency"],
        session["customer"],
        description=data.get("description"),
        metadata=dict(data.get("metadata") or {}),
    )
    session = reindexed(ledger, session, {"payment_intent": intent["id"]})
    if payer.debit:
        debits.begin(ledger, intent)
    else:
        payments.confirm(world, ledger, intent, payer.card)
    paid = "unpaid" if payer.debit else "paid"
    session = ledger.change(session, status="complete", payment_status=paid, url=None)
    used_once_more(ledger, link)
    ledger.event("checkout.session.completed", session)
    return session


def reindexed(ledger: Ledger, session: Row, fields: Row) -> Row:
    for name in fields:
        ledger.table("checkout.session").move(session, {**session, **fields}, name)
    return ledger.change(session, **fields)


def used_once_more(ledger: Ledger, link: Row) -> None:
    limit = link["restrictions"]
    if not limit:
        return
    sessions = limit["completed_sessions"]
    count = sessions["count"] + 1
    ledger.change(
        link,
        "payment_link.updated",
        restrictions={"completed_sessions": {**sessions, "count": count}},
        active=link["active"] and count < sessions["limit"],
    )


def tax_of(ledger: Ledger, link: Row, subtotal: int, country: str) -> tuple[int, str | None]:
    if not link["automatic_tax"]["enabled"]:
        return 0, None
    decision = automatic_tax.decide(ledger, {"address": {"country": country}})
    if decision.rate is None:
        return 0, decision.status
    percentage = ledger.get("tax_rate", decision.rate)["percentage"]
    return half_up(subtotal * Decimal(str(percentage)) / 100), decision.status


def new_session(world: "StripeWorld", ledger: Ledger, link: Row, payer: Payer, methods: list[str]) -> Row:
    from gateway.sandbox.stripe.resources.customers import new_customer

    subtotal = sum(item["amount_total"] for item in ledger.link_items[link["id"]])
    tax, tax_status = tax_of(ledger, link, subtotal, payer.country)
    customer = None
    if link["customer_creation"] == "always":
        made = ledger.add(new_customer(ledger, {"email": payer.email, "name": payer.name}), "customer.created")
        customer = made["id"]
    identity = new_id("cs_live" if ledger.livemode else "cs_test")
    now = ledger.time()
    return {
        "id": identity,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": link["allow_promotion_codes"],
        "allowed_payment_method_types": None,
        "amount_subtotal": subtotal,
        "amount_total": subtotal + tax,
        "automatic_tax": {**link["automatic_tax"], "provider": "stripe" if tax_status else None, "status": tax_status},
        "billing_address_collection": link["billing_address_collection"],
        "cancel_url": None,
        "client_reference_id": payer.reference,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": link["currency"],
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(TEXTS),
        "customer": customer,
        "customer_account": None,
        "customer_creation": link["customer_creation"],
        "customer_details": {
            "address": {**dict.fromkeys(("city", "line1", "line2", "postal_code", "state")), "country": payer.country},
            "business_name": None,
            "email": payer.email,
            "individual_name": None,
            "name": payer.name,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
        "customer_email": None,
        "discounts": [],
        "expires_at": now + LIFETIME,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": link["invoice_creation"],
        "livemode": ledger.livemode,
        "locale": "auto",
        "managed_payments": None,
        "metadata": dict(link["metadata"]),
        "mode": "payment",
        "optional_items": None,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": link["id"],
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": link["payment_method_types"] or methods,
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": link["phone_number_collection"],
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": link["submit_type"],
        "subscription": None,
        "success_url": "https://stripe.com",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": tax},
        "ui_mode": "hosted_page",
        "url": f"{world.public_url}/pay/{link['id']}",
        "wallet_options": None,
    }
