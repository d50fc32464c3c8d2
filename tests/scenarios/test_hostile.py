"""The org that was customised against everybody: what each of its peculiarities may do to us, and what it may not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.cli.queries import dead_rows
from gateway.engine import mirror
from gateway.engine.jobs import dead_letters
from gateway.engine.mirror import MirrorRow
from gateway.sandbox.identity import INTEGRATION, ORG, REP
from tests.scenarios.hostile import LOCKED, RULES, judge
from tests.scenarios.lab import BILLED, MACHINE, Lab, ask, until
from tests.scenarios.outage import closed_now, open_now

Story = Callable[[Gateway], Awaitable[None]]
CLOSED, UNDER_APPROVAL = "Harbor Cycles first order", "Locked by approval"
SET = "Stripe_Gateway_Integration"


def tell(lab: Lab, story: Story) -> None:
    async def whole() -> None:
        async with lab.gateway() as gateway:
            await story(gateway)

    asyncio.run(whole())


def stamp(lab: Lab, record: str, sobject: str = "Opportunity") -> str | None:
    found: str | None = lab.record(sobject, record)["Stripe_Status__c"]
    return found


def status_in_salesforce(lab: Lab, sobject: str, record: str) -> list[str]:
    return [row["Status__c"] for row in lab.records(sobject) if row["Source_Record_Id__c"] == record]


def link(record: str, amount: str = "50.00") -> dict[str, Any]:
    return {"record_id": record, "amount": amount, "currency": "USD", "description": "Deposit", "entity": "us"}


def deals(lab: Lab, count: int) -> list[str]:
    fields = {"AccountId": lab.account, "StageName": "Prospecting", "CloseDate": "2030-12-31"}
    return [lab.save("Opportunity", {"Name": f"Deal {n}", **fields}) for n in range(count)]


def test_a_closed_record_refuses_its_stamp_in_its_own_words_and_nothing_else_is_lost(hostile: Lab) -> None:
    lab, closed = hostile, hostile.opportunities[CLOSED]

    async def story(gateway: Gateway) -> None:
        sent = await ask(gateway, "send-invoice", {"record_id": closed, "recipient_email": BILLED}, key="k")
        assert sent.envelope["success"], sent.envelope
        await until(lambda: status_in_salesforce(lab, "Stripe_Invoice__c", closed) == ["Open"])
        lab.passes(gateway, 61)
        gateway.tools.engine.poke()

        await stamp_row(gateway, closed, "dead")
        letters = await gateway.tools.store.read(dead_rows)

        assert [(x["sobject"], x["key"], x["error"]) for x in letters] == [("Opportunity", closed, RULES[0])]

    tell(lab, story)
    assert stamp(lab, closed) is None


def test_a_record_under_approval_is_stamped_once_it_is_free_again(hostile: Lab) -> None:
    lab, locked = hostile, hostile.opportunities[UNDER_APPROVAL]

    async def story(gateway: Gateway) -> None:
        sent = await ask(gateway, "send-invoice", {"record_id": locked, "recipient_email": BILLED}, key="k")
        assert sent.envelope["success"], sent.envelope
        await until(lambda: status_in_salesforce(lab, "Stripe_Invoice__c", locked) == ["Open"])
        assert (await stamp_row(gateway, locked, "parked")).error == LOCKED
        assert stamp(lab, locked) is None

        lab.control("salesforce", "POST", "lock", {"record": locked, "locked": False})
        lab.passes(gateway, 3600)
        gateway.tools.engine.poke()

        await until(lambda: stamp(lab, locked) == "Invoice Open", what="the stamp")

    tell(lab, story)


async def stamp_row(gateway: Gateway, record: str, state: str) -> MirrorRow:
    """The record's stamp in our mirror, once it is in this state."""
    tools = gateway.tools
    async with asyncio.timeout(30):
        while True:
            row = await tools.store.read(lambda conn: mirror.get(conn, tools.sealer, ORG, "Opportunity", record))
            if row is not None and row.state == state:
                return row
            await asyncio.sleep(0.05)


def test_an_assignment_rule_takes_no_case_because_of_us(hostile: Lab) -> None:
    lab = hostile
    [case, *_] = lab.records("Case")
    lab.save("Case", {"OwnerId": REP}, case["Id"])  # the rule would give it to the administrator

    async def story(gateway: Gateway) -> None:
        done = await ask(gateway, "create-payment-link", link(case["Id"]), key="k")
        assert done.envelope["success"], done.envelope
        await until(lambda: stamp(lab, case["Id"], "Case") == "Payment Link Active")

    tell(lab, story)
    assert lab.record("Case", case["Id"])["OwnerId"] == REP


def test_a_trigger_that_bears_twenty_records_gets_all_stamps_in_the_end(hostile: Lab) -> None:
    lab, many = hostile, deals(hostile, 45)

    async def story(gateway: Gateway) -> None:
        lab.control("salesforce", "POST", "outage", {"down": True})
        made = [ask(gateway, "create-payment-link", link(each), key=each, caller=MACHINE) for each in many]
        assert all(answer.envelope["success"] for answer in await asyncio.gather(*made))
        lab.control("salesforce", "POST", "outage", {"down": False})
        await come_back(lab, gateway)

        def stamped() -> bool:
            rows = {row["Id"]: row["Stripe_Status__c"] for row in lab.records("Opportunity")}
            return all(rows[each] == "Payment Link Active" for each in many)

        await until(stamped, what="every stamp")
        assert await gateway.tools.store.read(dead_rows) == []

    tell(lab, story)


async def come_back(lab: Lab, gateway: Gateway) -> None:
    """What waited for Salesforce goes on."""
    for _ in range(3):
        await asyncio.to_thread(lab.passes, gateway, 61)
        gateway.tools.engine.poke()
        await asyncio.sleep(0.2)


def test_the_record_of_somebody_who_left_is_billed_and_stamped(hostile: Lab) -> None:
    lab, theirs = hostile, hostile.opportunities["Velo Verde spare wheels"]

    async def story(gateway: Gateway) -> None:
        sent = await ask(gateway, "send-invoice", {"record_id": theirs}, key="k")
        assert sent.envelope["success"], sent.envelope
        await until(lambda: stamp(lab, theirs) == "Invoice Open")

    tell(lab, story)


def test_rows_of_an_account_that_was_merged_meanwhile_arrive_without_it(hostile: Lab) -> None:
    lab = hostile
    master = next(row["Id"] for row in lab.records("Account") if row["Name"] == "Velo Verde GmbH")

    async def story(gateway: Gateway) -> None:
        lab.control("salesforce", "POST", "outage", {"down": True})
        made = await ask(gateway, "send-invoice", lab.invoice_members(), key="k", caller=MACHINE, wait=1)
        lab.control("salesforce", "POST", "outage", {"down": False})
        await come_back(lab, gateway)
        await gateway.tools.engine.wait(made.action_id, 20)
        await until(lambda: len(lab.of_record("invoice", lab.fleet)) == 1)
        lab.control("salesforce", "POST", "outage", {"down": True})
        lab.pay(lab.of_record("invoice", lab.fleet)[0])
        lab.control("salesforce", "POST", "merge", {"master": master, "loser": lab.account})
        lab.control("salesforce", "POST", "outage", {"down": False})
        refund = await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "10.00"}, key="r")
        assert refund.envelope["success"], refund.envelope
        await come_back(lab, gateway)
        await until(lambda: len(lab.records("Stripe_Refund__c")) == 1, what="the refund's row")

    tell(lab, story)


@pytest.mark.parametrize("kept", [True, False], ids=["with the stamp", "without it"])
def test_a_clone_is_a_record_of_its_own_whatever_it_shows_at_first(hostile: Lab, kept: bool) -> None:
    lab = hostile

    async def story(gateway: Gateway) -> None:
        first = await ask(gateway, "send-invoice", lab.invoice_members(), key="k")
        assert first.envelope["success"], first.envelope
        await until(lambda: stamp(lab, lab.fleet) == "Invoice Open")
        clone = lab.control("salesforce", "POST", "clone", {"record": lab.fleet, "stamp": kept})["id"]
        assert stamp(lab, clone) == ("Invoice Open" if kept else None)

        second = await ask(gateway, "send-invoice", lab.invoice_members(record_id=clone), key="l")

        assert second.envelope["success"], second.envelope
        assert second.envelope["stripe_id"] != first.envelope["stripe_id"]
        numbers = {lab.fleet: first.envelope["number"], clone: second.envelope["number"]}
        await until(lambda: {each: number_on(lab, each) for each in numbers} == numbers, what="its own number on each")

    tell(lab, story)


def number_on(lab: Lab, record: str) -> str | None:
    found: str | None = lab.record("Opportunity", record)["Stripe_Invoice_Number__c"]
    return found


def test_a_permission_set_taken_away_in_mid_run_parks_the_org_and_costs_nothing(hostile: Lab) -> None:
    lab, many = hostile, deals(hostile, 24)

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "create-customer", {"record_id": lab.account, "recipient_email": BILLED}, key="c")
        lab.control("salesforce", "POST", "permission_sets", {"user": INTEGRATION, "remove": [SET]})
        made = [ask(gateway, "create-payment-link", link(each), key=each, caller=MACHINE) for each in many]
        assert all(answer.envelope["success"] for answer in await asyncio.gather(*made))
        await open_now(gateway, f"salesforce:{ORG}")

        lab.control("salesforce", "POST", "permission_sets", {"user": INTEGRATION, "add": [SET]})
        await come_back(lab, gateway)
        await closed_now(gateway)

        await until(lambda: len(lab.records("Stripe_Payment_Link__c")) == len(many), what="every row")
        assert await gateway.tools.store.read(dead_rows) == []
        assert await gateway.tools.store.read(lambda conn: dead_letters(conn, None)) == []

    tell(lab, story)


@pytest.fixture
def currencies(tmp_path: Path, sqlite_url: str) -> Iterator[Lab]:
    """The hostile org with several currencies; every other test here has one."""
    made = Lab(tmp_path, sqlite_url, profile="hostile", features=("multi_currency", "record_types", "orders"))
    try:
        yield made
        asyncio.run(judge(made))
    finally:
        made.close()


def test_in_an_org_of_several_currencies_each_record_is_billed_in_its_own(currencies: Lab) -> None:
    lab = currencies
    euro, yen = (lab.opportunities[name] for name in ("Velo Verde city bikes (EUR)", "Sakura rental fleet (JPY)"))

    async def story(gateway: Gateway) -> None:
        for record, address in ((euro, "mia.lindner@veloverde.example"), (yen, "yui.tanaka@sakura.example")):
            sent = await ask(gateway, "send-invoice", {"record_id": record, "recipient_email": address}, key=record)
            assert sent.envelope["success"], sent.envelope
        await until(lambda: [stamp(lab, each) for each in (euro, yen)] == ["Invoice Open"] * 2)

    tell(lab, story)
    rows = {row["Source_Record_Id__c"]: row for row in lab.records("Stripe_Invoice__c")}
    told = {record: (rows[record]["Currency_Code__c"], float(rows[record]["Total__c"])) for record in (euro, yen)}
    assert told == {euro: ("EUR", 4999.95), yen: ("JPY", 1250000.0)}
