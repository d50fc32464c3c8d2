"""Bank debits: the payer is done at the checkout, the money arrives days later or never. Here it stays under way."""

import secrets

from gateway.sandbox.stripe.cards import CARDS
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import Ledger, new_id
from gateway.sandbox.stripe.payments import new_charge
from gateway.sandbox.stripe.tables import Row

# The debit of a currency, with what Stripe tells of the account: test numbers of docs.stripe.com/testing.
METHODS: dict[str, tuple[str, Row]] = {
    "eur": ("sepa_debit", {"bank_code": "37040044", "branch_code": "", "country": "DE", "last4": "3000"}),
    "usd": (
        "us_bank_account",
        {
            "account_holder_type": "company",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "last4": "6789",
            "payment_reference": None,
            "routing_number": "110000000",
        },
    ),
}


def method_of(link: Row) -> str:
    """The debit this link offers. Raises StripeError where it offers none."""
    method, _ = METHODS.get(link["currency"], ("", {}))
    offered = link["payment_method_types"]
    if not method or (offered and method not in offered):
        raise refused(f"This link takes no bank debit in {link['currency']}.")
    return method


def begin(ledger: Ledger, intent: Row) -> Row:
    """Ask the bank. The intent is processing and its charge pending."""
    method, account = METHODS[intent["currency"]]
    mandate = new_id("mandate")
    payment_method = new_id("pm")
    charge = ledger.add(
        {
            **new_charge(ledger, intent, CARDS["pm_card_visa"], payment_method),
            "id": new_id("py"),
            "outcome": None,
            "paid": False,
            "payment_method_details": {
                "type": method,
                method: {**account, "fingerprint": secrets.token_hex(8), "mandate": mandate},
            },
            "status": "pending",
        },
        "charge.pending",
    )
    return ledger.change(
        intent,
        "payment_intent.processing",
        status="processing",
        latest_charge=charge["id"],
        payment_method=payment_method,
        payment_method_types=["card", method],
    )
