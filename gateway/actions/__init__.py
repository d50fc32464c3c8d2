"""
What Salesforce can ask for. One file = one action = one URL; the registry is the folder itself.

An action is a pure function from a request and what was read to a plan; nothing here talks to the outside.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError, PydanticUndefined

from gateway.errors import Rejected
from gateway.ids import salesforce_id
from gateway.records import Json, Live, Plan, SourceRef
from gateway.sources import Party, SourceRecord

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def _record_id(text: str) -> str:
    try:
        return salesforce_id(text)
    except Rejected as exc:
        raise PydanticCustomError("invalid_id", "is not a Salesforce record id") from exc


def _same_amount(value: str | int | Decimal) -> str | int | Decimal:
    """10, "10.00" and 10.0 as one text, so that a request repeated in another spelling is the same request."""
    text = str(value)
    match = _NUMBER.fullmatch(text)
    if match is None:
        return value  # refused with words of its own once the currency is known
    return text.rstrip("0").rstrip(".") if match[1] else text


Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
SalesforceId = Annotated[str, AfterValidator(_record_id)]  # checked, and normalised to 18 characters
Amount = Annotated[str | int | Decimal, AfterValidator(_same_amount)]  # major units; Money parses it with its currency
CurrencyCode = Annotated[str, StringConstraints(min_length=3, max_length=3, to_lower=True)]
RequestModel = Any  # an instance of the action's own request model


# Left out, these mean "all of it", "the only one" or "the record's own". Null or an empty list is what Apex and Flow
# make of a variable that nobody set, and must never turn a part into the whole.
WIDENING = {
    "amount": "all of it",
    "portion_percent": "all of it",
    "portion_amount": "all of it",
    "discount_amount": "no discount",
    "lines": "the record's own lines",
    "line_ids": "all of the record's lines",
    "payment_intent": "the record's only payment",
    "charge": "the record's only payment",
    "invoice": "the record's only payment",
}


class Request(BaseModel):
    """Members every action takes. ``record_id`` is the record the outcome is written back to."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)
    examples: ClassVar[Sequence[Mapping[str, Json]]] = ()  # bodies that can be sent as they are, for the documents

    record_id: str = Field(description="Salesforce record the action belongs to (15 or 18 characters)")
    object: str | None = Field(None, description="API name of its object; needed for custom objects only")
    entity: str | None = Field(None, description="Stripe entity; default: the configured routing")
    request_key: str | None = Field(None, description="One intent, e.g. a UUID made when the panel opened")
    preview_token: str | None = Field(None, description="From the preview: refused if anything changed since")

    def content(self) -> dict[str, Json]:
        """
        What is asked, in one spelling: ids of 18 characters, amounts and currencies normalised, members that only
        repeat their default left out. The record, its object, key and token are told apart elsewhere.
        """
        return self.model_dump(exclude_defaults=True, exclude={"request_key", "preview_token", "record_id", "object"})

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_left_out(cls, value: Any, info: ValidationInfo) -> Any:  # JSON is dynamic
        name = str(info.field_name)
        if name in WIDENING and value in (None, []):
            said = {"what": "null" if value is None else "empty", "means": WIDENING[name]}
            raise PydanticCustomError("widening_member", "is {what}; leave it out to mean {means}", said)
        if value is None:
            default = cls.model_fields[name].get_default(call_default_factory=True)
            return None if default is PydanticUndefined else default
        return value


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """What a plan needs to know of the Stripe entity; ``lines_per_call`` is a limit learned from Stripe."""

    name: str
    mode: str
    time_zone: str = "UTC"
    default_currency: str | None = None
    automatic_tax: bool = False
    days_until_due: int = 30
    lines_per_call: int = 250


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer of a source, as far as it is known: ``stripe_id`` None = to be made."""

    source_id: str
    stripe_id: str | None
    same_recipient: bool | None = None  # None: Stripe holds no address yet


@dataclass(frozen=True, slots=True)
class Charge:
    """
    A charge as a numbered GET saw it. ``refunds`` are ``(id, gw_action_id, amount)``, 0 for failed ones. ``record`` is
    what was paid for, where that is not the record the action starts from.
    """

    id: str
    currency: str
    captured: int
    refunded: int
    disputed: bool
    metadata: Mapping[str, str]
    refunds: tuple[tuple[str, str | None, int], ...] = ()
    payment_intent: str | None = None
    invoice: str | None = None
    number: int = 0
    record: SourceRef | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a plan is made from, read before: a plan looks nothing up."""

    action_id: str
    org: str
    ref: SourceRef
    entity: EntityFacts
    now: float  # seconds since the epoch, for due dates only
    source: SourceRecord | None = None
    party: Party | None = None
    customer: Customer | None = None
    charge: Charge | None = None
    live: tuple[Live, ...] = ()
    doubtful: Rejected | None = None  # why nothing such is made now: an earlier action may have made one
    mapped: frozenset[str] = frozenset()  # what the configuration reads from fields of this object: po_number …
    tax_ids: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  # by customer: type and value
    preview: bool = False  # only shown, to be confirmed; what is still to be chosen is no refusal


class NeedsSource(Exception):
    """The body does not carry enough: the record must be read."""


@dataclass(frozen=True, slots=True)
class Reads:
    """
    What an action wants read before it can plan: the record, the charge behind a reference, its live objects, the tax
    ids of the customer, and somebody to send the bill to where the record names nobody.
    """

    source: bool = True
    charge: bool = False
    live: str | None = None
    tax_ids: bool = False
    recipient: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be asked for; ``money_out`` ones need a request key."""

    name: str
    label: str
    request: type[Request]
    reads: Callable[[RequestModel], Reads]
    check: Callable[[RequestModel], None]  # raises Rejected for what is wrong whatever the record says
    plan: Callable[[RequestModel, Context], Plan]
    stripe: str  # projection of the result object: invoice, customer …
    sobjects: tuple[str, ...]
    money_out: bool = False
    customer: bool = False  # whether a Stripe customer must exist first
    result: Mapping[str, str] = field(default_factory=dict)  # envelope member → member of the result object
    columns: Mapping[str, str] = field(default_factory=dict)  # of a row of the outbox → request member
    done: str = ""  # words for the rep, may name {number} {amount} {currency}


def metadata(context: Context, step: str) -> dict[str, Json]:
    """What every object made at Stripe carries: it leads back to the record and proves which step made it."""
    ref = (context.charge and context.charge.record) or context.ref
    return {
        "sf_org_id": context.org,
        "sf_object": ref.sobject,
        "sf_record_id": ref.record_id,
        "gw_action_id": context.action_id,
        "gw_step": step,
        "gw_entity": context.entity.name,
    }


@cache
def registry() -> Mapping[str, Action]:
    """Every action by its name, found in this folder."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    found = (getattr(module, "ACTION", None) for module in modules)
    return {action.name: action for action in found if isinstance(action, Action)}
