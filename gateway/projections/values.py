"""Stripe's values → Salesforce's values: texts that fit, amounts, moments, days, picklist words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from gateway.errors import Rejected
from gateway.money import Money
from gateway.records import Json

OTHER = "Other"  # every restricted picklist has it: what Stripe adds next year must not stop a write
URL_LENGTH = 255  # fixed by Salesforce's field type
TextTable = Mapping[str, tuple[str, int]]  # field → dotted path in the object, length of the field
PathTable = Mapping[str, str]  # field → dotted path


def at(value: Json, path: str) -> Json:
    """The member at a dotted path; None where anything on the way is absent or not expanded."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def identifier(value: Json) -> str | None:
    """The id of a reference, expanded or not."""
    return value.get("id") if isinstance(value, Mapping) else value


def cut(value: Json, length: int) -> str | None:
    """Text that fits the field, cut with an ellipsis; empty becomes None."""
    text = "" if value is None else str(value).strip()
    return text if len(text) <= length and text else f"{text[: length - 1].rstrip()}…" if text else None


def link(value: Json, length: int) -> str | None:
    """A URL whole or not at all: a cut one would lead nowhere."""
    return value if isinstance(value, str) and len(value) <= length else None


def choice(words: Mapping[str, str], raw: Json) -> str | None:
    """The picklist word for Stripe's word; ``Other`` when Stripe knows one we do not."""
    return None if raw is None else words.get(str(raw), OTHER)


def amount(minor: Json, currency: Json) -> Decimal | None:
    """Minor units in major units; None when Stripe's scale for the currency is not known: a guess is 100 × off."""
    try:
        return None if minor is None else Money(int(minor), str(currency)).decimal
    except (Rejected, ValueError):
        return None


def display(minor: Json, currency: Json) -> str | None:
    """``EUR 12.50``; in minor units, and saying so, when the currency's scale is not known."""
    if minor is None:
        return None
    known = amount(minor, currency)
    code = str(currency).upper()
    return f"{code} {known}" if known is not None else f"{code} {minor} (in Stripe's minor units)"


def currency_code(value: Json) -> str | None:
    """ISO 4217, upper case as Salesforce writes it."""
    return str(value).upper()[:3] if value else None


def moment(seconds: Json) -> str | None:
    """Seconds since the epoch as a Salesforce datetime, UTC."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(seconds: Json, time_zone: str) -> str | None:
    """Seconds since the epoch as the day it was in the entity's time zone."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), ZoneInfo(time_zone)).date().isoformat()


def texts(source: Json, table: TextTable) -> dict[str, Json]:
    """One text per field, cut to the field's length."""
    return {name: cut(at(source, path), length) for name, (path, length) in table.items()}


def amounts(source: Json, table: PathTable, currency: Json) -> dict[str, Json]:
    """One amount in major units per field."""
    return {name: amount(at(source, path), currency) for name, path in table.items()}


def moments(source: Json, table: PathTable) -> dict[str, Json]:
    """One datetime per field."""
    return {name: moment(at(source, path)) for name, path in table.items()}


def days(source: Json, table: PathTable, time_zone: str) -> dict[str, Json]:
    """One date per field."""
    return {name: day(at(source, path), time_zone) for name, path in table.items()}
