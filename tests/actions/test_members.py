"""
Every member of every request does something: the table names, for each, a value that changes the plan.

A member added to a request without a line here fails the first test; one that is accepted and ignored, the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from gateway import actions
from gateway.actions import Context, Customer, EntityFacts, Request
from gateway.config.model import OBJECTS, Mapping
from gateway.errors import Rejected
from gateway.pipeline.codec import plan_to_json
from gateway.pipeline.keys import step_key
from gateway.pipeline.record import readable
from gateway.pipeline.strict import parse
from gateway.records import Live, dumps
from gateway.sources.reading import selected
from tests.support.plans import ACCOUNT, BEN, CONTACT, LINES, PARTY, RECORD, REF, SOURCE, US, context, plan

Row = dict[str, Any]

# What the pipeline does with these stands in tests/scenarios/test_fields.py and test_http.py; they reach no plan.
OUTSIDE_THE_PLAN = set(Request.model_fields)

ONE = {"description": "Frames", "quantity": 2, "unit_price": "10.00"}
FLAT = {"description": "Service", "amount": "10.00"}
TAX_ID = {"tax_id_type": "eu_vat", "tax_id_value": "DE123456789"}
OPEN = Live("00D", "us", RECORD, "invoice", "in_1", "", "open", "act_0", {"minor": 100, "currency": "USD"})

# Action → member → what is sent without it and with it. ``lines.amount`` is a member of a line.
EFFECTS: dict[str, dict[str, tuple[Row, Row]]] = {
    "create-customer": {
        "recipient_email": ({}, {"recipient_email": "other@harbor.example"}),
        "tax_id_type": (TAX_ID, {**TAX_ID, "tax_id_type": "gb_vat"}),
        "tax_id_value": (TAX_ID, {**TAX_ID, "tax_id_value": "DE987654321"}),
    },
    "create-payment-link": {
        "currency": ({"amount": "500"}, {"amount": "500", "currency": "EUR"}),
        "amount": ({}, {"amount": "5.00"}),
        "description": ({"amount": "5.00"}, {"amount": "5.00", "description": "Deposit"}),
        "lines": ({}, {"lines": [FLAT]}),
        "lines.description": ({"lines": [FLAT]}, {"lines": [{**FLAT, "description": "Other"}]}),
        "lines.amount": ({"lines": [FLAT]}, {"lines": [{**FLAT, "amount": "11.00"}]}),
        "lines.quantity": ({"lines": [ONE]}, {"lines": [{**ONE, "quantity": 3}]}),
        "lines.unit_price": ({"lines": [ONE]}, {"lines": [{**ONE, "unit_price": "11.00"}]}),
        "lines.discount_percent": ({"lines": [ONE]}, {"lines": [{**ONE, "discount_percent": "10"}]}),
        "lines.tax_code": ({"lines": [FLAT]}, {"lines": [{**FLAT, "tax_code": "txcd_10000000"}]}),
        "lines.line_id": ({"lines": [FLAT]}, {"lines": [{**FLAT, "line_id": LINES[0]}]}),
        "reusable": ({}, {"reusable": True}),
        "automatic_tax": ({}, {"automatic_tax": True}),
    },
    "refund-payment": {
        "amount": ({}, {"amount": "10.00"}),
        "reason": ({}, {"reason": "duplicate"}),
        "note": ({}, {"note": "Arrived bent"}),
    },
    "send-invoice": {
        "contact_id": ({}, {"contact_id": CONTACT}),
        "recipient_email": ({}, {"recipient_email": "other@harbor.example"}),
        "currency": ({"lines": [FLAT]}, {"lines": [FLAT], "currency": "EUR"}),
        "lines": ({}, {"lines": [FLAT]}),
        "lines.description": ({"lines": [FLAT]}, {"lines": [{**FLAT, "description": "Other"}]}),
        "lines.amount": ({"lines": [FLAT]}, {"lines": [{**FLAT, "amount": "11.00"}]}),
        "lines.quantity": ({"lines": [ONE]}, {"lines": [{**ONE, "quantity": 3}]}),
        "lines.unit_price": ({"lines": [ONE]}, {"lines": [{**ONE, "unit_price": "11.00"}]}),
        "lines.discount_percent": ({"lines": [ONE]}, {"lines": [{**ONE, "discount_percent": "10"}]}),
        "lines.tax_code": ({"lines": [FLAT]}, {"lines": [{**FLAT, "tax_code": "txcd_10000000"}]}),
        "lines.tax_rates": ({"lines": [FLAT]}, {"lines": [{**FLAT, "tax_rates": ["txr_1"]}]}),
        "lines.line_id": ({"lines": [FLAT]}, {"lines": [{**FLAT, "line_id": LINES[0]}]}),
        "line_ids": ({}, {"line_ids": [LINES[0]]}),
        "portion_percent": ({}, {"portion_percent": "50"}),
        "portion_amount": ({}, {"portion_amount": "50.00"}),
        "discount_amount": ({}, {"discount_amount": "5.00"}),
        "days_until_due": ({}, {"days_until_due": 14}),
        "due_date": ({}, {"due_date": "2030-06-30"}),
        "description": ({}, {"description": "Thank you"}),
        "footer": ({}, {"footer": "Registered in Seattle"}),
        "custom_fields": ({}, {"custom_fields": [{"name": "Depot", "value": "North"}]}),
        "custom_fields.name": (
            {"custom_fields": [{"name": "Depot", "value": "North"}]},
            {"custom_fields": [{"name": "Store", "value": "North"}]},
        ),
        "custom_fields.value": (
            {"custom_fields": [{"name": "Depot", "value": "North"}]},
            {"custom_fields": [{"name": "Depot", "value": "South"}]},
        ),
        "po_number": ({}, {"po_number": "PO-7"}),
        "reference": ({}, {"reference": "OUR-REF-1"}),
        "automatic_tax": ({}, {"automatic_tax": True}),
        "tax_rates": ({}, {"tax_rates": ["txr_1"]}),
        "replace": ({}, {"replace": True}),
    },
}
# Members that decide before or beside the plan, and where that is shown.
ELSEWHERE = {
    "create-payment-link": {"lines.tax_rates": "refused: test_lines.py"},
    "refund-payment": {
        "payment_intent": "chooses the charge: scenarios/test_fields.py",
        "charge": "chooses the charge: scenarios/test_fields.py",
        "invoice": "chooses the charge: scenarios/test_fields.py",
        "currency": "compared with the payment's, below",
    },
    "send-invoice": {
        "account_id": "chooses the customer: scenarios/test_fields.py",
        "additional": "opens the guard: scenarios/test_actions.py",
    },
}
FACTS = context(
    customer=Customer(ACCOUNT, "cus_1", same_recipient=None),
    source=replace(SOURCE, bill_to=(replace(BEN, contact_id=None, email="first@harbor.example"), BEN)),
    live=(OPEN,),
)


def members_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if not prefix and name in OUTSIDE_THE_PLAN:
            continue
        yield f"{prefix}{name}"
        for nested in get_args(field.annotation):
            if isinstance(nested, type) and issubclass(nested, BaseModel):
                yield from members_of(nested, f"{name}.")


@pytest.mark.parametrize("name", sorted(actions.registry()))
def test_every_member_has_its_line(name: str) -> None:
    found = set(members_of(actions.registry()[name].request))

    assert found == set(EFFECTS[name]) | set(ELSEWHERE.get(name, {}))


@pytest.mark.parametrize(("name", "member"), [(name, member) for name in EFFECTS for member in EFFECTS[name]])
def test_every_member_changes_the_plan(name: str, member: str) -> None:
    without, with_it = EFFECTS[name][member]

    assert planned(name, without) != planned(name, with_it)


@pytest.mark.parametrize(("name", "member"), [(name, member) for name in EFFECTS for member in EFFECTS[name]])
def test_every_member_is_part_of_what_a_key_stands_for(name: str, member: str) -> None:
    model = actions.registry()[name].request

    one, other = (parse(model, {"record_id": RECORD, **members}) for members in EFFECTS[name][member])

    assert one.content() != other.content()


def test_a_refund_in_another_currency_than_the_payment_is_refused() -> None:
    with pytest.raises(Rejected, match="currency_differs"):
        plan("refund-payment", FACTS, currency="EUR")
    assert plan("refund-payment", FACTS, currency="usd") == plan("refund-payment", FACTS)


# Fact of the entity → its other value and a request that it decides.
ENTITY: dict[str, tuple[Any, Row]] = {
    "name": ("eu", {}),
    "mode": ("live", {}),
    "time_zone": ("Asia/Tokyo", {"due_date": "2030-06-30"}),
    "default_currency": ("eur", {}),
    "automatic_tax": (True, {}),
    "days_until_due": (14, {}),
    "lines_per_call": (1, {}),
}


@pytest.mark.parametrize("fact", [each.name for each in fields(EntityFacts)])
def test_every_fact_of_the_entity_changes_the_plan(fact: str) -> None:
    value, members = ENTITY[fact]
    changed = replace(US, **{fact: value})

    if fact == "mode":
        assert key(changed) != key(US)  # the plan is the same, what it is sent under is not
    else:
        assert planned("send-invoice", members) != planned("send-invoice", members, replace(FACTS, entity=changed))


def key(entity: EntityFacts) -> str:
    return step_key(entity=entity.name, mode=entity.mode, base="act_1", step="invoice", generation=1)


# Mapped name → what its field of the record holds. ``bill_to`` is a relationship; ``lookup`` is written, not read.
MAPPED: Row = {
    "po_number": "PO-7",
    "reference": "OUR-REF-1",
    "currency": "EUR",
    "bill_to": {"Id": CONTACT, "Name": "Ben", "Email": "ben@harbor.example"},
    "due_date": "2030-06-30",
}


@pytest.mark.parametrize("name", [name for name in Mapping.model_fields if name != "lookup"])
@pytest.mark.parametrize("sobject", OBJECTS)
def test_every_mapped_field_changes_the_plan_of_every_object(name: str, sobject: str) -> None:
    reader = readable()[sobject]
    path = f"Custom_{name}__{'r' if name == 'bill_to' else 'c'}"
    rows: Row = {query: [] for query in reader.queries([RECORD], ())}
    row = {**ROW, path: MAPPED[name]}

    soql = reader.queries([RECORD], selected({name: path}))["record"].soql
    plain, mapped = (reader.parse(REF, {**rows, "record": [row]}, names) for names in ({}, {name: path}))

    assert f"{path}.Email" in soql if name == "bill_to" else f", {path}" in soql
    facts = replace(FACTS, party=replace(PARTY, email="info@harbor.example"))
    without, with_it = (
        planned("send-invoice", {"lines": [FLAT]}, replace(facts, source=each)) for each in (plain, mapped)
    )
    assert without != with_it


# A row that every object can be made of, as far as names go.
ROW: Row = {
    "Id": RECORD, "Name": "Deal", "Amount": None, "StageName": "x", "OrderNumber": "1", "QuoteNumber": "1",
    "CaseNumber": "1", "Email": "row@harbor.example",
}  # fmt: skip


def planned(name: str, members: Row, facts: Context = FACTS) -> str:
    """What would be sent, with whom the preview shows as recipient."""
    made = plan(name, facts, **members)
    return dumps({"steps": plan_to_json(made)["steps"], "recipient": made.summary.get("recipient")})
