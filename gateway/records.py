"""The shared vocabulary: values that travel between the layers. No behaviour beyond their own consistency."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

# JSON values as parsed and stored: dict, list, str, int, Decimal, bool, None. Parsed text is dynamic, hence Any.
Json = Any


class Status(StrEnum):
    """Statuses of an action: the API, the picklist of Stripe_Action__c and the console use the same words."""

    QUEUED = "queued"
    PENDING = "pending"
    AWAITING_APPROVAL = "awaiting_approval"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself (``unknown`` is still looked up)."""
        return self in {Status.SUCCEEDED, Status.REJECTED, Status.FAILED, Status.CANCELLED}


CallerKind = Literal["person", "automation", "outbox", "agent", "internal"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the org of ``iss``, the ``sub`` of the token (18-character user id or the automation's name)."""

    org: str
    sub: str
    kind: CallerKind

    @property
    def user(self) -> str | None:
        """The Salesforce user whose access counts, where it is a person: in the token, or who inserted the row."""
        return self.sub if self.kind in {"person", "outbox"} else None


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    The one answer of every route (flat: External Services and Flow cannot read deep objects).

    ``amount`` is a decimal string in major units of ``currency`` (ISO 4217, upper case).
    """

    success: bool
    status: str
    action_id: str | None = None
    request_id: str | None = None
    record_id: str | None = None
    stripe_id: str | None = None
    stripe_status: str | None = None
    number: str | None = None
    url: str | None = None
    amount: str | None = None
    currency: str | None = None
    error_code: str | None = None
    user_message: str | None = None
    retryable: bool = False
    retry_after_seconds: int | None = None
    replayed: bool = False

    def as_json(self) -> dict[str, Json]:
        """Every member, in order, absent ones as null."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class SourceRef:
    """A Salesforce record an outcome belongs to: object API name and 18-character id."""

    sobject: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Upsert:
    """
    What Salesforce should hold in one row.

    ``key`` is the value of ``id_field`` (``Stripe_Key__c`` = ``<entity>:<stripe id>``; ``Id`` for a stamp, and for a
    row of ours that somebody inserted in Salesforce). ``fields`` hold JSON values, money as Decimal in major units. A
    relationship by external id is written ``{"Stripe_Invoice__r": {"Stripe_Key__c": "us:in_1"}}``. ``parent`` is the
    source record the row belongs to.
    """

    sobject: str
    key: str
    fields: Mapping[str, Json]
    parent: SourceRef | None = None
    id_field: str = "Stripe_Key__c"

    @property
    def stamp(self) -> bool:
        """Whether this is the stamp of a source record rather than one of our own rows."""
        return self.parent is not None and self.id_field == "Id" and self.key == self.parent.record_id


class StepKind(StrEnum):
    """How the outcome of a step can be found out when its answer was lost."""

    CREATE = "create"  # makes an object: looked up by metadata gw_action_id and gw_step
    STATE = "state"  # changes an object: GET tells
    SILENT = "silent"  # leaves no mark at Stripe (send_invoice): never re-sent after the key's life
    READ = "read"


@dataclass(frozen=True, slots=True)
class Lookup:
    """
    How to find what a lost step made: a list call, matched on metadata ``gw_action_id`` and ``gw_step``.

    ``path`` and ``params`` may hold holes. For STATE steps ``path`` is the object's own path and ``done_when`` the
    values that tell the change has happened, for example ``{"status": ("open", "paid")}``. ``match`` are the members
    that tell an object which carries no metadata (a tax id). ``count`` is a list and how many objects it then has,
    where values alone do not tell (lines that add up to nothing).
    """

    path: str
    params: Mapping[str, Json] = field(default_factory=dict)
    done_when: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    match: Mapping[str, Json] = field(default_factory=dict)
    count: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """
    One upstream call of an action, complete: it is sent from storage, byte for byte, as often as needed.

    A value made by `hole` in ``params``, or a ``{name}`` segment in ``path``, is a hole, filled from ``saves`` of an
    earlier step (``saves`` maps hole name → member of the answer, dotted for nested members).
    ``money`` marks a step that moves money out: never sent again without proof that it did not happen.
    ``undo`` is the step sent when a later step is refused for good (the draft invoice is deleted).
    ``compares`` fills a hole with ``same`` or ``other``, for what is too personal to be kept: hole → (member, value).
    ``skip_if`` skips the step when an earlier answer has the value: ``{"invoice.status": ("paid",)}``.
    ``only_if`` skips it when an earlier answer has another value, and says so: hole → (value, words for the caller).
    ``expect`` is what the answer must say, dotted member → (value, or a list of those that will do;
    error code when it does not); case is no matter.
    ``remains`` are words for the caller where a later step is refused for good and this one cannot be undone.
    """

    name: str
    method: str
    path: str
    params: Mapping[str, Json] = field(default_factory=dict)
    kind: StepKind = StepKind.CREATE
    lookup: Lookup | None = None
    saves: Mapping[str, str] = field(default_factory=dict)
    compares: Mapping[str, tuple[str, Json]] = field(default_factory=dict)
    money: bool = False
    use: Literal["billing", "refund"] = "billing"
    undo: Mapping[str, str] | None = None
    skip_if: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    only_if: Mapping[str, tuple[Json, str]] = field(default_factory=dict)
    expect: Mapping[str, tuple[Json, str]] = field(default_factory=dict)
    remains: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    An action, decided: what will be sent, frozen before the first call (R1).

    ``content`` is the business content compared by the guard against doing a thing twice: entity, customer, lines,
    amounts, currency, reference; no texts, dates or URLs. ``summary`` is what a preview shows. ``holes`` are known
    values (customer id). ``result`` names the hole prefix whose last answer is the outcome, for example ``invoice``.
    """

    action: str
    entity: str
    steps: tuple[Step, ...]
    content: Mapping[str, Json]
    summary: Mapping[str, Json]
    result: str
    holes: Mapping[str, str] = field(default_factory=dict)
    amount_minor: int | None = None
    currency: str | None = None
    owner: Mapping[str, Json] = field(default_factory=dict)  # whom the outcome belongs to: account, contact, source
    keys: str = ""  # what the idempotency keys derive from, where that is not the action: a customer and its generation
    version: int = 1


@dataclass(frozen=True, slots=True)
class Live:
    """
    An object of a record at Stripe that may still count: open, paid, active, refunded …

    ``number`` is the observation its status comes from.
    """

    org: str
    entity: str
    record_id: str
    kind: str
    stripe_id: str
    content_hash: str
    status: str
    action_id: str
    shown: Json
    number: int = 0


def hole(name: str) -> dict[str, Json]:
    """A value that an earlier answer fills. A mapping, so that no caller's text can pass for one."""
    return {"$hole": name}


def canonical(value: Json) -> bytes:
    """JSON with sorted members and no spaces, decimals as plain strings: the form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def fingerprint(value: Json) -> str:
    """The first 128 bits of the SHA-256 of the canonical form, hexadecimal: compared for equality only."""
    return hashlib.sha256(canonical(value)).hexdigest()[:32]


def dumps(value: Json) -> str:
    """Compact JSON in member order; a Decimal becomes a string (money is a decimal string at every edge)."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
