"""What a record says, a request asks and the configuration maps ends up at Stripe or is refused, never dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.engine.clock import SystemClock
from gateway.pipeline.accept import Answer
from gateway.pipeline.preview import Preview, preview
from gateway.records import Caller
from tests.scenarios.lab import BILLED, MACHINE, PERSON, Lab, ask, end_of, in_time, submission, until

Row = dict[str, Any]
FIRST_ORDER = "Harbor Cycles first order"  # an Opportunity over 2400 without products and contact roles


@pytest.fixture
def wide_lab(tmp_path: Path, sqlite_url: str) -> Iterator[Lab]:
    """An org with several currencies and record types."""
    made = Lab(tmp_path, sqlite_url, features=("multi_currency", "record_types", "orders"))
    yield made
    made.close()


def asked(lab: Lab, name: str, members: Row, **more: Any) -> Answer:
    """One action in a gateway of its own."""

    async def story() -> Answer:
        async with lab.gateway() as gateway:
            return await ask(gateway, name, members, key="k", **more)

    return asyncio.run(story())


def previewed(lab: Lab, members: Row, name: str = "send-invoice") -> Preview:
    async def story() -> Preview:
        async with lab.gateway() as gateway:
            return await preview(gateway.tools, submission(name, members))

    return asyncio.run(story())


def sent(lab: Lab, path: str) -> list[Row]:
    return [c["params"] for c in lab.calls("stripe") if c["method"] == "POST" and c["path"].endswith(path)]


def jump(lab: Lab, gateway: Gateway, seconds: float) -> None:
    """Everybody's clock goes forward."""
    assert isinstance(gateway.tools.clock, SystemClock)
    gateway.tools.clock.offset += seconds
    for upstream in ("stripe", "salesforce"):
        lab.control(upstream, "POST", "clock", {"advance": seconds})


def tax_ids_in_salesforce(lab: Lab) -> set[str]:
    return {tax for row in lab.records("Stripe_Customer__c") for tax in (row.get("Tax_Ids__c") or "").split(", ")}


def contact(lab: Lab, email: str) -> str:
    return next(str(row["Id"]) for row in lab.records("Contact") if row["Email"] == email)


def test_an_opportunity_in_euro_is_invoiced_in_euro(wide_lab: Lab) -> None:
    lab = wide_lab
    euro = lab.opportunities["Velo Verde city bikes (EUR)"]

    answer = asked(lab, "send-invoice", {"record_id": euro, "recipient_email": "mia.lindner@veloverde.example"})

    assert answer.envelope["success"], answer.envelope
    assert [(x["currency"], x["total"]) for x in lab.of_record("invoice", euro)] == [("eur", 499995)]


@pytest.mark.parametrize(("type_", "entity"), [("Wholesale", "eu"), ("Retail", "us"), (None, "us")])
def test_the_record_type_decides_by_its_developer_name(wide_lab: Lab, type_: str | None, entity: str) -> None:
    lab = wide_lab
    for name in ("Wholesale", "Retail"):
        made = lab.save("RecordType", {"Name": f"{name} deals", "DeveloperName": name, "SobjectType": "Opportunity"})
        if name == type_:
            lab.save("Opportunity", {"RecordTypeId": made}, lab.fleet)
    two_entities(lab, {"record_type": "Wholesale"})

    shown = previewed(lab, {"record_id": lab.fleet}, "create-customer")

    assert shown.summary["entity"] == entity


def test_a_rule_on_record_types_does_not_hold_in_an_org_without_them(sqlite_lab: Lab) -> None:
    two_entities(sqlite_lab, {"record_type": "Wholesale"})

    assert previewed(sqlite_lab, {"record_id": sqlite_lab.fleet}, "create-customer").summary["entity"] == "us"


def test_the_entity_that_is_named_stands_above_the_rules(sqlite_lab: Lab) -> None:
    two_entities(sqlite_lab, {"currency": "EUR"})

    shown = previewed(sqlite_lab, {"record_id": sqlite_lab.fleet, "entity": "eu"}, "create-customer")

    assert shown.summary["entity"] == "eu"


@pytest.mark.parametrize("reference", ["payment_intent", "charge", "invoice"])
def test_a_refund_names_the_payment_it_is_for(sqlite_lab: Lab, reference: str) -> None:
    lab = sqlite_lab

    async def story() -> tuple[str, Answer]:
        async with lab.gateway() as gateway:
            for n, amount in enumerate(["50.00", "70.00"]):
                lines = [{"description": "Deposit", "amount": amount}]
                members = lab.invoice_members(lines=lines, additional=True)
                await ask(gateway, "send-invoice", members, key=f"i{n}")
                lab.pay(next(x for x in lab.of_record("invoice", lab.fleet) if x["status"] == "open"))
            charge = next(x for x in lab.objects("charge") if x["amount"] == 7000)
            invoice = next(x for x in lab.of_record("invoice", lab.fleet) if x["total"] == 7000)
            named = {"payment_intent": charge["payment_intent"], "charge": charge["id"], "invoice": invoice["id"]}
            members = {"record_id": lab.fleet, reference: named[reference]}
            return charge["id"], await ask(gateway, "refund-payment", members, key="r")

    charge, answer = asyncio.run(story())

    assert answer.envelope["success"], answer.envelope
    assert [(x["charge"], x["amount"]) for x in lab.objects("refund")] == [(charge, 7000)]


def two_entities(lab: Lab, when: Row) -> None:
    """Another account beside the sandbox's own; nothing is sent to it here."""
    other = {"mode": "test", "account": "acct_1Eu", "secret_key": "sk_test_51abcdefghijklmnop"}
    routing = [{"when": when, "entity": "eu"}, {"entity": "us"}]
    lab.configure(
        entities={"eu": {**other, "default_currency": "EUR"}},
        orgs={"northwind": {"entities": ["us", "eu"]}},
        routing=routing,
    )


def test_mapped_fields_reach_the_invoice(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.configure(
        mappings={
            "Opportunity": {
                "due_date": "CloseDate", "bill_to": "Contact", "reference": "NextStep", "po_number": "account.Site",
            }
        }
    )  # fmt: skip
    lab.save("Account", {"Site": "PO-900"}, lab.account)
    fields = {"Name": "Mapped", "AccountId": lab.account, "StageName": "Prospecting", "CloseDate": "2030-06-30"}
    deal = lab.save(
        "Opportunity",
        {**fields, "Amount": 100, "ContactId": contact(lab, BILLED), "NextStep": "OUR-REF-1"},
    )

    async def story() -> None:
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "send-invoice", {"record_id": deal}, key="k")

            assert answer.envelope["success"], answer.envelope
            await until(lambda: [r.get("Reference__c") for r in lab.records("Stripe_Invoice__c")] == ["OUR-REF-1"])

    asyncio.run(story())
    [invoice] = lab.of_record("invoice", deal)
    assert (invoice["due_date"], invoice["customer_email"]) == (1909108799, BILLED)
    assert [(f["name"], f["value"]) for f in invoice["custom_fields"]] == [
        ("PO number", "PO-900"),
        ("Reference", "OUR-REF-1"),
    ]


def test_a_complete_body_has_the_record_read_where_a_field_of_it_is_mapped(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    lab.configure(mappings={"Opportunity": {"due_date": "CloseDate"}})
    lab.save("Opportunity", {"CloseDate": "2030-06-30"}, lab.fleet)

    answer = asked(lab, "send-invoice", lab.invoice_members(), caller=MACHINE)

    assert answer.envelope["success"], answer.envelope
    assert [x["due_date"] for x in lab.of_record("invoice", lab.fleet)] == [1909108799]


@pytest.mark.parametrize("level", ["None", "Read"])
def test_an_account_that_the_person_may_not_edit_is_neither_shown_nor_billed(sqlite_lab: Lab, level: str) -> None:
    lab = sqlite_lab
    other = next(row for row in lab.records("Account") if row["Id"] != lab.account)
    lab.share("Account", other["Id"], level)
    members = {"record_id": lab.fleet, "account_id": other["Id"], "recipient_email": BILLED}

    refused = asked(lab, "send-invoice", members)

    assert (refused.http_status, refused.envelope["error_code"]) == (404, "no_such_record")
    assert other["Name"] not in str(refused.envelope)
    assert lab.objects("customer") == []
    lab.share("Account", other["Id"], "Edit")
    assert previewed(lab, members).summary["customer"] == other["Name"]


def test_where_nobody_is_to_be_billed_the_preview_offers_the_contacts_the_person_may_see(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    deal, ben = lab.opportunities[FIRST_ORDER], contact(lab, BILLED)
    hidden = contact(lab, "ada.okafor@harborcycles.example")
    lab.share("Contact", hidden, "None")

    shown = previewed(lab, {"record_id": deal}).summary
    refused = asked(lab, "send-invoice", {"record_id": deal, "contact_id": hidden})
    chosen = asked(lab, "send-invoice", {"record_id": deal, "contact_id": ben, "request_key": "k2"})

    assert [c["contact_id"] for c in shown["candidates"]] == [ben]
    assert shown["recipient"] is None
    assert (refused.http_status, refused.envelope["error_code"]) == (422, "unknown_contact")
    assert chosen.envelope["success"], chosen.envelope
    assert [x["customer_email"] for x in lab.of_record("invoice", deal)] == [BILLED]


@pytest.mark.parametrize("known", [False, True])
def test_a_preview_shows_the_tax_of_new_and_known_customers(sqlite_lab: Lab, known: bool) -> None:
    lab = sqlite_lab
    lab.configure(entities={"us": {"automatic_tax": True}})
    line = {"description": "Frames", "amount": "100.00", "tax_code": "txcd_10000000"}

    async def story() -> Preview:
        async with lab.gateway() as gateway:
            if known:
                members = {"record_id": lab.account, "recipient_email": BILLED}
                await ask(gateway, "create-customer", members, key="c")
            return await preview(gateway.tools, submission("send-invoice", lab.invoice_members(lines=[line])))

    shown = asyncio.run(story()).summary

    assert (shown["tax"], shown["total"], shown["tax_status"]) == ("6.50", "106.50", "complete")
    [asked_stripe] = sent(lab, "/create_preview")
    assert asked_stripe["invoice_items[0][tax_code]"] == "txcd_10000000"
    assert ("customer" in asked_stripe) is known


def test_a_preview_adds_tax_rates_of_lines_and_of_the_invoice(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> Preview:
        async with lab.gateway() as gateway:
            call, names = gateway.tools.stripe.call, {"display_name": "VAT", "inclusive": False}
            reduced = (await call("us", "POST", "/v1/tax_rates", {**names, "percentage": "5"})).body["id"]
            usual = (await call("us", "POST", "/v1/tax_rates", {**names, "percentage": "20"})).body["id"]
            lines = [
                {"description": "Books", "amount": "100.00", "tax_rates": [reduced]},
                {"description": "Frames", "amount": "100.00"},
            ]
            members = lab.invoice_members(lines=lines, tax_rates=[usual])
            return await preview(gateway.tools, submission("send-invoice", members))

    shown = asyncio.run(story()).summary

    assert (shown["tax"], shown["total"]) == ("25.00", "225.00")


def test_a_preview_says_when_stripe_cannot_compute_the_tax(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    places = ("BillingStreet", "BillingCity", "BillingState", "BillingPostalCode", "BillingCountry")
    lab.save("Account", dict.fromkeys(places), lab.account)

    shown = previewed(lab, {"record_id": lab.fleet, "automatic_tax": True}).summary

    assert shown["tax_status"] == "requires_location_inputs"
    assert any("billing address" in each for each in shown["warnings"])


def test_a_tax_id_of_a_known_customer_is_added_once(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members: Row = {"record_id": lab.account, "recipient_email": BILLED}
    vat = {"tax_id_type": "eu_vat", "tax_id_value": "DE123456789"}

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "create-customer", members, key="c1")
            for n, value in enumerate(["DE123456789", "DE 123 456 789", "FR12345678901"]):
                answer = await ask(gateway, "create-customer", {**members, **vat, "tax_id_value": value}, key=f"t{n}")
                assert answer.envelope["success"], answer.envelope
            both = {"eu_vat DE123456789", "eu_vat FR12345678901"}
            await until(lambda: tax_ids_in_salesforce(lab) == both)

    asyncio.run(story())
    assert sorted(x["value"] for x in lab.objects("tax_id")) == ["DE123456789", "FR12345678901"]


def test_a_tax_id_that_stripe_refuses_leaves_the_customer_as_it_was(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members: Row = {"record_id": lab.account, "recipient_email": BILLED}
    wrong = {"recipient_email": "new@example.com", "tax_id_type": "gb_vat", "tax_id_value": "FR1"}

    async def story() -> Answer:
        async with lab.gateway() as gateway:
            await ask(gateway, "create-customer", members, key="c")
            return await ask(gateway, "create-customer", {**members, **wrong}, key="t")

    answer = asyncio.run(story())

    assert (answer.envelope["status"], answer.envelope["error_code"]) == ("failed", "tax_id_invalid")
    assert [x["email"] for x in lab.objects("customer")] == [BILLED]


def test_a_tax_id_whose_answer_was_lost_is_found_a_day_later(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    members: Row = {"record_id": lab.account, "recipient_email": BILLED}
    vat = {"tax_id_type": "eu_vat", "tax_id_value": "DE123456789"}

    async def story() -> Answer:
        async with lab.gateway() as gateway:
            await ask(gateway, "create-customer", members, key="c")
            every = {"match": {"path": "/v1/customers/*/tax_ids", "method": "POST"}, "times": None}
            lab.control("stripe", "POST", "faults", {**every, "kind": "drop_after"})
            first = await ask(gateway, "create-customer", {**members, **vat}, key="t", wait=0.3)
            assert first.running
            jump(lab, gateway, 21 * 3600)
            lab.heal()
            return await ask(gateway, "create-customer", {**members, **vat}, key="t")

    answer = asyncio.run(story())

    assert answer.envelope["success"], answer.envelope
    assert [x["value"] for x in lab.objects("tax_id")] == ["DE123456789"]


def test_a_customer_can_change_twice_in_a_day_and_back(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> list[str]:
        seen = []
        async with lab.gateway() as gateway:
            for n, email in enumerate(["a@example.com", "b@example.com", "c@example.com", "b@example.com"]):
                members = {"record_id": lab.account, "recipient_email": email}
                answer = await ask(gateway, "create-customer", members, key=f"k{n}")
                assert answer.envelope["success"], answer.envelope
                seen.append(lab.objects("customer")[0]["email"])
        return seen

    assert asyncio.run(story()) == ["a@example.com", "b@example.com", "c@example.com", "b@example.com"]


def test_an_uncollectible_invoice_can_still_be_paid_so_it_is_not_sent_a_second_time(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> list[Answer]:
        async with lab.gateway() as gateway:
            first = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k1")
            path = f"/v1/invoices/{first.envelope['stripe_id']}/mark_uncollectible"
            await gateway.tools.stripe.call("us", "POST", path)
            members: list[Row] = [{}, {"portion_percent": "30"}, {"portion_percent": "30", "replace": True}]
            return [
                await ask(gateway, "send-invoice", {"record_id": lab.fleet, **more}, key=f"k2{n}")
                for n, more in enumerate(members)
            ]

    same, other, replaced = asyncio.run(story())

    assert (same.envelope["replayed"], same.envelope["stripe_status"]) == (True, "uncollectible")
    assert other.envelope["error_code"] == "invoice_already_open"
    assert "uncollectible" in other.envelope["user_message"]
    assert replaced.envelope["success"], replaced.envelope
    assert sorted(x["status"] for x in lab.of_record("invoice", lab.fleet)) == ["open", "void"]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"amount": "10.00", "currency": "USD"}, {"amount": 10, "currency": "usd"}),
        ({"amount": "10.5", "currency": "USD"}, {"amount": "10.50", "currency": "USD", "reusable": False}),
    ],
)
def test_the_same_request_in_another_spelling_is_the_same_under_its_key(
    sqlite_lab: Lab, first: Row, again: Row
) -> None:
    lab = sqlite_lab
    deal = {"record_id": lab.fleet, "description": "Deposit"}

    async def story() -> list[Answer]:
        async with lab.gateway() as gateway:
            return [
                await ask(gateway, "create-payment-link", {**deal, **members}, key="k")
                for members in (first, {**again, "record_id": lab.fleet[:15]})
            ]

    one, two = asyncio.run(story())

    assert one.envelope["success"], one.envelope
    assert two.envelope["stripe_id"] == one.envelope["stripe_id"]
    assert len(lab.objects("payment_link")) == 1


def contract_of_others(lab: Lab, level: str) -> str:
    """A record of an object that the gateway cannot read, with what the rep may do with it."""
    lab.configure(orgs={"northwind": {"objects": ["Account", "Contract"]}})
    made = lab.save("Contract", {"AccountId": lab.account, "Status": "Draft"})
    lab.share("Contract", made, level)
    return made


def test_nothing_is_written_about_a_record_before_the_persons_access_to_it_is_known(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    theirs, mine = contract_of_others(lab, "None"), contract_of_others(lab, "Edit")

    async def story() -> list[Answer]:
        async with lab.gateway() as gateway:
            answers = [
                await ask(gateway, "send-invoice", {"record_id": each, "object": "Contract"}, key=each)
                for each in (theirs, mine)
            ]
            await until(lambda: bool(lab.records("Stripe_Action__c")))
            return answers

    refused, unreadable = asyncio.run(story())

    assert (refused.http_status, refused.envelope["error_code"]) == (404, "no_such_record")
    assert unreadable.envelope["error_code"] == "object_not_readable"
    assert {row["Source_Record_Id__c"] for row in lab.records("Stripe_Action__c")} == {mine}


@pytest.mark.parametrize("caller", [PERSON, MACHINE], ids=lambda caller: caller.kind)
def test_a_record_that_cannot_be_read_is_invoiced_with_everything_in_the_body(sqlite_lab: Lab, caller: Caller) -> None:
    lab = sqlite_lab
    mine = contract_of_others(lab, "Edit")
    members = lab.invoice_members(record_id=mine, object="Contract")

    answer = asked(lab, "send-invoice", members, caller=caller)

    assert answer.envelope["success"], answer.envelope
    assert len(lab.of_record("invoice", mine)) == 1


def test_what_expired_before_the_access_was_known_leaves_no_trace_on_the_record(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> tuple[list[Answer], list[Row]]:
        async with lab.gateway() as gateway:
            lab.control("salesforce", "POST", "outage", {"down": True})
            asked = [
                await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key=key, wait=0, caller=caller)
                for key, caller in (("p", PERSON), ("m", MACHINE))
            ]
            jump(lab, gateway, 16 * 60)
            ended = [await end_of(gateway, each) for each in asked]
            lab.control("salesforce", "POST", "outage", {"down": False})
            # had the circuit of the org opened: its next probe
            await in_time(lab, gateway, lambda: bool(lab.asked()), "the row of the one that is known")
            return asked, ended

    (_, machine), ended = asyncio.run(story())

    assert [each["error_code"] for each in ended] == ["expired", "expired"]
    assert [row["Gateway_Action_Id__c"] for row in lab.asked()] == [machine.action_id]
