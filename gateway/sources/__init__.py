"""Salesforce records an action can start from: what is read of each, and what it means. One file per object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.records import Json, SourceRef


@dataclass(frozen=True, slots=True)
class Party:
    """An Account, Contact or person account as a Stripe customer would know it; absent members are None."""

    source_id: str
    sobject: str
    name: str
    email: str | None = None
    phone: str | None = None
    street: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of a record. ``total`` is what Salesforce shows for the line (TotalPrice), in major units."""

    source_id: str
    name: str
    description: str | None
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    discount_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BillTo:
    """Somebody who may receive the bill, with the reason shown to the rep ("contact role Billing")."""

    contact_id: str | None
    name: str
    email: str | None
    why: str


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """
    What was read. ``bill_to`` are the candidates in order of preference; ``party`` is whom the customer is made from.
    ``contacts`` are offered where nobody is a candidate, never taken by themselves.

    ``amount`` is the record's own total in major units of ``currency`` (ISO code; None in a single-currency org).
    ``due`` is the mapped due date as Salesforce writes it. ``owner_id`` is the user who owns the record, None where
    that is a queue or nobody active.
    """

    ref: SourceRef
    name: str
    party: Party | None
    bill_to: tuple[BillTo, ...] = ()
    currency: str | None = None
    amount: Decimal | None = None
    lines: tuple[SourceLine, ...] = ()
    po_number: str | None = None
    reference: str | None = None
    due: str | None = None
    owner_id: str | None = None
    contacts: tuple[BillTo, ...] = ()
    fields: Mapping[str, Json] = field(default_factory=dict)


Rows = Sequence[Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Part:
    """SOQL over one or many records; ``by`` is the field of its rows that names the record they belong to."""

    soql: str
    by: str = "Id"


@dataclass(frozen=True, slots=True)
class Source:
    """
    How one Salesforce object is read: SOQL by name, sent together in one Composite call, and what the rows mean.

    ``queries(record_ids, extra)`` may use ``extra``: further fields of the record the configuration maps.
    """

    sobject: str
    prefix: str
    queries: Callable[[Sequence[str], Sequence[str]], dict[str, Part]]
    parse: Callable[[SourceRef, Mapping[str, Rows], Mapping[str, str]], SourceRecord]
