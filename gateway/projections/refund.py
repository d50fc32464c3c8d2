"""Refunds, full and partial: one ``Stripe_Refund__c`` per Stripe refund."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.projections import Projection, Snapshot, rows
from gateway.projections.values import OTHER, amount, at, choice, currency_code, cut, display, identifier, moment, texts
from gateway.records import Json, Upsert

SOBJECT = "Stripe_Refund__c"
STATUSES = {
    "pending": "Pending",
    "requires_action": "Action Required",
    "succeeded": "Succeeded",
    "failed": "Failed",  # also later, after it had succeeded
    "canceled": "Canceled",
}
REASONS = {
    "duplicate": "Duplicate",
    "fraudulent": "Fraudulent",
    "requested_by_customer": "Requested by Customer",
    "expired_uncaptured_charge": "Expired Uncaptured Charge",
}
PICKLISTS = rows.PICKLISTS | {"Status__c": (*STATUSES.values(), OTHER), "Reason__c": (*REASONS.values(), OTHER)}
TEXTS = {
    "Status_Raw__c": ("status", 80),
    "Reason_Raw__c": ("reason", 80),
    "Pending_Reason__c": ("pending_reason", 80),
    "Failure_Reason__c": ("failure_reason", 80),
    "Description__c": ("description", 255),
    "Receipt_Number__c": ("receipt_number", 80),
}
LENGTHS = {"Destination_Reference__c": 255}


def project(snapshot: Snapshot) -> Iterator[Upsert]:
    """A partial refund is simply a refund with a smaller amount."""
    refund = snapshot.object
    if rows.gone(snapshot):
        yield rows.gone_row(snapshot, SOBJECT)
        return
    currency = refund.get("currency")
    fields = {
        **texts(refund, TEXTS),
        "Status__c": choice(STATUSES, refund.get("status")),
        "Reason__c": choice(REASONS, refund.get("reason")),
        "Payment_Intent_Id__c": identifier(refund.get("payment_intent")),
        "Charge_Id__c": identifier(refund.get("charge")),
        "Currency_Code__c": currency_code(currency),
        "Amount__c": amount(refund.get("amount"), currency),
        "Amount_Display__c": display(refund.get("amount"), currency),
        "Destination_Reference__c": cut(_reference(refund), LENGTHS["Destination_Reference__c"]),
        "Balance_Transaction_Id__c": identifier(refund.get("balance_transaction")),
        "Stripe_Created_At__c": moment(refund.get("created")),
    }
    yield rows.row(snapshot, SOBJECT, refund["id"], fields, ("Stripe_Payment__c", "Stripe_Invoice__c"))


def _reference(refund: Json) -> Json:
    """What the customer's bank finds the refund by; Stripe nests it under the kind of destination."""
    return at(refund, f"destination_details.{at(refund, 'destination_details.type')}.reference")


PROJECTIONS = (
    Projection(
        stripe="refund",
        path="/v1/refunds/{id}",
        sobject=SOBJECT,
        project=project,
        events=frozenset({"refund.created", "refund.updated", "refund.failed"}),
    ),
)
