import pytest
import stripe

from tests.projections.stripe_objects import stripe_object

# Left out by Stripe unless asked for with ``expand``, or only there in special cases.
SOMETIMES = {
    "invoice": {"payments", "confirmation_secret", "deleted"},
    "customer": {"subscriptions", "sources", "tax", "invoice_credit_balance", "cash_balance", "deleted"},
    "payment_intent": {
        "managed_payments",
        "payment_details",
        "hooks",
        "payment_record",
        "allowed_payment_method_types",
    },
    "charge": {"authorization_code", "transfer", "refunds", "level3"},
    "refund": {"instructions_email", "failure_balance_transaction", "failure_reason"},
    "payment_link": {"managed_payments", "payment_method_options", "name_collection"},
    "invoice_payment": set(),
}
CLASSES = {
    "invoice": stripe.Invoice,
    "customer": stripe.Customer,
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "payment_link": stripe.PaymentLink,
    "invoice_payment": stripe.InvoicePayment,
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_payloads_have_exactly_the_members_the_pinned_sdk_knows(name):
    known = set(CLASSES[name].__annotations__) - {"OBJECT_NAME"}

    assert set(stripe_object(name)) | SOMETIMES[name] == known
