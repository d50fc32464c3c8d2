"""
The card in a real Chromium, on the sandbox's record page, with Salesforce, the gateway and Stripe behind it.

`pytest tests/lwc/test_sandbox_end_to_end.py -k stopwatch -s` prints how long a person waits where Stripe takes 450 ms
and Salesforce 250 ms a call.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.identity import REP
from gateway.sandbox.world import World
from tests.lwc.node import HERE, node
from tests.support.tools import demand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
RECIPIENT = "accounts@harborcycles.example"
TOTAL = "21,528.00"
STRIPE_SECONDS, SALESFORCE_SECONDS = 0.45, 0.25


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    demand("node", os.environ.get("CHROMIUM", "/usr/bin/chromium"), packages=HERE)
    with World(tmp_path_factory.mktemp("card")) as found:
        yield found


def deal(world: World, name: str, account: str = "Harbor Cycles Inc.", contact: str | None = RECIPIENT) -> str:
    """An opportunity with an amount of its own and, if wanted, somebody to bill."""

    def plant(sobject: str, fields: dict[str, Any]) -> str:
        return str(world.control(world.salesforce, "POST", "records", {"sobject": sobject, "fields": fields})["id"])

    owner = next(row["Id"] for row in world.records("Account") if row["Name"] == account)
    fields = {"Name": name, "AccountId": owner, "StageName": "Closed Won", "CloseDate": "2026-12-31", "OwnerId": REP}
    record = plant("Opportunity", {**fields, "Pricebook2Id": price(world, "Pricebook2Id")})
    line = {"PricebookEntryId": price(world, "Id"), "Quantity": 2, "UnitPrice": 1200}
    plant("OpportunityLineItem", {"OpportunityId": record, **line})
    if contact:
        person = next(row["Id"] for row in world.records("Contact") if row["Email"] == contact)
        plant("OpportunityContactRole", {"OpportunityId": record, "ContactId": person, "Role": "Billing"})
    return record


def price(world: World, field: str) -> str:
    return str(next(row[field] for row in world.records("PricebookEntry") if row["UnitPrice"] == 1200))


def drive(world: World, folder: Path, *visits: tuple[str, list[dict[str, str]]]) -> list[dict[str, Any]]:
    """What a person does on records' pages; fails with the browser's words where a step cannot be done."""
    pages = f"{world.salesforce_url}/lightning/r"
    kinds = {"001": "Account", "006": "Opportunity"}
    told = [{"url": f"{pages}/{kinds[record[:3]]}/{record}/view?as={REP}", "steps": steps} for record, steps in visits]
    run = node(HERE / "harness" / "drive.js", folder, text=json.dumps(told))
    assert run.returncode == 0, run.stdout + run.stderr
    seen: list[dict[str, Any]] = json.loads(run.stdout)
    for each in seen:
        assert each["problem"] is None, f"{each['problem']}\n{each['snapshot']}"
        assert each["errors"] == []
    return seen


def invoices(world: World, record: str) -> list[dict[str, Any]]:
    return [row for row in world.stripe_objects("invoice") if row["metadata"].get("sf_record_id") == record]


def until(holds: Callable[[], Any], what: str, patience: float = 90.0) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_two_clicks_send_one_invoice_and_the_record_shows_it(world: World, tmp_path: Path) -> None:
    record = next(row["Id"] for row in world.records("Opportunity") if row["Name"] == "Harbor Cycles fleet renewal")
    steps = [
        {"see": "Nothing has been invoiced"}, {"shot": "empty"}, {"click": "Send invoice"},
        {"see": f"An invoice over USD {TOTAL} will be sent to {RECIPIENT}."}, {"shot": "preview"},
        {"confirm": "Send invoice"}, {"see": "Invoice sent"}, {"shot": "done"}, {"click": "Close"}, {"gone": "dialog"},
        {"see": "USD 21528.00 invoiced"}, {"shot": "afterwards"},
    ]  # fmt: skip

    [seen] = drive(world, tmp_path, (record, steps))

    [invoice] = invoices(world, record)
    assert (invoice["status"], invoice["total"]) == ("open", 2152800)
    until(lambda: world.record("Opportunity", record)["Stripe_Invoice_Number__c"], "the record never followed")
    assert world.record("Opportunity", record)["Stripe_Invoice_Number__c"] == invoice["number"]
    assert invoice["number"] in seen["snapshot"]
    assert Counter(call["method"] for call in seen["calls"])["run"] == 1


def test_double_clicks_send_one_invoice_and_where_nobody_is_to_be_billed_a_contact_is_chosen(
    world: World, tmp_path: Path
) -> None:
    twice, nobody = deal(world, "Double click"), deal(world, "Nobody to bill", contact=None)
    end = [{"see": "Invoice sent"}]
    double = [{"dblclick": "Send invoice"}, {"see": "will be sent to"}, {"confirmTwice": "Send invoice"}, *end]
    choose = [
        {"click": "Send invoice"}, {"see": "Who gets the invoice?"}, {"shot": "nobody"}, {"check": "Ben Castillo"},
        {"click": "Use this recipient"}, {"see": f"will be sent to {RECIPIENT}"}, {"confirm": "Send invoice"}, *end,
    ]  # fmt: skip

    drive(world, tmp_path, (twice, double), (nobody, choose))

    assert [[invoice["status"] for invoice in invoices(world, record)] for record in (twice, nobody)] == [["open"]] * 2
    assert {invoice["customer_email"] for invoice in invoices(world, nobody)} == {RECIPIENT}


def test_an_account_without_products_is_billed_for_what_the_person_says(world: World, tmp_path: Path) -> None:
    account = next(row["Id"] for row in world.records("Account") if row["Name"] == "Harbor Cycles Inc.")
    steps = [
        {"click": "Send invoice"}, {"see": "This record has no products to invoice."}, {"shot": "asks"},
        {"type": "Amount", "text": "450.00"}, {"type": "What is invoiced", "text": "Workshop in May"},
        {"see": "Who gets the invoice?"}, {"check": f"Ben Castillo · {RECIPIENT}"}, {"click": "Use this recipient"},
        {"see": f"An invoice over USD 450.00 will be sent to {RECIPIENT}."}, {"shot": "line"},
        {"confirm": "Send invoice"}, {"see": "Invoice sent"},
    ]  # fmt: skip

    drive(world, tmp_path, (account, steps))

    [invoice] = invoices(world, account)
    [line] = invoice["lines"]["data"]
    assert (invoice["status"], line["amount"], line["description"]) == ("open", 45000, "Workshop in May")


def test_the_stopwatch_of_a_person(
    world: World, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Measured, not asserted: the figures are in docs/lightning-components.md."""
    records = [deal(world, f"Stopwatch {n}") for n in range(2)]
    latency(world, STRIPE_SECONDS, SALESFORCE_SECONDS)
    steps = [
        {"see": "Nothing has been invoiced"}, {"mark": "click"}, {"click": "Send invoice"},
        {"see": "will be sent to"}, {"mark": "preview"}, {"mark": "confirm"}, {"confirm": "Send invoice"},
        {"see": "Invoice sent"}, {"mark": "link"},
    ]  # fmt: skip

    try:
        marks = [seen["marks"] for seen in drive(world, tmp_path, *((record, steps) for record in records))]
    finally:
        latency(world, 0, 0)

    for n, mark in enumerate(marks, 1):
        took = {"preview": mark["preview"] - mark["click"], "link": mark["link"] - mark["confirm"]}
        record_property(f"seconds {n}", took)
        print(f"run {n}: click to preview {took['preview']:.2f} s, confirm to link {took['link']:.2f} s")  # noqa: T201
    assert all(len(invoices(world, record)) == 1 for record in records)


def latency(world: World, stripe: float, salesforce: float) -> None:
    world.control(world.stripe, "POST", "latency", {"seconds": stripe})
    world.control(world.salesforce, "POST", "latency", {"seconds": salesforce})
