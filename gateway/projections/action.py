"""Actions: one ``Stripe_Action__c`` per action, whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from gateway.projections.rows import source_fields
from gateway.projections.values import OTHER, cut, link, moment
from gateway.records import Caller, Envelope, SourceRef, Status, Upsert

SOBJECT = "Stripe_Action__c"
KEY = "Gateway_Action_Id__c"
ACTIONS = (
    "create-customer", "send-invoice", "create-payment-link", "deactivate-payment-link", "refund-payment",
    "refund-invoice", "void-invoice", "mark-invoice-uncollectible", "resend-invoice", "send-reminder",
    "create-credit-note", "record-offline-payment", "sync-status",
)  # fmt: skip
STATUSES = tuple(str(status) for status in Status)
# What an answer says where the record had it already: nothing came of such an action.
DONE_ALREADY = "This was done already; nothing was sent again."
PAID_ALREADY = "This was paid already; nothing was sent again."
CALLER_KINDS = ("person", "automation", "outbox", "agent", "internal")
PICKLISTS = {
    "Action__c": (*ACTIONS, OTHER),
    "Status__c": (*STATUSES, OTHER),
    "Caller_Kind__c": (*CALLER_KINDS, OTHER),
}
LENGTHS = {
    "Request_Key__c": 255, "Caller__c": 255, "Entity__c": 80, "Error_Code__c": 80, "User_Message__c": 2000,
    "Stripe_Id__c": 255, "Stripe_Status__c": 80, "Number__c": 80, "Result_Url__c": 2048, "Currency_Code__c": 3,
    "Amount_Display__c": 80, "Gateway_Request_Id__c": 64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """
    An action as the ledger has it; times are seconds since the epoch.

    ``answer`` is the envelope its caller got or would get now; ``outbox_row`` is the id of the row it came as.
    """

    action_id: str
    name: str
    status: str
    caller: Caller
    accepted: float
    answer: Envelope
    source: SourceRef | None = None
    account: str | None = None
    contact: str | None = None
    entity: str | None = None
    request_key: str | None = None
    ended: float | None = None
    outbox_row: str | None = None


def project(facts: ActionFacts) -> Upsert:
    """The action row: what was asked, by whom, and what came of it."""
    answer = facts.answer
    currency = answer.currency.upper() if answer.currency else None
    texts = {
        "Request_Key__c": facts.request_key,
        "Caller__c": facts.caller.sub,
        "Entity__c": facts.entity,
        "Error_Code__c": answer.error_code,
        "User_Message__c": answer.user_message,
        "Stripe_Id__c": answer.stripe_id,
        "Stripe_Status__c": answer.stripe_status,
        "Number__c": answer.number,
        "Currency_Code__c": currency,
        "Amount_Display__c": f"{currency} {answer.amount}" if answer.amount and currency else None,
        "Gateway_Request_Id__c": answer.request_id,
    }
    fields = {
        **source_fields(facts.source, facts.account, facts.contact),
        **{name: cut(text, LENGTHS[name]) for name, text in texts.items()},
        "Action__c": facts.name if facts.name in ACTIONS else OTHER,
        "Status__c": facts.status if facts.status in STATUSES else OTHER,
        "Caller_Kind__c": facts.caller.kind if facts.caller.kind in CALLER_KINDS else OTHER,
        "Retryable__c": answer.retryable,
        "Result_Url__c": link(answer.url, LENGTHS["Result_Url__c"]),
        "Amount__c": None if answer.amount is None else Decimal(answer.amount),
        "Accepted_At__c": moment(facts.accepted),
        "Ended_At__c": moment(facts.ended),
    }
    if facts.outbox_row is not None:
        return Upsert(SOBJECT, facts.outbox_row, {KEY: facts.action_id, **fields}, facts.source, id_field="Id")
    return Upsert(SOBJECT, facts.action_id, fields, facts.source, id_field=KEY)


def refused_row(row_id: str, code: str, message: str, action_id: str | None = None) -> Upsert:
    """The answer to a row of the outbox that was refused unseen; it belongs to no record's roll-up."""
    fields = {
        **({KEY: action_id} if action_id else {}),
        "Status__c": str(Status.REJECTED),
        "Error_Code__c": cut(code, LENGTHS["Error_Code__c"]),
        "User_Message__c": cut(message, LENGTHS["User_Message__c"]),
        "Retryable__c": False,
    }
    return Upsert(SOBJECT, row_id, fields, id_field="Id")
