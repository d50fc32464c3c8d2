"""
The card in a real Chromium, on the sandbox's record page: Salesforce, the gateway and Stripe are processes of their own.

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

from gateway.sandbox.identity import ADMIN, REP
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


def drive(
    world: World, record: str, steps: list[dict[str, str]], folder: Path, *, viewer: str = REP, width: int = 1180
) -> dict[str, Any]:
    """What a person does on the record's page; fails with the browser's words where a step cannot be done."""
    url = f"{world.salesforce_url}/lightning/r/Opportunity/{record}/view?as={viewer}"
    run = node(HERE / "harness" / "drive.js", folder, text=json.dumps({"url": url, "steps": steps, "width": width}))
    assert run.returncode == 0, run.stdout + run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    assert seen["problem"] is None, f"{seen['problem']}\n{seen['snapshot']}"
    assert seen["errors"] == []
    return seen


def invoices(world: World, record: str) -> list[dict[str, Any]]:
    return [row for row in world.stripe_objects("invoice") if row["metadata"].get("sf_record_id") == record]


def until(holds: Callable[[], Any], what: str, patience: float = 30.0) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_two_clicks_send_one_invoice_and_the_record_shows_it(world: World, tmp_path: Path) -> None:
    record = next(row["Id"] for row in world.records("Opportunity") if row["Name"] == "Harbor Cycles fleet renewal")

    seen = drive(
        world,
        record,
        [
            {"see": "Nothing has been invoiced"}, {"shot": "empty"}, {"click": "Send invoice"},
            {"see": f"An invoice over USD {TOTAL} will be sent to {RECIPIENT}."}, {"shot": "preview"},
            {"confirm": "Send invoice"}, {"see": "Invoice sent"}, {"shot": "done"}, {"click": "Close"},
            {"see": f"Invoiced {TOTAL}"}, {"shot": "afterwards"},
        ],
        tmp_path,
    )  # fmt: skip

    [invoice] = invoices(world, record)
    assert (invoice["status"], invoice["total"]) == ("open", 2152800)
    until(lambda: world.record("Opportunity", record)["Stripe_Invoice_Number__c"], "the record never followed")
    assert world.record("Opportunity", record)["Stripe_Invoice_Number__c"] == invoice["number"]
    assert invoice["number"] in seen["snapshot"]
    assert Counter(call["method"] for call in seen["calls"])["run"] == 1


def test_a_double_click_on_the_confirmation_sends_one_invoice(world: World, tmp_path: Path) -> None:
    record = deal(world, "Double click")

    drive(
        world,
        record,
        [
            {"dblclick": "Send invoice"},
            {"see": "will be sent to"},
            {"confirmTwice": "Send invoice"},
            {"see": "Invoice sent"},
        ],
        tmp_path,
    )

    assert [invoice["status"] for invoice in invoices(world, record)] == ["open"]


def test_where_nobody_is_to_be_billed_a_contact_is_chosen(world: World, tmp_path: Path) -> None:
    record = deal(world, "Nobody to bill", contact=None)

    drive(
        world,
        record,
        [
            {"click": "Send invoice"}, {"see": "Who gets the invoice?"}, {"shot": "nobody"}, {"check": "Ben Castillo"},
            {"click": "Use this recipient"}, {"see": f"will be sent to {RECIPIENT}"},
            {"confirm": "Send invoice"}, {"see": "Invoice sent"},
        ],
        tmp_path,
    )  # fmt: skip

    [invoice] = invoices(world, record)
    assert invoice["status"] == "open"


def test_somebody_without_permission_sees_the_card_and_no_buttons(world: World, tmp_path: Path) -> None:
    record = deal(world, "Only looking")

    seen = drive(world, record, [{"see": "You can see payments here"}, {"shot": "no-permission"}], tmp_path, viewer=ADMIN)

    assert 'button "Send invoice"' not in seen["snapshot"]


def test_the_stopwatch_of_a_person(world: World, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Measured, not asserted: the figures are in docs/lightning-components.md."""
    records = [deal(world, f"Stopwatch {n}") for n in range(3)]
    latency(world, STRIPE_SECONDS, SALESFORCE_SECONDS)
    steps = [
        {"see": "Nothing has been invoiced"}, {"mark": "click"}, {"click": "Send invoice"},
        {"see": "will be sent to"}, {"mark": "preview"}, {"mark": "confirm"}, {"confirm": "Send invoice"},
        {"see": "Invoice sent"}, {"mark": "link"},
    ]  # fmt: skip

    try:
        marks = [drive(world, record, steps, tmp_path)["marks"] for record in records]
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
