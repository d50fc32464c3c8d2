"""Money: whole minor units and a currency, never a float; rounded only by `nearest`, where a percentage asks for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from gateway.errors import Rejected


def _each(codes: str, value: int) -> dict[str, int]:
    return dict.fromkeys(codes.split(), value)


# How many decimals Stripe's minor unit has (docs.stripe.com/currencies).
EXPONENTS = (
    _each("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf", 0)
    | _each("bhd jod kwd omr tnd", 3)
    | _each(
        "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny "
        "cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk "
        "jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio "
        "nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs "
        "top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer zar zmw",
        2,
    )
)

# Minor units that an amount must be a multiple of. Króna are sent × 100 but are whole since April 2023
# (support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds); the last digit of a three-decimal
# currency must be 0, because the card networks carry two.
STEPS = {"isk": 100} | _each("bhd jod kwd omr tnd", 10)

# Decimals that people read, where they differ from the exponent Stripe counts in.
SHOWN_DECIMALS = {"isk": 0}

# Stripe lists the shilling both as a zero-decimal currency and as one sent × 100: a hundredfold mistake is worse
# than a refusal.
REFUSED = {"ugx": "Stripe's two published rules for UGX contradict each other, so the gateway does not send UGX"}

# Smallest amount a card payment may have (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
MINIMUMS = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip

# Stripe takes up to twelve digits; its tighter limits per currency and payment method are its own to state.
MAX_MINOR = 999_999_999_999

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,12})?", re.ASCII)
_CODE = re.compile(r"[a-z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the minor units Stripe counts in (cents, yen, fils; króna × 100), currency in lower case."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        if not _CODE.fullmatch(self.currency):
            raise ValueError(f"a currency is three lower-case letters, not {self.currency!r}")

    @classmethod
    def parse(cls, value: object, currency: str, *, allow_negative: bool = False, field: str = "amount") -> Money:
        """
        Major units as a plain decimal string, int or Decimal; zeros after the currency's last digit are accepted.

        Refuses with ``invalid_amount`` or ``unknown_currency`` whatever it would have to guess: excess precision,
        exponents, grouping, floats, signs other than an allowed minus.
        """
        code = currency_code(currency)
        text = _plain_text(value, field)
        if text.startswith("-") and not allow_negative:
            raise _invalid(field, "is negative")
        scaled = Decimal(text).scaleb(EXPONENTS[code])
        minor = int(scaled)
        if minor != scaled:
            raise _invalid(field, f"has more decimals than {code.upper()} has ({_decimals(code)})")
        if minor % STEPS.get(code, 1):
            raise _invalid(field, f"must be a multiple of {_render(STEPS[code], EXPONENTS[code])} {code.upper()}")
        if abs(minor) > MAX_MINOR:
            raise _invalid(field, "is larger than Stripe accepts")
        return cls(minor, code)

    @property
    def decimal(self) -> Decimal:
        """Exactly the amount, in major units, with the currency's number of decimals."""
        return Decimal(self.text)

    @property
    def text(self) -> str:
        """Plain major units: ``12.50``, ``100`` (yen), ``1.230`` (dinar)."""
        digits, shown = exponent(self.currency), _decimals(self.currency)
        whole, rest = divmod(self.minor, 10 ** (digits - shown))
        # Amounts that come from Stripe (fees, old charges) may be finer than what may be sent: all digits are shown.
        return _render(self.minor, digits) if rest else _render(whole, shown)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.minor

    def __str__(self) -> str:
        return f"{self.text} {self.currency.upper()}"


def written(value: object, *, field: str = "amount") -> Decimal:
    """The number an amount is written as, before its currency is known; ``invalid_amount`` if it is none."""
    return Decimal(_plain_text(value, field))


def currency_code(currency: object, *, field: str = "currency") -> str:
    """The lower-case code, or ``unknown_currency``."""
    code = currency.lower() if isinstance(currency, str) and currency.isascii() else ""
    if code in REFUSED:
        raise Rejected("unknown_currency", f"{REFUSED[code]}.", field=field)
    if code not in EXPONENTS:
        raise Rejected("unknown_currency", "The currency is not one that Stripe takes (ISO 4217 code).", field=field)
    return code


def exponent(currency: str) -> int:
    """How many decimals Stripe's minor unit has: 2 for usd (and for isk), 0 for jpy, 3 for kwd."""
    return EXPONENTS[currency_code(currency)]


def nearest(minor: Decimal, currency: str) -> Money:
    """The amount closest to so many minor units that the currency can express, halves away from zero."""
    code = currency_code(currency)
    step = STEPS.get(code, 1)
    return Money(int((minor / step).quantize(Decimal(1), rounding=ROUND_HALF_UP)) * step, code)


def minimum(currency: str) -> Money:
    """The smallest amount that can be paid by card; where Stripe publishes none, the smallest that can be sent."""
    code = currency_code(currency)
    return Money(MINIMUMS.get(code, STEPS.get(code, 1)), code)


def _decimals(code: str) -> int:
    return SHOWN_DECIMALS.get(code, EXPONENTS[code])


def _plain_text(value: object, field: str) -> str:
    if type(value) is int and abs(value) <= MAX_MINOR:
        return str(value)
    if type(value) is Decimal and value.is_finite():
        text = str(value)
    elif type(value) is str:
        text = value
    else:
        raise _invalid(field, "must be a decimal number such as 12.50")
    if not _PLAIN.fullmatch(text):
        raise _invalid(field, "must be a plain decimal number such as 12.50")
    return text


def _render(minor: int, decimals: int) -> str:
    sign, digits = ("-", -minor) if minor < 0 else ("", minor)
    if not decimals:
        return f"{sign}{digits}"
    whole, rest = divmod(digits, 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}"


def _invalid(field: str, what: str) -> Rejected:
    return Rejected("invalid_amount", f"The {field.replace('_', ' ')} {what}.", field=field)
