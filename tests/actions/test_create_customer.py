"""The customer that Stripe is told of, new or known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.actions import Customer, NeedsSource
from tests.support.plans import ACCOUNT, BEN, PARTY, SOURCE, context, params, plan

TAX_ID: dict[str, Any] = {"tax_id_type": "eu_vat", "tax_id_value": "DE123456789"}
NEW = context(customer=Customer(ACCOUNT, None))


def test_a_new_customer_is_made_with_its_tax_id() -> None:
    told = params(plan("create-customer", NEW, **TAX_ID), "customer")

    assert told["tax_id_data"] == [{"type": "eu_vat", "value": "DE123456789"}]


def test_a_known_customer_gets_a_tax_id_before_anything_else_changes() -> None:
    made = plan("create-customer", **TAX_ID)

    assert [(s.method, s.path) for s in made.steps] == [
        ("POST", "/v1/customers/{customer}/tax_ids"),
        ("POST", "/v1/customers/{customer}"),
    ]
    assert made.steps[0].params == {"type": "eu_vat", "value": "DE123456789"}


@pytest.mark.parametrize("value", ["DE123456789", "de 123.456-789"])
def test_a_tax_id_the_customer_has_is_not_added_again(value: str) -> None:
    facts = context(tax_ids={"cus_1": (("eu_vat", "DE123456789"),)})

    assert [s.name for s in plan("create-customer", facts, **TAX_ID | {"tax_id_value": value}).steps] == [
        "customer_update"
    ]


def test_a_customer_made_while_the_record_was_read_is_looked_at_first() -> None:
    with pytest.raises(NeedsSource):
        plan("create-customer", context(tax_ids={}), **TAX_ID)


def test_the_first_candidate_with_an_address_is_the_customers() -> None:
    facts = context(source=replace(SOURCE, bill_to=(replace(BEN, email=None), BEN)))

    assert params(plan("create-customer", facts), "customer_update")["email"] == BEN.email


def test_a_phone_number_that_stripe_does_not_take_is_told() -> None:
    facts = context(party=replace(PARTY, phone="+1 206 555 0142 extension 12"))

    made = plan("create-customer", facts)

    assert "phone" not in params(made, "customer_update")
    assert any("phone" in each for each in made.summary["warnings"])
