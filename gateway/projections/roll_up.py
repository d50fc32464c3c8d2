"""The stamp: what a source record shows of everything Stripe holds for it, independent of the order of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gateway.projections.action import DONE_ALREADY, PAID_ALREADY
from gateway.projections.totals import Summary, total
from gateway.projections.values import URL_LENGTH, cut, link
from gateway.records import Json, SourceRef, Status, Upsert

Fields = Mapping[str, Json]

INVOICE, LINK, ACTION, REFUND = "Stripe_Invoice__c", "Stripe_Payment_Link__c", "Stripe_Action__c", "Stripe_Refund__c"
LENGTHS = {
    "Stripe_Invoice_Number__c": 80,
    "Stripe_Invoice_Url__c": URL_LENGTH,
    "Stripe_Payment_Link_Url__c": URL_LENGTH,
    "Stripe_Amounts__c": 255,
    "Stripe_Currency_Code__c": 3,
    "Stripe_Last_Error_Code__c": 80,
    "Stripe_Last_Error__c": 255,
}

# Stamp field ← field of the latest row of that object, word for word.
COPIED: Mapping[str, Mapping[str, str]] = {
    INVOICE: {
        "Stripe_Invoice_Number__c": "Number__c",
        "Stripe_Invoice_Status__c": "Status__c",
        "Stripe_Invoice_Url__c": "Hosted_Url__c",
        "Stripe_Invoice_Due_Date__c": "Due_Date__c",
    },
    LINK: {"Stripe_Payment_Link_Status__c": "Status__c", "Stripe_Payment_Link_Url__c": "Url__c"},
    ACTION: {
        "Stripe_Last_Action__c": "Action__c",
        "Stripe_Last_Action_Status__c": "Status__c",
        "Stripe_Last_Action_At__c": "Accepted_At__c",
    },
}
MEASURES = {
    "Stripe_Amount_Invoiced__c": "invoiced",
    "Stripe_Amount_Paid__c": "paid",
    "Stripe_Amount_Remaining__c": "remaining",
    "Stripe_Amount_Refunded__c": "refunded",
}
UNHAPPY = {Status.REJECTED, Status.FAILED, Status.UNKNOWN}
RUNNING = {Status.QUEUED, Status.PENDING, Status.AWAITING_APPROVAL}
OUTCOME = ("Action__c", "Status__c", "Error_Code__c")
ALREADY = {DONE_ALREADY, PAID_ALREADY}
DEAD_INVOICES = {"Void", "Deleted"}


class Rows:
    """The children by object, each kind from oldest to latest."""

    def __init__(self, children: Sequence[Upsert]) -> None:
        self._by_object: dict[str, list[Upsert]] = {}
        for child in sorted(children, key=lambda child: (_age(child), child.key)):
            self._by_object.setdefault(child.sobject, []).append(child)
        self.money: Summary = total(children)

    def of(self, sobject: str) -> list[Fields]:
        """The fields of the rows of one object."""
        return [child.fields for child in self._by_object.get(sobject, ())]

    def latest(self, sobject: str) -> Fields:
        """The row to show: the latest that is alive, else the latest; internal steps of another action do not count."""
        rows = self.of(sobject)
        alive = [row for row in rows if ALIVE[sobject](row)] if sobject in ALIVE else rows
        shown = alive or rows
        return next(reversed(_news(shown) if sobject == ACTION else shown), {})

    def has(self, sobject: str, status: str) -> bool:
        """Whether any row of the object has this status."""
        return any(row.get("Status__c") == status for row in self.of(sobject))


ALIVE: Mapping[str, Callable[[Fields], bool]] = {
    INVOICE: lambda row: row.get("Status__c") not in DEAD_INVOICES,
    LINK: lambda row: bool(row.get("Active__c")),
    ACTION: lambda row: row.get("Caller_Kind__c") != "internal",
}

# The first that holds is the record's status: money that is owed, then money that came, then what may come.
STATUSES: Mapping[str, Callable[[Rows], bool]] = {
    "Partially Paid": lambda rows: rows.has(INVOICE, "Open") and rows.money.any("paid"),
    "Invoice Open": lambda rows: rows.has(INVOICE, "Open"),
    "Refunded": lambda rows: (
        rows.money.any("refunded") and all(each.fully_refunded for each in rows.money.currencies.values())
    ),
    "Partially Refunded": lambda rows: rows.money.any("refunded"),
    # A link used up is money that came, also while its payment has not been read.
    "Paid": lambda rows: rows.has(INVOICE, "Paid") or rows.has(LINK, "Completed") or rows.money.any("paid"),
    "Invoice Draft": lambda rows: rows.has(INVOICE, "Draft"),
    "Payment Link Active": lambda rows: rows.has(LINK, "Active"),
    "Uncollectible": lambda rows: rows.has(INVOICE, "Uncollectible"),
    "Void": lambda rows: rows.has(INVOICE, "Void"),
    "Needs Attention": lambda rows: rows.latest(ACTION).get("Status__c") in UNHAPPY,
    "In Progress": lambda rows: rows.latest(ACTION).get("Status__c") in RUNNING,
}
PICKLISTS = {"Stripe_Status__c": tuple(STATUSES)}


def roll_up(children: Sequence[Upsert], parent: SourceRef) -> dict[str, Json]:
    """Every stamp field of ``parent``; a field with nothing to show is None, so that old values are cleared."""
    rows = Rows([child for child in children if child.parent in {None, parent} and not child.stamp])
    single = rows.money.single
    copied = {
        name: rows.latest(sobject).get(field) for sobject, names in COPIED.items() for name, field in names.items()
    }
    for url in ("Stripe_Invoice_Url__c", "Stripe_Payment_Link_Url__c"):
        copied[url] = link(copied[url], URL_LENGTH)
    return {
        "Stripe_Status__c": next((word for word, holds in STATUSES.items() if holds(rows)), None),
        **copied,
        "Stripe_Amounts__c": cut(_in_words(rows.money), LENGTHS["Stripe_Amounts__c"]),
        "Stripe_Currency_Code__c": single[0] if single else None,
        **{name: getattr(single[1], measure) if single else None for name, measure in MEASURES.items()},
        **_last_error(rows),
    }


def _news(actions: Sequence[Fields]) -> list[Fields]:
    """
    Without actions that only repeat an outcome the record has shown since something last came of one.

    A flow may ask again on every save, also on that of this very stamp: were each answer shown with its own time, stamp
    and flow would go round for ever.
    """
    made: set[Json] = set()
    shown: set[tuple[Json, ...]] = set()
    news = []
    for row in actions:
        done = row.get("Stripe_Id__c") if row.get("Status__c") == Status.SUCCEEDED else None
        # Only a customer can be changed: then something came of it, though its id is an old one.
        changed = row.get("Action__c") == "create-customer" and row.get("User_Message__c") not in ALREADY
        if done and (done not in made or changed):
            made.add(done)
            shown.clear()
        outcome = (done or row.get("User_Message__c"), *(row.get(name) for name in OUTCOME))
        if outcome not in shown:
            shown.add(outcome)
            news.append(row)
    return news


def _age(child: Upsert) -> str:
    # Links carry no time at Stripe, but action ids rise with time.
    marks = ("Stripe_Created_At__c", "Accepted_At__c", "Gateway_Action_Id__c")
    return next((str(child.fields[mark]) for mark in marks if child.fields.get(mark)), "")


def _in_words(money: Summary) -> str | None:
    if len(money.currencies) > 1:
        return f"Several currencies ({', '.join(money.currencies)}): amounts are not added up. See the Stripe records."
    if not money.single:
        return None
    code, totals = money.single
    parts = [f"{getattr(totals, measure)} {measure}" for measure in MEASURES.values() if getattr(totals, measure)]
    return f"{code} {', '.join(parts)}" if parts else f"{code} 0"


def _last_error(rows: Rows) -> dict[str, Json]:
    """Of the latest action, or of the latest refund: Stripe can fail one days after it was accepted."""
    action, refund = rows.latest(ACTION), rows.latest(REFUND)
    code: Json = None
    message: Json = None
    if action.get("Status__c") in UNHAPPY:
        code, message = action.get("Error_Code__c"), action.get("User_Message__c")
    elif refund.get("Status__c") == "Failed":
        reason = refund.get("Failure_Reason__c") or "no reason given"
        code, message = "refund_failed", f"The refund of {refund.get('Amount_Display__c')} failed: {reason}."
    return {"Stripe_Last_Error_Code__c": cut(code, 80), "Stripe_Last_Error__c": cut(message, 255)}
