"""The account behind a key (docs.stripe.com/api/accounts/retrieve): enough to pin it."""

from gateway.sandbox.stripe.errors import StripeError
from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.params import accepts
from gateway.sandbox.stripe.routes import Call, get
from gateway.sandbox.stripe.tables import Row

CREATED = 1735689600


def account(ledger: Ledger) -> Row:
    return {
        "id": ledger.account,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": None,
            "minority_owned_business_designation": None,
            "name": ledger.name,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": ledger.country,
        "created": CREATED,
        "default_currency": ledger.currency,
        "details_submitted": True,
        "email": None,
        "groups": None,
        "payouts_enabled": True,
        "settings": {
            "bacs_debit_payments": {"display_name": None, "service_user_number": None},
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": ledger.name, "timezone": "Etc/UTC"},
            "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
            "payments": {
                "statement_descriptor": "SANDBOX",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
            "sepa_debit_payments": {},
        },
        "type": "standard",
    }


def retrieve(call: Call) -> Row:
    if call.ids and call.id != call.ledger.account:
        raise StripeError(403, f"The provided key does not have access to account '{call.id}'.", code="account_invalid")
    return account(call.ledger)


ENDPOINTS = (
    get("/v1/account", retrieve, accepts({}), "account", "account"),
    get("/v1/accounts/{}", retrieve, accepts({}), "account", "account"),
)
