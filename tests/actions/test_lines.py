"""What is invoiced: sums that the currency can express, taxes that stay with their lines, discounts that count."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.errors import Rejected
from tests.support.plans import LINES, SOURCE, context, invoice_lines, params, plan

Row = dict[str, Any]


def refusal(name: str = "send-invoice", **members: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        plan(name, **members)
    return caught.value


def amounts(**members: Any) -> list[int]:
    return [
        line.get("amount") or line["price_data"]["unit_amount"] * line["quantity"]
        for line in invoice_lines(plan("send-invoice", context(source=None), **BILLED, **members))
    ]


BILLED: Row = {"account_id": "001000000000001AAA", "recipient_email": "ben@harbor.example"}


@pytest.mark.parametrize(
    ("currency", "line", "members", "amount"),
    [
        ("KWD", {"amount": "100.010"}, {"portion_percent": "33"}, 33000),
        ("ISK", {"amount": "1001"}, {"portion_percent": "50"}, 50100),
        ("USD", {"amount": "0.99"}, {"portion_percent": "50.5"}, 50),
        ("JPY", {"amount": "101"}, {"portion_percent": "50"}, 51),
        ("KWD", {"quantity": 1, "unit_price": "10.010", "discount_percent": "5"}, {}, 9510),
        ("ISK", {"quantity": 1, "unit_price": "999", "discount_percent": "5"}, {}, 94900),
        ("USD", {"quantity": 3, "unit_price": "0.35", "discount_percent": "10"}, {}, 95),
    ],
)
def test_a_percentage_is_rounded_once_to_what_the_currency_can_express(
    currency: str, line: Row, members: Row, amount: int
) -> None:
    lines = [{"description": "x", **line}]

    assert amounts(currency=currency, lines=lines, **members) == [amount]


def test_a_percentage_off_needs_a_price_it_is_taken_off() -> None:
    line = {"description": "x", "amount": "100.00", "discount_percent": "50"}

    error = refusal(currency="USD", lines=[line])

    assert (error.code, error.field) == ("invalid_line", "lines[0].discount_percent")


@pytest.mark.parametrize("member", ["portion_percent", "portion_amount", "discount_amount"])
def test_one_line_for_all_is_taxed_as_they_are(member: str) -> None:
    line = {"description": "x", "amount": "100.00", "tax_rates": ["txr_1"]}

    made = plan("send-invoice", context(source=None), **BILLED, currency="USD", lines=[line, line], **{member: "50"})

    assert [each["tax_rates"] for each in invoice_lines(made)] == [["txr_1"]] * (
        3 if member == "discount_amount" else 1
    )


def test_a_tax_code_goes_with_a_portion() -> None:
    line = {"description": "x", "amount": "100.00", "tax_code": "txcd_10000000"}

    made = plan("send-invoice", context(source=None), **BILLED, currency="USD", lines=[line], portion_percent="50")

    assert invoice_lines(made)[0]["price_data"]["product_data"]["tax_code"] == "txcd_10000000"


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"portion_percent": "50"}, "portion_percent"),
        ({"portion_amount": "50"}, "portion_amount"),
        ({"discount_amount": "50"}, "discount_amount"),
    ],
)
def test_one_line_for_lines_that_are_taxed_differently_is_refused(members: Row, field: str) -> None:
    lines: list[Row] = [
        {"description": "x", "amount": "100.00", "tax_rates": ["txr_1"]},
        {"description": "y", "amount": "100.00"},
        {"description": "free", "amount": "0", "tax_rates": ["txr_2"]},
    ]

    error = refusal(currency="USD", lines=lines, **members)

    assert (error.code, error.field) == ("mixed_tax", field)
    assert invoice_lines(plan("send-invoice", currency="USD", lines=[lines[0], lines[2]], **members))


def test_a_tax_code_cannot_be_given_to_what_is_below_zero() -> None:
    line = {"description": "x", "amount": "100.00", "tax_code": "txcd_10000000"}

    assert refusal(currency="USD", lines=[line, {**line, "amount": "-10.00"}]).field == "lines[1].tax_code"
    assert refusal(currency="USD", lines=[line], discount_amount="10").code == "mixed_tax"


def test_rates_of_a_line_stand_above_automatic_tax_and_never_go_with_it() -> None:
    taxing = context(entity=context().entity.__class__("us", "test", default_currency="usd", automatic_tax=True))
    line = {"description": "x", "amount": "100.00", "tax_rates": ["txr_1"]}

    by_rates = plan("send-invoice", taxing, currency="USD", lines=[line])
    by_stripe = plan("send-invoice", taxing, currency="USD", lines=[{**line, "tax_rates": []}])

    assert "automatic_tax" not in params(by_rates, "invoice")
    assert params(by_stripe, "invoice")["automatic_tax"] == {"enabled": True}
    assert refusal(currency="USD", lines=[line], automatic_tax=True).code == "invalid_tax"


def test_a_payment_link_takes_no_tax_rates() -> None:
    line = {"description": "x", "amount": "100.00", "tax_rates": ["txr_1"]}

    error = refusal("create-payment-link", currency="USD", lines=[line])

    assert (error.code, error.field) == ("invalid_tax", "lines[0].tax_rates")


@pytest.mark.parametrize("lines", [250, 251])
def test_more_lines_than_stripe_takes_are_refused_before_the_first_call(lines: int) -> None:
    many = context(source=SOURCE.__class__(ref=SOURCE.ref, name="Big", party=SOURCE.party, bill_to=SOURCE.bill_to,
                                           lines=SOURCE.lines[1:] * lines))  # fmt: skip

    if lines > 250:
        with pytest.raises(Rejected, match=r"251.*line_ids") as caught:
            plan("send-invoice", many)
        assert (caught.value.code, caught.value.field, caught.value.http_status) == ("too_many_lines", "line_ids", 200)
    else:
        assert len(invoice_lines(plan("send-invoice", many))) == 250
        with pytest.raises(Rejected, match="too_many_lines"):
            plan("send-invoice", many, discount_amount="1")


def test_a_link_over_more_lines_than_it_takes_is_over_their_sum() -> None:
    lines = SOURCE.lines[1:] * 21
    many = context(source=SOURCE.__class__(ref=SOURCE.ref, name="Big", party=None, amount=Decimal(1), lines=lines))

    [item] = params(plan("create-payment-link", many), "payment_link")["line_items"]

    assert item["price_data"]["unit_amount"] == 210000


def test_chosen_lines_are_the_same_in_whatever_order_and_length_their_ids_come() -> None:
    one = plan("send-invoice", line_ids=[LINES[1], LINES[0]])
    other = plan("send-invoice", line_ids=[LINES[0][:15], LINES[1][:15], LINES[0]])

    assert one == other
    assert len(invoice_lines(one)) == 2


def test_how_lines_are_taxed_is_part_of_what_is_compared() -> None:
    line = {"description": "x", "amount": "100.00"}

    plans = [
        plan("send-invoice", currency="USD", lines=[{**line, **tax}])
        for tax in ({}, {"tax_rates": ["txr_1"]}, {"tax_code": "txcd_10000000"})
    ]
    links = [plan("create-payment-link", currency="USD", amount="5", automatic_tax=tax) for tax in (True, False)]

    assert len({str(each.content) for each in plans}) == 3
    assert links[0].content != links[1].content
