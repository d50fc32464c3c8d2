"""What the gateway writes to Salesforce: every field of every projection, with its kind, found by projecting."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any

import gateway.projections
from gateway.projections import Snapshot, action, payment, project, registry, roll_up, rows, sync_issue
from gateway.records import Caller, Envelope, SourceRef, Upsert
from gateway.writeback.payload import VERSION_FIELD
from tests.projections.stripe_objects import ACCOUNT, CONTACT, stripe_object

DATE, MOMENT = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SOURCES = ("Account", "Case", "Contact", "Opportunity", "Order", "Quote")
SENDERS = VERSION_FIELD  # added by the sender when it writes a row of ours


@dataclass(frozen=True)
class Written:
    """One field: its kind in Salesforce's words, the longest text, the values of a picklist."""

    kind: str
    length: int | None = None
    values: tuple[str, ...] = ()


def written() -> dict[tuple[str, str], Written]:
    """Every field the gateway may write, by object and API name."""
    found: dict[tuple[str, str], Written | None] = {}
    for upsert, lengths, picklists in _everything():
        if not upsert.stamp:
            found |= {(upsert.sobject, upsert.id_field): Written("Text"), (upsert.sobject, SENDERS): Written("Number")}
        for name, value in upsert.fields.items():
            api_name = f"{name.removesuffix('__r')}__c" if name.endswith("__r") else name
            kind = _kind(name, value, lengths, picklists)
            if name != "Name":  # no permission or length of its own
                found[upsert.sobject, api_name] = kind or found.get((upsert.sobject, api_name))
    never_seen = [key for key, kind in found.items() if kind is None]
    assert not never_seen, f"no payload here has a value for {never_seen}"
    return {key: kind for key, kind in found.items() if kind}


def _kind(
    name: str, value: Any, lengths: Mapping[str, int], picklists: Mapping[str, tuple[str, ...]]
) -> Written | None:
    if name in picklists:
        return Written("Picklist", values=picklists[name])
    if name in lengths:
        return Written("Text", lengths[name])
    if isinstance(value, Mapping) or name in rows.LOOKUPS.values():
        return Written("Lookup")
    if isinstance(value, bool):
        return Written("Checkbox")
    if isinstance(value, Decimal | int):
        return Written("Number")
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return Written("DateTime")
    if isinstance(value, str) and DATE.fullmatch(value):
        return Written("Date")
    return None if value is None else Written("Text")


def _everything() -> Iterator[tuple[Upsert, Mapping[str, int], Mapping[str, tuple[str, ...]]]]:
    for upsert, module in [*_truth(), *_own()]:
        yield upsert, lengths_of(module), module.PICKLISTS
    stamp = roll_up.PICKLISTS | {
        name: _module(sobject).PICKLISTS[field]
        for sobject, names in roll_up.COPIED.items()
        for name, field in names.items()
        if field in _module(sobject).PICKLISTS
    }
    children = [upsert for upsert, _ in [*_truth(), *_own()]]
    for source in SOURCES:
        ref = SourceRef(source, "001")
        fields = roll_up.roll_up([Upsert(c.sobject, c.key, c.fields, ref, c.id_field) for c in children], ref)
        yield Upsert(source, "001", fields, ref, "Id"), roll_up.LENGTHS, stamp


def _truth() -> Iterator[tuple[Upsert, ModuleType]]:
    """Each Stripe object for each kind of owner, with every date, list and link there can be."""
    for payload in _payloads():
        for source in SOURCES:
            name = payload["object"]
            module = _module(registry()[name].sobject)
            snapshot = Snapshot(
                "us",
                True,
                payload,
                {"invoice_payments": [stripe_object("invoice_payment")]},
                SourceRef(source, "001"),
                ACCOUNT,
                CONTACT,
                links=dict.fromkeys((*payment.LOOKUPS, "Stripe_Payment__c"), "us:x"),
            )
            yield from ((upsert, module) for upsert in project(name, snapshot))


def _payloads() -> Iterator[dict[str, Any]]:
    at = 1764460860
    transitions = {"finalized_at": at, "marked_uncollectible_at": at, "paid_at": at, "voided_at": at}
    yield stripe_object("customer")
    yield stripe_object("invoice", status_transitions=transitions, next_payment_attempt=at)
    yield stripe_object("payment_intent", canceled_at=at)
    yield stripe_object("charge")
    yield stripe_object("refund")
    yield stripe_object("payment_link")


def _own() -> Iterator[tuple[Upsert, ModuleType]]:
    answer = Envelope(success=True, status="succeeded", amount="1.00", currency="usd")
    for source in SOURCES:
        ref = SourceRef(source, "001")
        facts = action.ActionFacts(
            "act_1",
            "send-invoice",
            "succeeded",
            Caller("00D", "005", "person"),
            1.0,
            answer,
            ref,
            ACCOUNT,
            CONTACT,
            ended=2.0,
        )
        yield action.project(facts), action
        issue = sync_issue.IssueFacts("drift", source, "001", 1.0, 2.0, "m", resolved_at=3.0, source=ref)
        yield sync_issue.project(issue), sync_issue


def lengths_of(module: ModuleType) -> dict[str, int]:
    """The lengths a projection cuts its texts to."""
    tables = [table for name, table in vars(module).items() if name.endswith(("TEXTS", "ERRORS"))]
    if module is payment:
        tables.append(gateway.projections.charges.TEXTS)
    texts = {name: length for table in tables for name, (_, length) in table.items()}
    shared = rows.LENGTHS if module not in {action, sync_issue} else {}
    return {**shared, **texts, **module.LENGTHS}


def _module(sobject: str) -> ModuleType:
    modules = (
        importlib.import_module(f"gateway.projections.{m.name}")
        for m in pkgutil.iter_modules(gateway.projections.__path__)
    )
    return next(module for module in modules if getattr(module, "SOBJECT", None) == sobject)
