"""Payments: one ``Stripe_Payment__c`` per payment intent, or per charge that has none."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.projections import Need, Projection, Snapshot, charges, rows
from gateway.projections.values import OTHER, amount, choice, currency_code, display, identifier, moment, texts
from gateway.records import Json, Upsert

SOBJECT = "Stripe_Payment__c"
STATUSES = {
    "requires_payment_method": "Requires Payment Method",
    "requires_confirmation": "Requires Confirmation",
    "requires_action": "Requires Action",
    "processing": "Processing",
    "requires_capture": "Requires Capture",
    "pending": "Pending",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "canceled": "Canceled",
}
PICKLISTS = rows.PICKLISTS | {"Status__c": (*STATUSES.values(), OTHER)}
TEXTS = {"Status_Raw__c": ("status", 80)}
ERRORS = {"Failure_Code__c": ("last_payment_error.code", 80), "Failure_Message__c": ("last_payment_error.message", 255)}
LENGTHS = charges.LENGTHS
LOOKUPS = ("Stripe_Customer__c", "Stripe_Invoice__c", "Stripe_Payment_Link__c")


def project_intent(snapshot: Snapshot) -> Iterator[Upsert]:
    """The latest charge tells how it was paid; an attempt that failed leaves its reason on the intent."""
    intent = snapshot.object
    if rows.gone(snapshot):
        yield rows.gone_row(snapshot, SOBJECT)
        return
    currency = intent.get("currency")
    fields = {
        **_fields(snapshot),
        **charges.charge_fields(intent.get("latest_charge"), currency),
        **(texts(intent, ERRORS) if intent.get("last_payment_error") else {}),
        "Payment_Intent_Id__c": intent["id"],
        "Charge_Id__c": identifier(intent.get("latest_charge")),
        "Amount_Received__c": amount(intent.get("amount_received"), currency),
        "Canceled_At__c": moment(intent.get("canceled_at")),
    }
    # No list was read: whether an invoice is behind it is not known, so nothing is said.
    if "invoice_payments" in snapshot.lists:
        paid = (identifier(entry.get("invoice")) for entry in snapshot.lists["invoice_payments"])
        fields["Stripe_Invoice_Id__c"] = next((invoice for invoice in paid if invoice), None)
    yield rows.row(snapshot, SOBJECT, intent["id"], fields, LOOKUPS)


def project_charge(snapshot: Snapshot) -> Iterator[Upsert]:
    """A charge of a payment intent is told by the intent: an older, failed attempt must not overwrite the payment."""
    charge = snapshot.object
    if rows.gone(snapshot):
        yield rows.gone_row(snapshot, SOBJECT)
        return
    if charge.get("payment_intent"):
        return
    received = charge.get("amount_captured") if charge.get("status") == "succeeded" else 0
    fields = {
        **_fields(snapshot),
        **charges.charge_fields(charge, charge.get("currency")),
        "Payment_Intent_Id__c": None,
        "Charge_Id__c": charge["id"],
        "Stripe_Invoice_Id__c": None,
        "Amount_Received__c": amount(received, charge.get("currency")),
    }
    yield rows.row(snapshot, SOBJECT, charge["id"], fields, LOOKUPS)


def _fields(snapshot: Snapshot) -> dict[str, Json]:
    payment = snapshot.object
    currency = payment.get("currency")
    return {
        **texts(payment, TEXTS),
        "Status__c": choice(STATUSES, payment.get("status")),
        "Stripe_Customer_Id__c": identifier(payment.get("customer")),
        "Currency_Code__c": currency_code(currency),
        "Amount__c": amount(payment.get("amount"), currency),
        "Amount_Display__c": display(payment.get("amount"), currency),
        "Stripe_Created_At__c": moment(payment.get("created")),
    }


PROJECTIONS = (
    Projection(
        stripe="payment_intent",
        path="/v1/payment_intents/{id}",
        sobject=SOBJECT,
        project=project_intent,
        events=frozenset(
            f"payment_intent.{event}" for event in ("succeeded", "payment_failed", "processing", "canceled")
        ),
        expand=("latest_charge.balance_transaction",),
        needs={
            "invoice_payments": Need(
                "/v1/invoice_payments", {"payment": {"type": "payment_intent", "payment_intent": "{id}"}}
            )
        },
    ),
    Projection(
        stripe="charge",
        path="/v1/charges/{id}",
        sobject=SOBJECT,
        project=project_charge,
        events=frozenset({"charge.succeeded", "charge.failed", "charge.refunded"}),
        expand=("balance_transaction",),
    ),
)
