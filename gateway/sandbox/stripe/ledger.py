"""One Stripe account in one mode: its objects, its events, its idempotency keys."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.stripe.errors import StripeError, missing
from gateway.sandbox.stripe.tables import Key, Row, Table

API_VERSION = "2026-10-28.endive"
EVENTS_KEPT = 10_000


def by(name: str) -> Key:
    return lambda row: row[name]


def payment_intent_paid_with(row: Row) -> Any:
    return row["payment"].get("payment_intent")


# Kind of object -> the fields its lists can be filtered by without scanning.
INDEXES: dict[str, dict[str, Key]] = {
    "customer": {"email": by("email")},
    "tax_id": {"customer": by("customer")},
    "product": {},
    "price": {"product": by("product")},
    "coupon": {},
    "discount": {},
    "tax_rate": {},
    "invoice": {"customer": by("customer")},
    "invoice_payment": {"invoice": by("invoice"), "payment_intent": payment_intent_paid_with},
    "payment_link": {},
    "checkout.session": {name: by(name) for name in ("payment_link", "payment_intent", "customer")},
    "payment_intent": {"customer": by("customer")},
    "charge": {"payment_intent": by("payment_intent"), "customer": by("customer")},
    "refund": {"charge": by("charge"), "payment_intent": by("payment_intent")},
    "dispute": {"charge": by("charge"), "payment_intent": by("payment_intent")},
    "balance_transaction": {"source": by("source")},
    "webhook_endpoint": {},
    "event": {},
}


def new_id(prefix: str) -> str:
    return f"{prefix}_1{secrets.token_hex(12)}"


@dataclass(frozen=True)
class Line:
    """An invoice line and what its taxes come from: rate ids and whether the price includes tax."""

    row: Row
    rates: tuple[str, ...] = ()
    inclusive: bool = False


@dataclass(frozen=True)
class Mail:
    """What the customer would find in the inbox."""

    at: int
    to: str
    subject: str
    invoice: str
    url: str


@dataclass
class Ledger:
    """State of one account and mode. ``announce`` is told of every event."""

    account: str
    livemode: bool
    country: str
    currency: str
    name: str
    now: Callable[[], float]
    announce: Callable[["Ledger", Row], None] = lambda ledger, event: None
    tables: dict[str, Table] = field(default_factory=dict)
    invoice_lines: dict[str, list[Line]] = field(default_factory=dict)
    link_items: dict[str, list[Row]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    updated_at: dict[str, float] = field(default_factory=dict)
    webhook_secrets: dict[str, str] = field(default_factory=dict)
    connect_endpoints: set[str] = field(default_factory=set)
    request: tuple[str | None, str | None] = (None, None)
    _scratch: list[Row] | None = None

    def __post_init__(self) -> None:
        for kind, indexes in INDEXES.items():
            self.tables[kind] = Table(indexes, keep=EVENTS_KEPT if kind == "event" else None)

    def time(self) -> int:
        return int(self.now())

    def table(self, kind: str) -> Table:
        return self.tables[kind]

    def find(self, kind: str, identity: str) -> Row | None:
        return self.tables[kind].rows.get(identity)

    def get(self, kind: str, identity: str, param: str = "id", status: int = 404) -> Row:
        """Raises StripeError ``resource_missing``: 404 for the object addressed, 400 for one named in a parameter."""
        row = self.tables[kind].rows.get(identity)
        if row is None:
            raise missing(kind, identity, param, status)
        return row

    def named(self, kind: str, identity: str, param: str) -> Row:
        return self.get(kind, identity, param, status=400)

    def add(self, row: Row, event: str | None = None) -> Row:
        self.tables[row["object"]].add(row)
        if self._scratch is not None:
            self._scratch.append(row)
            return row
        self.updated_at[row["id"]] = self.now()
        if event:
            self.event(event, row)
        return row

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """What is added inside is gone at the end and tells nobody: previews reckon with prices and discounts too."""
        self._scratch = []
        try:
            yield
        finally:
            made, self._scratch = self._scratch, None
            for row in made:
                self.tables[row["object"]].remove(row["id"])

    def change(self, row: Row, event: str | None = None, **fields: Any) -> Row:
        """Put the changed row in the place of ``row`` and return it."""
        changed = {**row, **fields}
        self.tables[row["object"]].replace(changed)
        self.updated_at[row["id"]] = self.now()
        if event:
            self.event(event, changed, previous=row)
        return changed

    def remove(self, row: Row, event: str | None) -> Row:
        self.tables[row["object"]].remove(row["id"])
        if event:
            self.event(event, row)
        return {"id": row["id"], "object": row["object"], "deleted": True}

    def event(self, kind: str, row: Row, previous: Row | None = None) -> Row:
        data: Row = {"object": row}
        if previous is not None:
            data["previous_attributes"] = {name: previous.get(name) for name in row if previous.get(name) != row[name]}
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.time(),
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": 0,
            "request": {"id": self.request[0], "idempotency_key": self.request[1]},
            "type": kind,
        }
        self.tables["event"].add(event)
        self.announce(self, event)
        return event


def merge_metadata(old: dict[str, str] | None, given: dict[str, str] | None) -> dict[str, str]:
    """Keys given are set, an empty value unsets its key, no ``metadata`` clears all (docs.stripe.com/metadata)."""
    if given is None:
        return {}
    merged = {**(old or {}), **given}
    merged = {key: value for key, value in merged.items() if value != ""}
    if len(merged) > 50:
        raise StripeError(400, "You can only have up to 50 metadata keys.", param="metadata")
    return merged
