"""What is left out, what is null and what is empty: a variable that nobody set never turns a part into the whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway import actions
from gateway.errors import Rejected
from gateway.pipeline.strict import parse

RECORD = "0065g00000XyZabAAF"


def asked(name: str, **members: Any) -> Any:
    return parse(actions.registry()[name].request, {"record_id": RECORD, **members})


def refused(name: str, **members: Any) -> Rejected:
    try:
        actions.registry()[name].check(asked(name, **members))
    except Rejected as error:
        return error
    pytest.fail("it was not refused")


@pytest.mark.parametrize(
    ("name", "member", "value", "words"),
    [
        ("refund-payment", "amount", None, "amount is null; leave it out to mean all of it."),
        ("refund-payment", "charge", None, "charge is null; leave it out to mean the record's only payment."),
        ("refund-payment", "payment_intent", None, "payment_intent is null; leave it out to mean"),
        ("refund-payment", "invoice", None, "invoice is null; leave it out to mean"),
        ("create-payment-link", "amount", None, "amount is null; leave it out to mean all of it."),
        ("create-payment-link", "lines", None, "lines is null; leave it out to mean the record's own lines."),
        ("create-payment-link", "lines", [], "lines is empty; leave it out to mean the record's own lines."),
        ("send-invoice", "portion_amount", None, "portion_amount is null"),
        ("send-invoice", "portion_percent", None, "portion_percent is null"),
        ("send-invoice", "discount_amount", None, "discount_amount is null"),
        ("send-invoice", "lines", [], "lines is empty; leave it out to mean the record's own lines."),
        ("send-invoice", "line_ids", [], "line_ids is empty; leave it out to mean all of the record's lines."),
        ("send-invoice", "line_ids", None, "line_ids is null"),
    ],
)
def test_what_widens_when_left_out_is_never_null_or_empty(name: str, member: str, value: Any, words: str) -> None:
    error = refused(name, **{member: value})

    assert (error.http_status, error.code, error.field) == (422, "invalid_member", member)
    assert error.message.startswith(words)


@pytest.mark.parametrize("name", sorted(actions.registry()))
def test_any_other_null_is_the_same_as_left_out(name: str) -> None:
    fields = set(actions.registry()[name].request.model_fields) - {"record_id"}
    harmless = {field: None for field in fields if field not in actions.WIDENING}

    assert asked(name, **harmless) == asked(name)


def test_a_record_id_is_never_null() -> None:
    assert refused("send-invoice", record_id=None).field == "record_id"


@pytest.mark.parametrize("amount", ["abc", "1e3", "", "1,00", "0", "0.00", "-5", 0, Decimal(-1)])
@pytest.mark.parametrize("more", [{}, {"currency": "usd"}])
def test_an_amount_that_is_none_is_refused_at_the_door(amount: Any, more: dict[str, str]) -> None:
    error = refused("refund-payment", amount=amount, **more)

    assert (error.http_status, error.code, error.field) == (422, "invalid_amount", "amount")


@pytest.mark.parametrize(
    ("name", "members", "field", "words"),
    [
        ("refund-payment", {"amount": True}, "amount", 'amount must be a decimal number as a text, such as "12.50".'),
        ("refund-payment", {"reason": "x"}, "reason", "reason must be 'duplicate', 'fraudulent' or 'requested_by_c"),
        ("refund-payment", {"note": "x" * 501}, "note", "note must have at most 500 characters."),
        ("refund-payment", {"note": 1}, "note", "note must be a text."),
        ("send-invoice", {"due_date": "31.1.2027"}, "due_date", "due_date must be a date such as 2027-01-31."),
        ("send-invoice", {"days_until_due": 0}, "days_until_due", "days_until_due must be at least 1."),
        ("send-invoice", {"days_until_due": 9999}, "days_until_due", "days_until_due must be at most 3650."),
        ("send-invoice", {"days_until_due": "3"}, "days_until_due", "days_until_due must be a whole number."),
        ("send-invoice", {"replace": "yes"}, "replace", "replace must be true or false."),
        ("send-invoice", {"lines": "x"}, "lines", "lines must be a list."),
        ("send-invoice", {"lines": ["x"]}, "lines[0]", "lines[0] must be an object with members."),
        ("send-invoice", {"lines": [{"description": ""}]}, "lines[0].description", "lines[0].description must have at"),
        ("create-payment-link", {"lines": [{"description": "x"}] * 21}, "lines", "lines must have at most 20 entries."),
    ],
)
def test_a_wrong_member_is_told_in_our_own_words(name: str, members: dict[str, Any], field: str, words: str) -> None:
    error = refused(name, **members)

    assert error.field == field
    assert error.message.startswith(words)
    for word in ("Input", "valid", "String", "pattern", "pydantic"):
        assert word not in error.message.replace("invalid", "")
