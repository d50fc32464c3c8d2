"""Currency, due date, labelled fields, recipient: what comes from the request, the record, the configuration."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.actions import Customer, NeedsSource
from gateway.errors import Rejected
from gateway.records import Live, SourceRef
from gateway.sources import SourceRecord, opportunity, order
from tests.support.plans import BEN, CONTACT, PARTY, RECORD, REF, SOURCE, context, params, plan

Row = dict[str, Any]
OTHER = "003000000000002AAA"
ROW: Row = {"Id": RECORD, "Name": "Deal", "Amount": Decimal(100), "StageName": "x", "AccountId": None, "Account": None}


def read(names: dict[str, str] | None = None, **fields: Any) -> SourceRecord:
    rows = {"record": [{**ROW, **fields}], "lines": [], "roles": []}
    return opportunity.parse(REF, rows, names or {})


def refusal(facts: Any, **members: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        plan("send-invoice", facts, **members)
    return caught.value


def test_a_record_in_euro_is_invoiced_in_euro() -> None:
    source = replace(read(CurrencyIsoCode="EUR"), bill_to=(BEN,))

    made = plan("send-invoice", context(source=source))

    assert (made.currency, params(made, "invoice")["currency"]) == ("eur", "eur")
    assert refusal(context(source=source), currency="USD").code == "currency_differs"


def test_a_mapped_currency_stands_above_the_records_own_where_it_is_filled() -> None:
    names = {"currency": "Billing_Currency__c"}

    assert read(names, CurrencyIsoCode="EUR", Billing_Currency__c="CHF").currency == "CHF"
    assert read(names, CurrencyIsoCode="EUR", Billing_Currency__c=None).currency == "EUR"


def test_an_account_has_a_currency_but_no_amount_that_a_request_could_contradict() -> None:
    source = replace(SOURCE, currency="EUR", amount=None, lines=())
    line = {"description": "x", "amount": "100.00"}

    assert plan("send-invoice", context(source=source), currency="USD", lines=[line]).currency == "usd"
    assert plan("send-invoice", context(source=source), lines=[line]).currency == "eur"


def test_a_mapped_field_is_found_whatever_its_case_and_shown_as_people_write_it() -> None:
    names = {"po_number": "account.po_count__c", "reference": "REFERENCE__C"}

    source = read(names, Account={"Id": "001", "Name": "A", "PO_Count__c": Decimal("7100.0")}, Reference__c=" R-1 ")

    assert (source.po_number, source.reference) == ("7100", "R-1")


@pytest.mark.parametrize(
    ("due", "members", "params_due"),
    [
        ("2030-06-30", {}, {"due_date": 1909108799}),  # 23:59:59 in New York
        ("2030-07-01T03:00:00.000+0000", {}, {"due_date": 1909108799}),  # still June there
        ("2030-06-30", {"days_until_due": 14}, {"days_until_due": 14}),
        ("2030-06-30", {"due_date": "2030-06-29"}, {"due_date": 1909022399}),
        (None, {}, {"days_until_due": 30}),
    ],
)
def test_the_due_date_is_sent_or_mapped_or_configured(due: str | None, members: Row, params_due: Row) -> None:
    facts = context(source=replace(SOURCE, due=due))

    told = params(plan("send-invoice", facts, **members), "invoice")

    assert {name: told[name] for name in ("due_date", "days_until_due") if name in told} == params_due


@pytest.mark.parametrize(
    ("due", "code"),
    [
        ("2020-01-01", "due_date_past"),
        ("0001-01-01", "due_date_past"),
        ("0001-01-01T00:00:00+14:00", "invalid_due_date"),
        ("net 30", "invalid_due_date"),
        ("9999-12-31", "invalid_due_date"),
        ("9999-12-31T23:59:59-12:00", "invalid_due_date"),
    ],
)
def test_a_mapped_due_date_that_cannot_be_is_refused(due: str, code: str) -> None:
    assert refusal(context(source=replace(SOURCE, due=due))).code == code


@pytest.mark.parametrize("name", ["po_number", "reference", "due_date"])
def test_a_complete_body_still_has_the_record_read_for_what_is_mapped(name: str) -> None:
    body: Row = {
        "account_id": PARTY.source_id, "recipient_email": "a@b.co", "currency": "USD",
        "lines": [{"description": "x", "amount": "5"}],
    }  # fmt: skip
    facts = context(source=None, mapped=frozenset({name}))

    with pytest.raises(NeedsSource):
        plan("send-invoice", facts, **body)
    assert plan("send-invoice", facts, **body, **{name: "2030-06-30"})


def test_the_reference_is_shown_on_the_invoice() -> None:
    told = params(plan("send-invoice", reference="OUR-REF-1", po_number="PO-7"), "invoice")

    assert told["custom_fields"] == [
        {"name": "PO number", "value": "PO-7"},
        {"name": "Reference", "value": "OUR-REF-1"},
    ]
    assert told["metadata"]["sf_reference"] == "OUR-REF-1"


def test_the_number_of_an_order_is_its_reference() -> None:
    row = {"OrderNumber": "00000107", "PoNumber": "PO-1", "TotalAmount": Decimal(5), "Account": None}

    source = order.parse(SourceRef("Order", "801"), {"record": [row], "lines": []}, {})

    assert (source.reference, source.po_number) == ("00000107", "PO-1")


def test_a_labelled_field_of_the_callers_stands_above_the_records() -> None:
    facts = context(source=replace(SOURCE, reference="R-1", po_number="PO-1"))

    told = params(plan("send-invoice", facts, custom_fields=[{"name": "reference", "value": "Mine"}]), "invoice")

    assert told["custom_fields"] == [{"name": "reference", "value": "Mine"}, {"name": "PO number", "value": "PO-1"}]


def test_more_labelled_fields_than_an_invoice_shows_are_refused() -> None:
    fields = [{"name": f"Field {n}", "value": "x"} for n in range(4)]

    assert len(params(plan("send-invoice", custom_fields=fields), "invoice")["custom_fields"]) == 4
    assert refusal(context(), custom_fields=fields, reference="R").code == "too_many_fields"
    assert (
        refusal(context(), custom_fields=[{"name": "PO Number", "value": "x"}], po_number="y").field == "custom_fields"
    )


def test_a_chosen_contact_gets_the_bill_or_it_is_refused() -> None:
    dora = replace(BEN, contact_id=OTHER, name="Dora", email=None)
    facts = context(source=replace(SOURCE, bill_to=(BEN, dora)), party=replace(PARTY, email="info@harbor.example"))

    chosen = plan("send-invoice", facts, contact_id=CONTACT)

    assert (chosen.summary["recipient"], chosen.summary["recipient_why"]) == ("ben@harbor.example", "chosen contact")
    assert [refusal(facts, contact_id=c).code for c in (OTHER, "003000000000009AAA")] == ["no_email", "unknown_contact"]
    assert refusal(facts, contact_id="003000000000009AAA", recipient_email="a@b.co").code == "unknown_contact"


def test_a_preview_without_a_recipient_offers_the_accounts_contacts() -> None:
    source = replace(SOURCE, bill_to=(), contacts=(replace(BEN, why="contact of the account"),))
    facts = context(source=source, customer=Customer(PARTY.source_id, "cus_1", same_recipient=False))

    shown = plan("send-invoice", replace(facts, preview=True)).summary

    assert shown["recipient"] is None
    assert [(c["contact_id"], c["email"]) for c in shown["candidates"]] == [(CONTACT, "ben@harbor.example")]
    assert any("choose a contact" in each for each in shown["warnings"])
    assert refusal(facts).code == "no_recipient"


def test_another_address_than_stripes_is_shown_by_the_preview_and_refused_unconfirmed() -> None:
    facts = context(customer=Customer(PARTY.source_id, "cus_1", same_recipient=False))

    shown = plan("send-invoice", replace(facts, preview=True)).summary

    assert any("will be changed" in each for each in shown["warnings"])
    assert refusal(facts).code == "recipient_differs"


def live(stripe_id: str, status: str, minor: int, currency: str) -> Live:
    shown = {"minor": minor, "currency": currency}
    return Live("00D", "us", RECORD, "invoice", stripe_id, "", status, "act", shown)


def test_what_was_invoiced_before_is_added_up_per_currency() -> None:
    before = (
        live("in_1", "open", 5000, "USD"), live("in_2", "paid", 2500, "USD"), live("in_3", "uncollectible", 100, "USD"),
        live("in_4", "paid", 700, "EUR"), live("in_5", "void", 900, "USD"),
    )  # fmt: skip

    shown = plan("send-invoice", context(live=before), portion_amount="10").summary
    replaced = plan("send-invoice", context(live=before), portion_amount="10", replace=True)

    assert (shown["invoiced_so_far"], shown["remaining"]) == ("76.00", "214.00")
    assert shown["invoiced_in_other_currencies"] == ["7.00 EUR"]
    assert replaced.summary["invoiced_so_far"] == "25.00"
    assert [s.path for s in replaced.steps if s.name.startswith("void")] == [
        "/v1/invoices/in_1/void", "/v1/invoices/in_3/void",
    ]  # fmt: skip
