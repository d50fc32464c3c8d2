"""
The language of the parameter tables: what an endpoint accepts, typed; everything else is refused, never ignored.

In a ``Hash`` a trailing ``!`` marks a required member: ``{"customer!": Text()}``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from gateway.sandbox.stripe.errors import StripeError, invalid


class Param(Protocol):
    """Turns the decoded form value into ours; raises StripeError naming the parameter."""

    def read(self, value: Any, name: str) -> Any: ...


def scalar(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    raise invalid(f"Invalid string: {value}", name)


@dataclass(frozen=True)
class Text:
    """``clear``: an empty string unsets the member (read as None)."""

    max: int = 5000
    clear: bool = False
    min: int = 0

    def read(self, value: Any, name: str) -> str | None:
        text = scalar(value, name)
        if text == "":
            if self.clear:
                return None
            raise empty(name)
        if len(text) > self.max:
            raise invalid(
                f"Invalid string: {text[:24]}…; must be at most {self.max} characters", name, "parameter_invalid_string"
            )
        return text


def empty(name: str) -> StripeError:
    return invalid(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value.",
        name,
        "parameter_invalid_empty",
    )


@dataclass(frozen=True)
class Whole:
    """An integer. Times are integers too: seconds since the epoch."""

    min: int | None = None
    max: int | None = None
    clear: bool = False

    def read(self, value: Any, name: str) -> int | None:
        text = scalar(value, name)
        if text == "" and self.clear:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise invalid(f"Invalid integer: {text}", name, "parameter_invalid_integer")
        number = int(text)
        if self.min is not None and number < self.min:
            raise invalid(f"This value must be greater than or equal to {self.min}.", name, "parameter_invalid_integer")
        if self.max is not None and number > self.max:
            raise invalid(f"This value must be less than or equal to {self.max}.", name, "parameter_invalid_integer")
        return number


@dataclass(frozen=True)
class Exact:
    """A decimal string with at most ``places`` decimals, kept exactly."""

    places: int = 12

    def read(self, value: Any, name: str) -> Decimal:
        text = scalar(value, name)
        try:
            number = Decimal(text)
        except InvalidOperation as exc:
            raise invalid(f"Invalid decimal: {text}", name) from exc
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or -exponent > self.places or "e" in text.lower():
            raise invalid(f"Invalid decimal: {text}; must contain at most {self.places} decimal places.", name)
        return number


@dataclass(frozen=True)
class Flag:
    def read(self, value: Any, name: str) -> bool:
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", name, "parameter_invalid_boolean")
        return bool(value == "true")


@dataclass(frozen=True)
class Choice:
    """One of a list; ``clear`` as in Text."""

    values: tuple[str, ...]
    clear: bool = False

    def read(self, value: Any, name: str) -> str | None:
        if value == "" and self.clear:
            return None
        if value not in self.values:
            raise invalid(f"Invalid {name}: must be one of {', '.join(self.values)}", name)
        return str(value)


@dataclass(frozen=True)
class Pattern:
    """Text of one shape, such as a currency or an ISO country."""

    regex: str
    label: str
    lower: bool = False

    def read(self, value: Any, name: str) -> str:
        text = scalar(value, name)
        text = text.lower() if self.lower else text
        if not re.fullmatch(self.regex, text):
            raise invalid(f"Invalid {self.label}: {text}", name)
        return text


@dataclass(frozen=True)
class Metadata:
    """Up to 50 keys of ≤ 40 characters, values of ≤ 500 (docs.stripe.com/metadata). An empty value unsets its key."""

    clear: bool = True

    def read(self, value: Any, name: str) -> dict[str, str] | None:
        if value == "" and self.clear:
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        if len(value) > 50:
            raise invalid("You can only have up to 50 metadata keys.", name)
        for key, text in value.items():
            if len(key) > 40:
                raise invalid(f"Metadata keys can have up to 40 characters: {key}", name, "parameter_invalid_string")
            if len(scalar(text, f"{name}[{key}]")) > 500:
                raise invalid(
                    f"Metadata values can have up to 500 characters, but {key} has {len(text)}.", f"{name}[{key}]"
                )
        return value


@dataclass(frozen=True)
class Items:
    """An array with contiguous indexes from 0."""

    of: Param
    max: int = 1000
    clear: bool = False

    def read(self, value: Any, name: str) -> list[Any] | None:
        if value == "" and self.clear:
            return None
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise invalid("Invalid array", name)
        if sorted(map(int, value)) != list(range(len(value))):
            raise invalid(f"Invalid array: the indexes of {name} must count up from 0", name)
        if len(value) > self.max:
            raise invalid(f"Array must contain at most {self.max} elements.", name)
        return [self.of.read(value[str(position)], f"{name}[{position}]") for position in range(len(value))]


@dataclass(frozen=True)
class Hash:
    """Named members; unknown ones are refused by name."""

    table: Mapping[str, Param]
    clear: bool = False
    members: dict[str, Param] = field(init=False, default_factory=dict)
    required: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        for name, param in self.table.items():
            self.members[name.rstrip("!")] = param
            if name.endswith("!"):
                self.required.append(name.rstrip("!"))

    def read(self, value: Any, name: str = "") -> dict[str, Any] | None:
        if value == "" and self.clear:
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        result: dict[str, Any] = {}
        for key, raw in value.items():
            param = self.members.get(key)
            full = f"{name}[{key}]" if name else key
            if param is None:
                raise invalid(f"Received unknown parameter: {full}", full, "parameter_unknown")
            result[key] = param.read(raw, full)
        for key in self.required:
            if key not in result:
                full = f"{name}[{key}]" if name else key
                raise invalid(f"Missing required param: {full}.", full, "parameter_missing")
        return result


@dataclass(frozen=True)
class Range:
    """``created``: one second, or any of gt, gte, lt, lte."""

    def read(self, value: Any, name: str) -> dict[str, int]:
        if isinstance(value, dict):
            return Hash({key: Whole() for key in ("gt", "gte", "lt", "lte")}).read(value, name) or {}
        second = Whole().read(value, name) or 0
        return {"gte": second, "lte": second}


CURRENCY = Pattern(r"[a-z]{3}", "currency", lower=True)
COUNTRY = Pattern(r"[A-Z]{2}", "country")
ID = Text(max=255)
NO_PARAMS = Hash({})


def accepts(table: Mapping[str, Param]) -> Hash:
    """The table of an endpoint; ``expand`` works everywhere (docs.stripe.com/api/expanding_objects)."""
    return Hash({**table, "expand": Items(Text(), max=40)})


LIST: dict[str, Param] = {"limit": Whole(min=1, max=100), "starting_after": ID, "ending_before": ID}


def lists(table: Mapping[str, Param] | None = None, *, created: bool = True) -> Hash:
    created_table: dict[str, Param] = {"created": Range()} if created else {}
    return accepts({**LIST, **created_table, **(table or {})})
