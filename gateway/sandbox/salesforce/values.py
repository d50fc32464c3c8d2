"""From a JSON value to what a field stores, and back: lengths, numbers, dates, picklists as the API enforces them."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from gateway.sandbox.salesforce.errors import SalesforceError, malformed_json, record_error
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.schema import Field

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
ZONE_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")


def wrong_type(field: Field, raw: Any) -> SalesforceError:
    token = {bool: "VALUE_TRUE" if raw is True else "VALUE_FALSE", int: "VALUE_NUMBER_INT", str: "VALUE_STRING"}.get(
        type(raw), "VALUE_NUMBER_FLOAT" if isinstance(raw, Decimal | float) else "START_OBJECT"
    )
    kind = field.type if field.type not in ("picklist", "textarea", "email", "url", "phone") else "string"
    return malformed_json(
        f"Cannot deserialize instance of {kind} from {token} value {raw} or request may be missing a required field "
        f"(field {field.name})"
    )


def read_text(field: Field, raw: Any) -> str | None:
    """White space at both ends is cut and empty text is null, as on the platform."""
    if not isinstance(raw, str):
        raise wrong_type(field, raw)
    value = raw.strip()
    if not value:
        return None
    if field.length and len(value) > field.length:
        message = f"{field.label}: data value too large: {value[:80]} (max length={field.length})"
        raise record_error("STRING_TOO_LONG", message, field.name)
    if field.type == "email" and not EMAIL.fullmatch(value):
        raise record_error("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", field.name)
    return value


def read_picklist(field: Field, raw: Any) -> str | None:
    value = read_text(field, raw)
    if value is None or not field.restricted:
        return value
    chosen = value.split(";") if field.type == "multipicklist" else [value]
    for item in chosen:
        if item not in field.picklist:
            message = f"{field.label}: bad value for restricted picklist field: {item}"
            raise record_error("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, field.name)
    return value


def read_number(field: Field, raw: Any) -> Decimal:
    """Digits beyond the scale are rounded half up; too many before the point are refused."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        raise wrong_type(field, raw)
    try:
        value = Decimal(str(raw))
    except InvalidOperation as exc:
        raise wrong_type(field, raw) from exc
    if not value.is_finite():
        raise wrong_type(field, raw)
    if field.precision:
        value = (
            value.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP) if abs(value) < Decimal(10) ** 28 else value
        )
        if abs(value) >= Decimal(10) ** (field.precision - field.scale):
            message = f"{field.label}: value outside of valid range on numeric field: {raw}"
            raise record_error("NUMBER_OUTSIDE_VALID_RANGE", message, field.name)
    return value


def read_boolean(field: Field, raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise wrong_type(field, raw)
    return raw


def read_date(field: Field, raw: Any) -> str:
    try:
        if not isinstance(raw, str) or not DATE.match(raw):
            raise wrong_type(field, raw)
        return date.fromisoformat(raw[:10]).isoformat()
    except ValueError as exc:
        raise wrong_type(field, raw) from exc


def read_datetime(field: Field, raw: Any) -> str:
    if not isinstance(raw, str) or not DATE.match(raw):
        raise wrong_type(field, raw)
    try:
        value = datetime.fromisoformat(ZONE_WITHOUT_COLON.sub(r"\1:\2", raw.replace("Z", "+00:00")))
    except ValueError as exc:
        raise wrong_type(field, raw) from exc
    return write_datetime(value if value.tzinfo else value.replace(tzinfo=UTC))


def write_datetime(value: datetime) -> str:
    """UTC with milliseconds and a zone without colon: ``2026-11-22T10:00:00.000+0000``."""
    value = value.astimezone(UTC)
    return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}+0000"


def read_reference(field: Field, raw: Any) -> str | None:
    if raw == "":
        return None
    long = full_id(raw)
    if long is None:
        message = f"{field.label}: id value of incorrect type: {raw}"
        raise record_error("MALFORMED_ID", message, field.name)
    return long


READERS: Mapping[str, Callable[[Field, Any], Any]] = {
    "string": read_text,
    "textarea": read_text,
    "combobox": read_text,
    "email": read_text,
    "phone": read_text,
    "url": read_text,
    "picklist": read_picklist,
    "multipicklist": read_picklist,
    "double": read_number,
    "currency": read_number,
    "percent": read_number,
    "int": read_number,
    "boolean": read_boolean,
    "date": read_date,
    "datetime": read_datetime,
    "reference": read_reference,
}


def not_writable(field: Field) -> SalesforceError:
    message = (
        f"Unable to create/update fields: {field.name}. Please check the security settings of this field and verify "
        "that it is read/write for your profile or permission set."
    )
    return record_error("INVALID_FIELD_FOR_INSERT_UPDATE", message, field.name)


def read_value(field: Field, raw: Any) -> Any:
    """What the field stores for this JSON value; raises the platform's error."""
    if raw is None:
        if field.type == "boolean":
            raise wrong_type(field, raw)
        return None
    if field.type not in READERS:
        raise record_error(
            "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {field.name}.", field.name
        )
    return READERS[field.type](field, raw)


def write_value(field: Field, value: Any) -> Any:
    """What the REST API shows: double, currency and percent as JSON doubles, booleans never null."""
    if value is None:
        return False if field.type == "boolean" else None
    if isinstance(value, Decimal):
        return int(value) if field.type == "int" else float(value)
    return value
