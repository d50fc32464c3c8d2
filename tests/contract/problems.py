"""What a judge finds, and the readings of form values that both judges share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

UNKNOWN = "unknown"
MISSING = "missing"


class Problem(NamedTuple):
    """``where``: ``lines[0][amount]`` in a request, ``data[0].customer`` in an answer."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def joined(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def best(attempts: Iterable[list[Problem]]) -> list[Problem]:
    """Of several allowed shapes the one that fits best explains what is wrong."""
    return min(attempts, key=len)


def whole(value: Any) -> bool:
    return not isinstance(value, bool | float | Decimal) and re.fullmatch(r"-?\d+", str(value)) is not None


def decimal(value: Any) -> bool:
    return not isinstance(value, bool | float) and re.fullmatch(r"-?\d+(\.\d{1,12})?", str(value)) is not None


def truth(value: Any) -> bool:
    return isinstance(value, bool) or value in ("true", "false")
