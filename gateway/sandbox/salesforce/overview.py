"""StripeOverview: what the card shows of a record. No call is made for it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.sandbox.salesforce.apex import connected
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.source_record import Row, SourceRecord, escaped, select
from gateway.sandbox.salesforce.world import SandboxUser

SEND, REFUND = "Stripe_Send_Invoice", "Stripe_Refund"
Shown = dict[str, Any]
# Member of the card by field of the row.
INVOICE = {
    "Number__c": "invoiceNumber",
    "Status__c": "status",
    "Total_Display__c": "amountText",
    "Amount_Remaining_Display__c": "remainingText",
    "Due_Date__c": "dueDate",
    "Hosted_Url__c": "url",
}
LINK = {"Url__c": "url", "Status__c": "status", "Amount_Display__c": "amountText"}
REFUNDED = {"Status__c": "status", "Amount_Display__c": "amountText", "Reason__c": "reason"}
PAYMENT = {"Status__c": "status", "Amount_Display__c": "amountText", "Stripe_Id__c": "stripeId"}
RUNNING = {
    "Action__c": "action",
    "Status__c": "status",
    "Request_Key__c": "requestKey",
    "User_Message__c": "message",
}


def may(org: Org, user: SandboxUser, action: str) -> bool:
    """By custom permission; the gateway decides again by itself."""
    return (REFUND if action == "refund-payment" else SEND) in org.access(user).custom_permissions


def overview(source: SourceRecord) -> Shown:
    org, user, editable = source.org, source.user, source.editable
    invoices = editable and may(org, user, "send-invoice")
    return {
        "recordId": source.id,
        "objectName": source.object_name,
        "recordName": source.name,
        "accountName": source.account_name,
        "canInvoice": invoices,
        "canLink": invoices,
        "canCreateCustomer": invoices,
        "canRefund": editable and may(org, user, "refund-payment"),
        "connected": connected(org),
        "stamp": {"status": source.row.get("Stripe_Status__c"), "amounts": source.row.get("Stripe_Amounts__c")},
        "invoices": [invoice(row) for row in source.children("Stripe_Invoice__c", (*INVOICE, "Days_Overdue__c"))],
        "links": [shown(row, LINK) for row in source.children("Stripe_Payment_Link__c", LINK)],
        "refunds": [shown(row, REFUNDED) for row in source.children("Stripe_Refund__c", REFUNDED)],
        "payments": payments(source),
        "runningActions": running(source),
    }


def taken(row: Row, members: Mapping[str, str]) -> Shown:
    return {"id": row["Id"]} | {ours: row[field] for field, ours in members.items()}


def shown(row: Row, members: Mapping[str, str]) -> Shown:
    """With the label of the status: this org speaks English, where labels and values are the same words."""
    return taken(row, members) | {"statusLabel": row["Status__c"]}


def invoice(row: Row) -> Shown:
    return shown(row, INVOICE) | {"overdue": (row["Days_Overdue__c"] or 0) > 0}


def payments(source: SourceRecord) -> list[Shown]:
    """All that can be refunded; with them the newest of the others, which tell that something was paid."""
    fields = (*PAYMENT, "Amount_Refundable__c", "Currency_Code__c")
    spent = [row for row in source.children("Stripe_Payment__c", fields) if refundable(row) is None]
    return [shown(row, PAYMENT) | {"refundableText": refundable(row)} for row in (*source.refundable(fields), *spent)]


def refundable(row: Row) -> str | None:
    """In the form of the amounts that the gateway writes, with as many decimals as the payment's own."""
    left = Decimal(str(row["Amount_Refundable__c"] or 0))
    if left <= 0:
        return None
    written = row["Amount_Display__c"]
    decimals = len(written.partition(".")[2]) if written else -int(left.as_tuple().exponent)
    return f"{row['Currency_Code__c']} {left:.{decimals}f}"


def running(source: SourceRecord) -> list[Shown]:
    sobject = source.org.schema.objects.get("Stripe_Action__c")
    if sobject is None or not source.org.access(source.user).can(sobject, "read"):
        return []
    open_here = "('queued', 'pending', 'awaiting_approval', 'unknown')"
    where = f"(Source_Record_Id__c = '{escaped(source.id)}' AND Status__c IN {open_here})"
    if source.refunded_account_id is not None:
        theirs = f"Action__c = 'refund-payment' AND Account__c = '{source.refunded_account_id}'"
        where = f"({where} OR ({theirs} AND Status__c IN ('queued', 'pending')))"
    text = (
        f"SELECT Id, {', '.join(RUNNING)}, Accepted_At__c, CreatedDate FROM Stripe_Action__c WHERE {where} "
        "ORDER BY CreatedDate DESC LIMIT 20"
    )
    rows = select(source.org, source.user, text)
    return [taken(row, RUNNING) | {"startedAt": row["Accepted_At__c"] or row["CreatedDate"]} for row in rows]
