"""Record ids as Salesforce makes them: 15 case-sensitive characters plus a 3-character check suffix."""

import itertools
import secrets
import string

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SUFFIX_ALPHABET = string.ascii_uppercase + "012345"
SHORT, LONG = 15, 18


def suffix_of(short: str) -> str:
    """One character per five: bit n is set when character n is an upper-case letter."""
    letters = []
    for start in (0, 5, 10):
        chunk = short[start : start + 5]
        letters.append(SUFFIX_ALPHABET[sum(1 << bit for bit, char in enumerate(chunk) if "A" <= char <= "Z")])
    return "".join(letters)


def full_id(text: object) -> str | None:
    """The 18-character form, or None when the text cannot be a record id."""
    if not isinstance(text, str) or not (text.isascii() and text.isalnum()):
        return None
    if len(text) == SHORT:
        return text + suffix_of(text)
    if len(text) == LONG and text[SHORT:].upper() == suffix_of(text[:SHORT]):
        return text[:SHORT] + text[SHORT:].upper()
    return None


def base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


class IdFactory:
    """Sequential ids, unique per run: the pod characters after the key prefix are drawn at random once."""

    def __init__(self, pod: str | None = None) -> None:
        self.pod = pod or base62(secrets.randbelow(62**3), 3)
        self._numbers = itertools.count(1)

    def new(self, key_prefix: str) -> str:
        short = f"{key_prefix}{self.pod}0{base62(next(self._numbers), 8)}"
        return short + suffix_of(short)
