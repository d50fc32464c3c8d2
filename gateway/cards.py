"""Card numbers must never enter: find them in any text, name the place, black them out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from gateway.errors import Rejected

MASK = "[card number]"

# First digits → lengths the networks issue (issuer identification numbers, ISO/IEC 7812, as published by each network).
_NETWORKS: tuple[tuple[str, frozenset[int]], ...] = (
    (r"4", frozenset({13, 16, 19})),  # Visa
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", frozenset({16})),  # Mastercard
    (r"3[47]", frozenset({15})),  # American Express
    (r"6011|64[4-9]|65", frozenset({16, 17, 18, 19})),  # Discover
    (r"30[0-5]|3095|36|38|39", frozenset({14, 15, 16, 17, 18, 19})),  # Diners Club
    (r"352[89]|35[3-8]", frozenset({16, 17, 18, 19})),  # JCB
    (r"62|81", frozenset({16, 17, 18, 19})),  # UnionPay
    (r"5018|5020|5038|5893|6304|6759|676[1-3]", frozenset({13, 14, 15, 16, 17, 18, 19})),  # Maestro
    (r"220[0-4]", frozenset({16, 17, 18, 19})),  # Mir
    (r"9792", frozenset({16})),  # Troy
    (r"50[68]|60|65|8[12]", frozenset({16})),  # RuPay
)
_PREFIXES = tuple((re.compile(prefix), lengths) for prefix, lengths in _NETWORKS)

# Digits, or groups of digits parted by one space or dash of any kind. A leading + is a telephone number, digits after a
# point a fraction.
_SEPARATOR = "[ \u00a0\u2009\u202f\u2010-\u2015\u2212-]"
_RUN = re.compile(rf"(?<![0-9+])(?<![0-9]\.)[0-9](?:{_SEPARATOR}?[0-9]){{12,}}(?![0-9])")
_GROUP = re.compile("[0-9]+")
_MOST_GROUPS = 5  # 4-4-4-4-3 is the longest way a card number is written

_LUHN = tuple(sum(divmod(2 * digit, 10)) for digit in range(10))


def find_card_number(text: str) -> bool:
    """Whether something in the text looks like a card number: known first digits, right length, Luhn digit."""
    return len(text) >= 13 and next(_spans(_ascii_digits(text)), None) is not None


def redact_cards(text: str) -> str:
    """The text with every card number replaced by ``[card number]``."""
    plain, parts, at = _ascii_digits(text), [], 0
    for start, end in _spans(plain):
        if start >= at:
            parts += [text[at:start], MASK]
            at = end
    return "".join([*parts, text[at:]]) if parts else text


def contains_card(value: object) -> str | None:
    """The path (``$.lines[0].description``) of the first value or member name that holds a card number."""
    if not _holds_card(value):  # nearly always, so without the cost of keeping paths
        return None
    pending: list[tuple[str, object]] = [("$", value)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, dict):
            for name, member in reversed(item.items()):
                pending.append((f"{path}.{redact_cards(str(name))}", member))
                if find_card_number(str(name)):
                    return pending[-1][0]
        elif isinstance(item, list | tuple):
            pending += [(f"{path}[{index}]", member) for index, member in reversed(list(enumerate(item)))]
        elif find_card_number(_text_of(item)):
            return path
    return None


def _holds_card(value: object) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += item
            pending += item.values()
        elif isinstance(item, list | tuple):
            pending += item
        elif find_card_number(item if isinstance(item, str) else _text_of(item)):
            return True
    return False


def refuse_cards(value: object) -> None:
    """Raise ``card_data_refused`` naming the place, never the value."""
    if path := contains_card(value):
        place = path.removeprefix("$.") or "the request"
        raise Rejected(
            "card_data_refused",
            f"{place} holds what looks like a card number. Card numbers must never be put into Salesforce: remove it "
            "and let the customer pay on Stripe's page.",
            field=place,
        )


def _text_of(item: object) -> str:
    if isinstance(item, str):
        return item
    # A boolean is an int; shorter numbers cannot be card numbers.
    if isinstance(item, int) and abs(item) >= 10**12:
        return str(abs(item))
    if isinstance(item, Decimal) and item.is_finite() and 12 <= item.adjusted() < 20:
        return format(abs(item), "f")
    return ""


def _ascii_digits(text: str) -> str:
    """Full-width and other decimal digits as 0–9, one character for one, so that positions stay."""
    if text.isascii():
        return text
    return "".join(str(int(c)) if c.isdecimal() else c for c in text)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(text):
        groups = [(m.start() + run.start(), m.end() + run.start()) for m in _GROUP.finditer(run.group())]
        for first, (start, _) in enumerate(groups):
            for count, (_, end) in enumerate(groups[first : first + _MOST_GROUPS], start=1):
                if _is_card(text, start, end, count):
                    yield start, end


def _is_card(text: str, start: int, end: int, groups: int) -> bool:
    if not 13 <= end - start - (groups - 1) <= 19:
        return False
    digits = text[start:end] if groups == 1 else "".join(_GROUP.findall(text[start:end]))
    if groups > 1 and len(digits) == 13:  # no card is written that way, telephone numbers are
        return False
    # Beside letters only the common length counts (PAN4242…, …4242exp): ids have runs of other lengths.
    if len(digits) != 16 and (_letter(text[start - 1 : start]) or _letter(text[end : end + 1])):
        return False
    return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _PREFIXES) and _luhn(digits)


def _letter(char: str) -> bool:
    return char.isalpha() or char == "_"


def _luhn(digits: str) -> bool:
    values = [ord(c) - 48 for c in reversed(digits)]
    return (sum(values[::2]) + sum(_LUHN[value] for value in values[1::2])) % 10 == 0
