"""
The functions of Salesforce formulas the simulator knows, as a table: name → (fewest, most arguments, implementation).

Semantics: developer.salesforce.com, "Formula Operators and Functions". Blank is None; blank text equals "".
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

MANY = 99


def blank(value: Any) -> bool:
    return value is None or value == ""


def truth(value: Any) -> bool:
    return value is True


def as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def to_date(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date()
    if isinstance(value, date) or value is None:
        return value
    return date.fromisoformat(str(value)[:10])


def same(left: Any, right: Any) -> bool:
    if blank(left) or blank(right):
        return blank(left) and blank(right)
    return bool(left == right)


def compare(operator: str, left: Any, right: Any) -> bool:
    """A comparison of order with a blank is false."""
    if operator in ("=", "=="):
        return same(left, right)
    if operator in ("<>", "!="):
        return not same(left, right)
    if left is None or right is None:
        return False
    if isinstance(left, datetime) != isinstance(right, datetime) and isinstance(left, date):
        left, right = to_date(left), to_date(right)
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


def rounded(value: Any, digits: Any = Decimal(0), how: str = ROUND_HALF_UP) -> Decimal | None:
    return None if value is None else Decimal(value).quantize(Decimal(1).scaleb(-int(digits)), how)


def case(value: Any, *rest: Any) -> Any:
    """CASE(expression, value1, result1, …, else)."""
    for position in range(0, len(rest) - 1, 2):
        if same(value, rest[position]):
            return rest[position + 1]
    return rest[-1]


def find(needle: Any, text: Any, start: Any = Decimal(1)) -> Decimal:
    return Decimal(as_text(text).find(as_text(needle), int(start) - 1) + 1)


def extreme(pick: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    known = [value for value in values if value is not None]
    return pick(known) if known else None


def is_number(value: Any) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?", as_text(value).strip()) is not None


Implementation = Callable[..., Any]
# Arguments arrive as values; AND and OR, which stop early, are compiled by formulas.py.
FUNCTIONS: Mapping[str, tuple[int, int, Implementation]] = {
    "NOT": (1, 1, lambda value: not truth(value)),
    "IF": (3, 3, lambda test, yes, no: yes if truth(test) else no),
    "CASE": (4, MANY, case),
    "ISBLANK": (1, 1, blank),
    "ISNULL": (1, 1, blank),
    "BLANKVALUE": (2, 2, lambda value, other: other if blank(value) else value),
    "NULLVALUE": (2, 2, lambda value, other: other if blank(value) else value),
    "ISPICKVAL": (2, 2, same),
    "INCLUDES": (2, 2, lambda value, item: as_text(item) in as_text(value).split(";")),
    "TEXT": (1, 1, as_text),
    "VALUE": (1, 1, lambda value: Decimal(as_text(value).strip()) if is_number(value) else None),
    "ISNUMBER": (1, 1, is_number),
    "LEN": (1, 1, lambda value: Decimal(len(as_text(value)))),
    "LEFT": (2, 2, lambda value, count: as_text(value)[: int(count)]),
    "RIGHT": (2, 2, lambda value, count: as_text(value)[-int(count) :] if count else ""),
    "MID": (3, 3, lambda value, start, count: as_text(value)[int(start) - 1 : int(start) - 1 + int(count)]),
    "TRIM": (1, 1, lambda value: as_text(value).strip()),
    "UPPER": (1, 1, lambda value: as_text(value).upper()),
    "LOWER": (1, 1, lambda value: as_text(value).lower()),
    "CONTAINS": (2, 2, lambda value, part: as_text(part) in as_text(value)),
    "BEGINS": (2, 2, lambda value, part: as_text(value).startswith(as_text(part))),
    "FIND": (2, 3, find),
    "SUBSTITUTE": (3, 3, lambda value, old, new: as_text(value).replace(as_text(old), as_text(new))),
    "REGEX": (2, 2, lambda value, pattern: re.fullmatch(as_text(pattern), as_text(value)) is not None),
    "HYPERLINK": (2, 3, lambda url, label, _target=None: f'<a href="{as_text(url)}">{as_text(label)}</a>'),
    "ABS": (1, 1, lambda value: None if value is None else abs(value)),
    "ROUND": (2, 2, rounded),
    "FLOOR": (1, 1, lambda value: rounded(value, 0, ROUND_FLOOR)),
    "CEILING": (1, 1, lambda value: rounded(value, 0, ROUND_CEILING)),
    "MOD": (2, 2, lambda value, by: None if value is None or not by else value % by),
    "MAX": (1, MANY, lambda *args: extreme(max, args)),
    "MIN": (1, MANY, lambda *args: extreme(min, args)),
    "DATEVALUE": (1, 1, to_date),
}
CONSTANTS: Mapping[str, Any] = {"TRUE": True, "FALSE": False, "NULL": None}
