"""What must hold once everything has come to rest: one effect, the record says what Stripe says, nothing is stuck."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.app import Gateway
from gateway.engine.schema import action, circuit, job, mirror, reservation
from tests.scenarios.lab import Lab
from tests.scenarios.stories import SHAPES, Deal, Story

Object = dict[str, Any]


def _amount(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _money(member: str) -> Callable[[Object], Decimal]:
    """In major units; of the currencies in the sandbox only the yen has no minor ones."""
    return lambda x: _amount(Decimal(x[member]) / (1 if x["currency"] == "jpy" else 100))


# Kind at Stripe -> its object in Salesforce, and which field must say what.
ROWS: Mapping[str, tuple[str, Mapping[str, Callable[[Object], Any]]]] = {
    "customer": ("Stripe_Customer__c", {"Email__c": lambda x: x["email"], "Status__c": lambda _: "Active"}),
    "invoice": (
        "Stripe_Invoice__c",
        {
            "Status__c": lambda x: x["status"].capitalize(),
            "Number__c": lambda x: x["number"],
            "Hosted_Url__c": lambda x: x["hosted_invoice_url"],
            "Total__c": _money("total"),
            "Amount_Remaining__c": _money("amount_remaining"),
        },
    ),
    "payment_link": ("Stripe_Payment_Link__c", {"Active__c": lambda x: x["active"], "Url__c": lambda x: x["url"]}),
    "refund": (
        "Stripe_Refund__c",
        {"Status__c": lambda x: x["status"].capitalize(), "Amount__c": _money("amount")},
    ),
}


def objects(lab: Lab, deal: Deal, kind: str) -> list[Object]:
    """Everything of a kind at Stripe that belongs to the record."""
    if kind == "mail":
        invoices = {x["id"] for x in objects(lab, deal, "invoice")}
        return [x for x in lab.objects("mail") if x["invoice"] in invoices]
    return [x for x in lab.objects(kind) if x["metadata"].get("sf_record_id") in {deal.record, deal.account}]


def effects(lab: Lab, story: Story, deal: Deal) -> dict[str, list[Any]]:
    """What is at Stripe, in the shapes a story says it in; kinds with nothing are left out."""
    found = {kind: sorted(SHAPES[kind](x) for x in objects(lab, deal, kind)) for kind in SHAPES}
    return {kind: shapes for kind, shapes in found.items() if shapes or kind in story.wanted}


def differences(lab: Lab, story: Story, deal: Deal) -> Iterator[str]:
    """Where the record's rows in Salesforce do not say what Stripe says."""
    for kind, (sobject, fields) in ROWS.items():
        at_stripe = {x["id"]: x for x in objects(lab, deal, kind)}
        rows = {row["Stripe_Id__c"]: row for row in _rows(lab, sobject, deal)}
        yield from (f"{key} is at Stripe only" for key in at_stripe.keys() - rows.keys())
        yield from (f"{key} is in Salesforce only" for key in rows.keys() - at_stripe.keys())
        for key in at_stripe.keys() & rows.keys():
            yield from same(key, at_stripe[key], rows[key], fields)
    stamp = lab.record(story.sobject, deal.record).get("Stripe_Status__c")
    if stamp != story.stamp:
        yield f"the record's stamp is {stamp!r} instead of {story.stamp!r}"


def same(key: str, at_stripe: Object, row: Object, fields: Mapping[str, Callable[[Object], Any]]) -> Iterator[str]:
    """The fields of a row that do not say what Stripe says."""
    for name, told in fields.items():
        wanted, seen = told(at_stripe), row[name]
        if isinstance(wanted, Decimal) and seen is not None:
            seen = _amount(seen)
        if wanted != seen:
            yield f"{key}: {name} is {seen!r}, at Stripe {wanted!r}"


def told(lab: Lab, key: str) -> list[str]:
    """The statuses of the rows in Salesforce of the action with this request key: one, if all is well."""
    return [row["Status__c"] for row in lab.records("Stripe_Action__c") if row["Request_Key__c"] == key]


def _rows(lab: Lab, sobject: str, deal: Deal) -> list[Object]:
    rows = lab.records(sobject)
    if sobject == "Stripe_Customer__c":
        return [row for row in rows if row["Account__c"] == deal.account]
    return [row for row in rows if row["Source_Record_Id__c"] == deal.record]


async def unfinished(gateway: Gateway, *, unknown: bool = False) -> list[str]:
    """Jobs, actions, rows, reservations and circuits that are not at rest; ``unknown`` outcomes may be."""
    return await gateway.tools.store.read(lambda conn: left(conn, unknown=unknown))


def left(conn: Connection, *, unknown: bool = False) -> list[str]:
    """The same of a database."""
    ended = {"succeeded", "rejected", "failed", *(("unknown",) if unknown else ())}
    kinds = ("outbox", *(("lookup",) if unknown else ()))  # the outbox is looked at for ever
    held = sa.select(reservation.c.action_id).where(reservation.c.state == "held")
    return [
        *_all(conn, "job", sa.select(job.c.id, job.c.state, job.c.error).where(job.c.kind.not_in(kinds))),
        *_all(conn, "action", sa.select(action.c.id, action.c.status).where(action.c.status.not_in(ended))),
        *_all(conn, "row", sa.select(mirror.c.key, mirror.c.state, mirror.c.error).where(mirror.c.state != "clean")),
        *_all(conn, "circuit", sa.select(circuit.c.scope, circuit.c.error)),
        *([] if unknown else _all(conn, "money", held)),
    ]


def _all(conn: Connection, what: str, query: sa.Select[Any]) -> list[str]:
    return [f"{what} {' '.join(str(value) for value in row)}" for row in conn.execute(query)]
