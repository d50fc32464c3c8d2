"""Minor units and minimum charge amounts (docs.stripe.com/currencies)."""

ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
LARGEST = 99_999_999
MINIMUM = {
    "usd": 50, "eur": 50, "gbp": 30, "chf": 50, "aud": 50, "cad": 50, "nzd": 50, "sgd": 50, "dkk": 250, "sek": 300,
    "nok": 300, "jpy": 50, "mxn": 1000, "pln": 200, "czk": 1500, "huf": 17500, "hkd": 400, "brl": 50, "inr": 50,
    "ron": 200, "aed": 200,
}  # fmt: skip


def minimum(currency: str) -> int:
    return MINIMUM.get(currency, 1)


def decimals(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    """For people: ``1,234.50 EUR``."""
    places = decimals(currency)
    return f"{amount / 10**places:,.{places}f} {currency.upper()}"


def problem(amount: int, currency: str) -> tuple[str, str] | None:
    """Code and message when an amount cannot be charged in this currency."""
    if currency in THREE_DECIMAL and amount % 10:
        return "invalid_charge_amount", f"Amounts in {currency.upper()} must end in 0."
    if currency == "isk" and amount % 100:
        return "invalid_charge_amount_no_decimal_compatible", "Amounts in ISK must be a multiple of 100."
    if amount > LARGEST:
        return "amount_too_large", f"Amount must be no more than {shown(LARGEST, currency)}"
    if amount < minimum(currency):
        return "amount_too_small", f"Amount must be at least {shown(minimum(currency), currency)}"
    return None
