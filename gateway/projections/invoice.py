"""Invoices: one ``Stripe_Invoice__c`` per Stripe invoice, with every amount, date and link."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.projections import Projection, Snapshot, rows
from gateway.projections.values import (
    OTHER,
    amount,
    amounts,
    at,
    choice,
    currency_code,
    cut,
    days,
    display,
    identifier,
    link,
    moments,
    texts,
)  # fmt: skip
from gateway.records import Json, Upsert

SOBJECT = "Stripe_Invoice__c"
STATUSES = {"draft": "Draft", "open": "Open", "paid": "Paid", "void": "Void", "uncollectible": "Uncollectible"}
PICKLISTS = rows.PICKLISTS | {"Status__c": (*STATUSES.values(), rows.DELETED, OTHER)}
TEXTS = {
    "Status_Raw__c": ("status", 80),
    "Number__c": ("number", 80),
    "Description__c": ("description", 1500),
    "Recipient_Name__c": ("customer_name", 255),
    "Recipient_Email__c": ("customer_email", 255),
    "Collection_Method__c": ("collection_method", 40),
    "Uncollectible_Reason__c": ("status_details.uncollectible.reason", 80),
    "Automatic_Tax_Status__c": ("automatic_tax.status", 40),
    "Last_Error__c": ("last_finalization_error.message", 255),
    "Receipt_Number__c": ("receipt_number", 80),
}
LENGTHS = {"Po_Number__c": 140, "Reference__c": 140, "Hosted_Url__c": 2048, "Pdf_Url__c": 2048}
AMOUNTS = {
    "Subtotal__c": "subtotal",
    "Subtotal_Excluding_Tax__c": "subtotal_excluding_tax",
    "Shipping__c": "amount_shipping",
    "Total__c": "total",
    "Total_Excluding_Tax__c": "total_excluding_tax",
    "Starting_Balance__c": "starting_balance",
    "Ending_Balance__c": "ending_balance",
    "Pre_Payment_Credit__c": "pre_payment_credit_notes_amount",
    "Post_Payment_Credit__c": "post_payment_credit_notes_amount",
    "Amount_Due__c": "amount_due",
    "Amount_Paid__c": "amount_paid",
    "Amount_Paid_Off_Stripe__c": "amount_paid_off_stripe",
    "Amount_Remaining__c": "amount_remaining",
    "Amount_Overpaid__c": "amount_overpaid",
}
DATES = {
    "Invoice_Date__c": "effective_at",
    "Due_Date__c": "due_date",
    "Period_Start__c": "period_start",
    "Period_End__c": "period_end",
}
MOMENTS = {
    "Stripe_Created_At__c": "created",
    "Finalized_At__c": "status_transitions.finalized_at",
    "Paid_At__c": "status_transitions.paid_at",
    "Voided_At__c": "status_transitions.voided_at",
    "Uncollectible_At__c": "status_transitions.marked_uncollectible_at",
    "Next_Payment_Attempt_At__c": "next_payment_attempt",
}
# Names under which a custom field of the invoice is taken for the purchase order or the reference.
PO_NUMBER = {"po number", "purchase order", "po"}
REFERENCE = {"reference", "our reference"}


def project(snapshot: Snapshot) -> Iterator[Upsert]:
    """Only a draft can be deleted at Stripe; its row stays and says so."""
    invoice = snapshot.object
    if rows.gone(snapshot):
        yield rows.gone_row(snapshot, SOBJECT, rows.DELETED)
        return
    currency = invoice.get("currency")
    fields = {
        **texts(invoice, TEXTS),
        **amounts(invoice, AMOUNTS, currency),
        **days(invoice, DATES, snapshot.time_zone),
        **moments(invoice, MOMENTS),
        "Status__c": choice(STATUSES, invoice.get("status")),
        "Po_Number__c": cut(_custom(invoice, PO_NUMBER), LENGTHS["Po_Number__c"]),
        "Reference__c": cut(_custom(invoice, REFERENCE), LENGTHS["Reference__c"]),
        "Stripe_Customer_Id__c": identifier(invoice.get("customer")),
        "Currency_Code__c": currency_code(currency),
        "Discount__c": amount(_total(invoice, "total_discount_amounts"), currency),
        "Tax__c": amount(_total(invoice, "total_taxes"), currency),
        "Total_Display__c": display(invoice.get("total"), currency),
        "Amount_Remaining_Display__c": display(invoice.get("amount_remaining"), currency),
        "Attempt_Count__c": invoice.get("attempt_count"),
        "Hosted_Url__c": link(invoice.get("hosted_invoice_url"), LENGTHS["Hosted_Url__c"]),
        "Pdf_Url__c": link(invoice.get("invoice_pdf"), LENGTHS["Pdf_Url__c"]),
    }
    yield rows.row(snapshot, SOBJECT, invoice.get("number") or invoice["id"], fields, ("Stripe_Customer__c",))


def _custom(invoice: Json, names: set[str]) -> str | None:
    found = (entry["value"] for entry in invoice.get("custom_fields") or () if entry["name"].strip().lower() in names)
    return next(found, None)


def _total(invoice: Json, member: str) -> int:
    return sum(at(entry, "amount") or 0 for entry in invoice.get(member) or ())


PROJECTIONS = (
    Projection(
        stripe="invoice",
        path="/v1/invoices/{id}",
        sobject=SOBJECT,
        project=project,
        events=frozenset(
            f"invoice.{event}"
            for event in (
                "created", "finalized", "finalization_failed", "sent", "paid", "payment_failed",
                "payment_action_required", "voided", "marked_uncollectible", "updated", "overdue", "will_be_due",
                "overpaid", "deleted",
            )
        ),
    ),
)  # fmt: skip
