"""Payment intents, the charges they make, and the balance transactions behind them."""

import secrets
from typing import TYPE_CHECKING, Any

from gateway.sandbox.stripe import currencies
from gateway.sandbox.stripe.cards import CARDS, DECLINES, TestCard
from gateway.sandbox.stripe.errors import StripeError, refused
from gateway.sandbox.stripe.ledger import Ledger, new_id
from gateway.sandbox.stripe.tables import Row

if TYPE_CHECKING:
    from gateway.sandbox.stripe.world import StripeWorld

FEE_PERCENT = 29  # per mille
FEE_FIXED = 30


def new_intent(ledger: Ledger, amount: int, currency: str, customer: str | None, **given: Any) -> Row:
    identity = new_id("pi")
    intent: Row = {
        "id": identity,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{identity}_secret_{secrets.token_hex(12)}",
        "confirmation_method": "automatic",
        "created": ledger.time(),
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": ledger.livemode,
        "managed_payments": None,
        "metadata": given.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_record": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    return ledger.add(intent, "payment_intent.created")


def card_named(name: str) -> TestCard:
    card = CARDS.get(name)
    if card is None:
        raise refused(f"No such PaymentMethod: '{name}'", "payment_method", "resource_missing")
    return card


def confirm(world: "StripeWorld", ledger: Ledger, intent: Row, card_name: str) -> Row:
    """Charge the card. Raises StripeError 402 with the decline code when it is refused."""
    from gateway.sandbox.stripe.disputes import open_dispute

    card = card_named(card_name)
    method = new_id("pm")
    charge = ledger.add(new_charge(ledger, intent, card, method))
    if card.decline:
        raise declined(ledger, intent, charge, card.decline)
    settled = transaction(
        ledger, charge["id"], "charge", intent["amount"], intent["currency"], fee=fee_of(intent["amount"])
    )
    charge = ledger.change(charge, balance_transaction=settled["id"])
    ledger.event("charge.succeeded", charge)
    done = ledger.change(
        intent,
        "payment_intent.succeeded",
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        payment_method=method,
        last_payment_error=None,
    )
    if card.disputed:
        open_dispute(world, ledger, charge, charge["amount"], "fraudulent", "needs_response")
    return done


def fee_of(amount: int) -> int:
    return -(-amount * FEE_PERCENT // 1000) + FEE_FIXED


def declined(ledger: Ledger, intent: Row, charge: Row, decline_code: str) -> StripeError:
    message = DECLINES[decline_code]
    detail = {
        "charge": charge["id"],
        "code": "card_declined",
        "decline_code": decline_code,
        "message": message,
        "type": "card_error",
    }
    ledger.event("charge.failed", charge)
    failed = {"status": "requires_payment_method", "latest_charge": charge["id"], "last_payment_error": detail}
    ledger.change(intent, "payment_intent.payment_failed", **failed)
    return StripeError(
        402, message, code="card_declined", kind="card_error", decline_code=decline_code, charge=charge["id"]
    )


def new_charge(ledger: Ledger, intent: Row, card: TestCard, method: str) -> Row:
    failed = card.decline is not None
    identity = new_id("ch")
    return {
        "id": identity,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if failed else intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "authorization_code": None,
        "balance_transaction": None,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "calculated_statement_descriptor": "SANDBOX",
        "captured": not failed,
        "created": ledger.time(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": "card_declined" if failed else None,
        "failure_message": DECLINES[card.decline] if card.decline else None,
        "fraud_details": {},
        "livemode": ledger.livemode,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": outcome(card),
        "paid": not failed,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": {"type": "card", "card": card_details(card, intent["amount"])},
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "failed" if failed else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def outcome(card: TestCard) -> Row:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if card.decline else "approved_by_network",
        "reason": card.decline,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank did not return any further details." if card.decline else "Payment complete.",
        "type": "issuer_declined" if card.decline else "authorized",
    }


def card_details(card: TestCard, amount: int) -> Row:
    return {
        "amount_authorized": amount,
        "authorization_code": None,
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": secrets.token_hex(8),
        "funding": "credit",
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": None,
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }


CATEGORIES = {"charge": "charge", "refund": "refund", "refund_failure": "refund_failure", "adjustment": "dispute"}
SETTLES_AFTER = 2 * 24 * 3600


def transaction(ledger: Ledger, source: str, kind: str, amount: int, currency: str, *, fee: int = 0) -> Row:
    """Settlement in the currency of the payment: the sandbox converts nothing."""
    now = ledger.time()
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return ledger.add(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + SETTLES_AFTER,
            "balance_type": "payments",
            "created": now,
            "currency": currency,
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": fees if fee else [],
            "net": amount - fee,
            "reporting_category": CATEGORIES[kind],
            "source": source,
            "status": "pending",
            "type": kind,
        }
    )


def check_amount(amount: int, currency: str) -> None:
    found = currencies.problem(amount, currency)
    if found is not None:
        raise refused(found[1], "amount", found[0])
