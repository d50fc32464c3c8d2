"""The gateway's answers as the card gets them: the members of StripeGatewayAnswer and StripeGatewayPreview."""

import datetime
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from gateway.sandbox.salesforce.apex import Reply
from gateway.sandbox.salesforce.labels import label
from gateway.sandbox.salesforce.org import Org

Shown = dict[str, Any]
RUNNING = frozenset({"queued", "pending", "unknown"})
UNDECIDED = RUNNING | {"awaiting_approval"}
# Member of the card by member of the gateway's envelope.
ENVELOPE: Mapping[str, str] = {
    "success": "success",
    "status": "status",
    "action_id": "actionId",
    "request_id": "requestId",
    "record_id": "recordId",
    "stripe_id": "stripeId",
    "stripe_status": "stripeStatus",
    "number": "invoiceNumber",
    "url": "url",
    "amount": "amount",
    "currency": "currencyCode",
    "error_code": "errorCode",
    "user_message": "userMessage",
    "retryable": "retryable",
    "retry_after_seconds": "retryAfterSeconds",
    "replayed": "replayed",
}
LOST = ("no_answer", "unreadable_answer")
FLAGS = ("success", "retryable", "replayed")
HEAD = (
    *("success", "status", "requestId", "recordId", "amount", "currencyCode", "errorCode", "userMessage"),
    *("retryable", "retryAfterSeconds"),
)
PREVIEW: Mapping[str, str] = {
    "customer": "customer",
    "recipient": "recipient",
    "recipient_why": "recipientWhy",
    "total": "total",
    "tax": "tax",
    "tax_status": "taxStatus",
    "invoiced_so_far": "invoicedSoFar",
    "remaining": "remaining",
    "already": "already",
    "paid": "paid",
    "entity": "entity",
}
CANDIDATE = {"contact_id": "contactId", "name": "name", "email": "email", "why": "why"}
LINE = {"description": "description", "quantity": "quantity", "amount": "amount"}


def blank(status: str) -> Shown:
    return dict.fromkeys(ENVELOPE.values()) | dict.fromkeys((*FLAGS, "pending"), False) | {"status": status}


def refused(code: str, message: str) -> Shown:
    """Refused inside Salesforce: nothing was sent."""
    return blank("rejected") | {"errorCode": code, "userMessage": message}


def silent(code: str, message: str) -> Shown:
    """Nobody knows what was done: to be asked again under the same key."""
    later = {"retryable": True, "retryAfterSeconds": 2, "pending": True}
    return blank("pending") | {"errorCode": code, "userMessage": message} | later


def read_answer(org: Org, reply: Reply, request_key: str | None = None) -> Shown:
    """An answer, also where none came or it could not be read."""
    told = partial(label, org.world.metadata)
    if reply.status == 0:
        return silent("no_answer", referenced(org, told("Stripe_Gateway_No_Answer", reply.lost), request_key))
    if not reply.body.get("status"):
        message = referenced(org, told("Stripe_Gateway_Unreadable", reply.status), reply.request_id)
        return silent("unreadable_answer", message) | {"requestId": reply.request_id}
    answer = {ours: reply.body.get(theirs) for theirs, ours in ENVELOPE.items()}
    answer |= {name: answer[name] is True for name in FLAGS}
    answer["requestId"] = answer["requestId"] or reply.request_id
    answer["pending"] = not answer["success"] and answer["status"] in RUNNING
    if not answer["success"] and (reply.status == 202 or (reply.status >= 500 and reply.status != 503)):
        answer["pending"] = True
        answer["status"] = answer["status"] if answer["status"] in UNDECIDED else "pending"
    if not answer["success"]:
        answer["userMessage"] = referenced(org, answer["userMessage"], answer["requestId"])
    return answer


def referenced(org: Org, message: str | None, reference: str | None) -> str:
    told = message or label(org.world.metadata, "Stripe_Gateway_No_Message")
    return f"{told} {label(org.world.metadata, 'Stripe_Gateway_Reference', reference)}" if reference else told


def empty_preview() -> Shown:
    members = (*HEAD, *PREVIEW.values(), "dueText", "token", "refusal")
    return dict.fromkeys(members) | {"candidates": [], "lines": [], "warnings": [], "reusable": False}


def refused_preview(answer: Shown) -> Shown:
    """A preview that was not made. Nothing can have been done, so a lost answer can be repeated."""
    refusal = answer | {"success": False, "pending": False, "status": "rejected"}
    return empty_preview() | {name: refusal[name] for name in HEAD} | {"refusal": refusal}


def read_preview(org: Org, reply: Reply, due_date: datetime.date | None) -> Shown:
    """What would happen; where the gateway refuses, ``refusal`` says why and the rest is empty."""
    answer, shown = read_answer(org, reply), reply.body.get("preview")
    if answer["errorCode"] in LOST:
        reason = reply.lost or f"HTTP {reply.status}"
        message = referenced(org, label(org.world.metadata, "Stripe_Gateway_No_Preview", reason), answer["requestId"])
        answer |= {"userMessage": message}
    if not answer["success"] or not isinstance(shown, Mapping):
        return refused_preview(answer)
    preview = empty_preview() | {name: answer[name] for name in HEAD}
    preview |= {ours: shown.get(theirs) for theirs, ours in PREVIEW.items()}
    return preview | {
        "token": reply.body.get("preview_token"),
        "currencyCode": shown.get("currency") or answer["currencyCode"],
        "amount": shown.get("amount") or answer["amount"],
        "reusable": shown.get("reusable") is True,
        "dueText": due_text(org, shown.get("due"), due_date),
        "warnings": [*(shown.get("warnings") or ()), *([shown["tax_error"]] if shown.get("tax_error") else [])],
        "candidates": renamed(shown.get("candidates"), CANDIDATE),
        "lines": renamed(shown.get("lines"), LINE),
    }


def renamed(rows: Iterable[Mapping[str, Any]] | None, names: Mapping[str, str]) -> list[Shown]:
    return [{ours: row.get(theirs) for theirs, ours in names.items()} for row in rows or ()]


def due_text(org: Org, due: Any, asked: datetime.date | None) -> str | None:
    if not isinstance(due, Mapping):
        return None
    if due.get("days_until_due") is not None:
        return label(org.world.metadata, "Stripe_Gateway_Due_In_Days", due["days_until_due"])
    day = f"{asked.month}/{asked.day}/{asked.year}" if asked else ""
    return label(org.world.metadata, "Stripe_Gateway_Due_On", day) if asked else None
