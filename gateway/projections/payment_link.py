"""Payment links: one ``Stripe_Payment_Link__c`` per link."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.projections import Projection, Snapshot, rows
from gateway.projections.values import OTHER, URL_LENGTH, amount, at, currency_code, display, link, texts
from gateway.records import Json, Upsert

SOBJECT = "Stripe_Payment_Link__c"
ACTIVE, COMPLETED, INACTIVE = "Active", "Completed", "Inactive"
STATUSES = {True: ACTIVE, False: INACTIVE}  # of Stripe's member ``active``: a link has no status at Stripe
PICKLISTS = rows.PICKLISTS | {"Status__c": (ACTIVE, COMPLETED, INACTIVE, OTHER)}
TEXTS = {"Inactive_Message__c": ("inactive_message", 500)}
LENGTHS = {"Url__c": URL_LENGTH}


def project(snapshot: Snapshot) -> Iterator[Upsert]:
    """A one-time link that was paid is Completed, whether or not Stripe has switched it off already."""
    payment_link = snapshot.object
    if rows.gone(snapshot):
        yield rows.gone_row(snapshot, SOBJECT, Active__c=False)
        return
    currency = payment_link.get("currency")
    limit = at(payment_link, "restrictions.completed_sessions.limit")
    total = _total(payment_link)
    fields = {
        **texts(payment_link, TEXTS),
        "Status__c": _status(payment_link),
        "Status_Raw__c": "active" if payment_link.get("active") else "inactive",
        "Url__c": link(payment_link.get("url"), LENGTHS["Url__c"]),
        "Active__c": bool(payment_link.get("active")),
        "One_Time__c": limit == 1,
        "Session_Limit__c": limit,
        "Completed_Sessions__c": at(payment_link, "restrictions.completed_sessions.count"),
        "Currency_Code__c": currency_code(currency),
    }
    if total is not None:
        fields |= {"Amount__c": amount(total, currency), "Amount_Display__c": display(total, currency)}
    yield rows.row(snapshot, SOBJECT, payment_link["id"], fields)


def _status(payment_link: Json) -> str:
    limit = at(payment_link, "restrictions.completed_sessions.limit")
    count = at(payment_link, "restrictions.completed_sessions.count") or 0
    return COMPLETED if limit and count >= limit else STATUSES[bool(payment_link.get("active"))]


def _total(payment_link: Json) -> int | None:
    """Sum of the lines; None unless all of them came with the object (Stripe leaves them out unless asked)."""
    lines = payment_link.get("line_items") or {}
    if lines.get("has_more", True):
        return None
    return sum(line.get("amount_total") or 0 for line in lines["data"])


PROJECTIONS = (
    Projection(
        stripe="payment_link",
        path="/v1/payment_links/{id}",
        sobject=SOBJECT,
        project=project,
        events=frozenset({"payment_link.created", "payment_link.updated"}),
        expand=("line_items",),
    ),
)
