from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Rejected
from gateway.money import EXPONENTS, MAX_MINOR, STEPS, Money, exponent, minimum, nearest

EXACT = [
    ("10.00", "usd", 1000, "10.00"),
    ("10", "USD", 1000, "10.00"),
    (10, "usd", 1000, "10.00"),
    (Decimal("10.5"), "eur", 1050, "10.50"),
    ("10.5000", "eur", 1050, "10.50"),
    ("0", "usd", 0, "0.00"),
    ("0.01", "gbp", 1, "0.01"),
    ("100", "jpy", 100, "100"),
    ("100.0", "jpy", 100, "100"),
    ("1.230", "kwd", 1230, "1.230"),
    ("1.2", "bhd", 1200, "1.200"),
    ("500", "isk", 50000, "500"),
    ("9999999999.99", "usd", MAX_MINOR, "9999999999.99"),
]

REFUSED = [
    "10.005", "0.001", "-1", "-0", "1e3", "1E3", "10,00", "1,000.00", " 10", "10 ", "+10", "10.", ".5", "007", "",
    "NaN",
    "Infinity", "-Infinity", "1_000", "0x10", "１０", "١٠", "10\n", "10\x00", "USD 10", "10 USD", "1" * 400, "1" * 16,
    Decimal("10.005"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+3"), Decimal("1e-20"), Decimal("-0"),
    Decimal(-1),
    10**12, 10**300, -1, True, False, None, 10.5, 1e309, [], {}, b"10",
]  # fmt: skip


@pytest.mark.parametrize(("value", "currency", "minor", "text"), EXACT)
def test_an_amount_is_read_exactly(value, currency, minor, text):
    money = Money.parse(value, currency)

    assert (money.minor, money.text) == (minor, text)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:30])
def test_whatever_would_have_to_be_guessed_is_refused(value):
    with pytest.raises(Rejected) as caught:
        Money.parse(value, "usd", field="unit_price")

    assert (caught.value.code, caught.value.field, caught.value.http_status) == ("invalid_amount", "unit_price", 422)


@pytest.mark.parametrize(
    ("value", "currency"), [("100.5", "jpy"), ("1.234", "kwd"), ("1.0001", "kwd"), ("5.50", "isk")]
)
def test_the_currency_decides_how_fine_an_amount_may_be(value, currency):
    with pytest.raises(Rejected, match="invalid_amount"):
        Money.parse(value, currency)


@pytest.mark.parametrize("currency", ["zzz", "ugx", "UGX", "", "us", "usdd", "u$d", "ﬀf", "ＵＳＤ", None, 840])
def test_a_currency_stripe_does_not_take_is_refused(currency):
    with pytest.raises(Rejected) as caught:
        Money.parse("10", currency)

    assert (caught.value.code, caught.value.field) == ("unknown_currency", "currency")


def test_a_discount_may_be_negative_where_the_caller_says_so():
    money = Money.parse("-2.50", "usd", allow_negative=True)

    assert (money.minor, money.text, money.decimal) == (-250, "-2.50", Decimal("-2.50"))


def test_an_amount_finer_than_can_be_sent_is_still_shown_in_full():
    assert Money(50050, "isk").text == "500.50"
    assert Money(-50000, "isk").text == "-500"


def test_two_currencies_do_not_mix():
    with pytest.raises(ValueError, match="do not mix"):
        Money(1, "usd") + Money(1, "eur")


def test_sums_and_comparisons_stay_in_minor_units():
    assert Money(1, "usd") + Money(2, "usd") == Money(3, "usd")
    assert Money(1, "usd") - Money(2, "usd") == Money(-1, "usd")
    assert Money(1, "usd") < Money(2, "usd") <= Money(2, "usd")
    assert str(Money(1250, "usd")) == "12.50 USD"


@pytest.mark.parametrize(("minor", "currency"), [(1.0, "usd"), (True, "usd"), (1, "USD"), (1, "us")])
def test_money_itself_is_well_formed(minor, currency):
    with pytest.raises((TypeError, ValueError)):
        Money(minor, currency)


def test_stripes_table_of_exponents_and_smallest_amounts():
    assert [exponent(code) for code in ("usd", "JPY", "kwd", "isk", "huf")] == [2, 0, 3, 2, 2]
    assert minimum("usd") == Money(50, "usd")
    assert minimum("jpy") == Money(50, "jpy")
    assert minimum("kwd") == Money(10, "kwd")
    assert minimum("afn") == Money(1, "afn")


@pytest.mark.parametrize(
    ("minor", "currency", "nearby"),
    [("2.5", "usd", 3), ("-2.5", "usd", -3), ("2.4999", "usd", 2), ("33003.3", "kwd", 33000), ("33005", "kwd", 33010),
     ("50050", "isk", 50100), ("50049", "isk", 50000), ("50.5", "jpy", 51)],
)  # fmt: skip
def test_a_share_is_rounded_to_what_the_currency_can_express(minor, currency, nearby):
    assert nearest(Decimal(minor), currency) == Money(nearby, currency)


currencies = st.sampled_from(sorted(EXPONENTS))


@given(currencies, st.integers(0, MAX_MINOR))
@settings(deadline=None)
def test_what_is_written_is_read_back(currency, number):
    step = STEPS.get(currency, 1)
    money = Money(number // step * step, currency)

    assert Money.parse(money.text, currency) == money
    assert Money.parse(money.decimal, currency.upper()) == money


@given(currencies, st.decimals(min_value=-(10**13), max_value=10**13, allow_nan=False, places=5))
@settings(deadline=None)
def test_an_amount_is_never_rounded(currency, value):
    try:
        money = Money.parse(value, currency, allow_negative=True)
    except Rejected:
        return

    assert money.decimal == value


@given(st.text(max_size=20))
@settings(deadline=None)
def test_any_text_is_read_exactly_or_refused(text):
    try:
        money = Money.parse(text, "usd", allow_negative=True)
    except Rejected:
        return

    assert money.decimal == Decimal(text)
