"""Two hundred rows of the outbox do not cost two hundred readings, and one row's fault stays its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests

from gateway.app import Gateway
from gateway.sandbox.identity import ADMIN, REP
from tests.scenarios.lab import BILLED, Lab, ask, until
from tests.scenarios.test_outbox import answered, deal, pull, tell

ROWS = 200
Row = dict[str, Any]


def insert_many(lab: Lab, rows: list[Row], by: str = REP) -> list[str]:
    """What a flow over many records does: one DML statement."""
    token = lab.control("salesforce", "POST", "login", {"user": by})["access_token"]
    records = [{"attributes": {"type": "Stripe_Action__c"}, "Action__c": "send-invoice", **row} for row in rows]
    url = f"{lab.salesforce_url}/services/data/v65.0/composite/sobjects"
    body = {"allOrNone": True, "records": records}
    answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.ok, answer.text
    return [str(each["id"]) for each in answer.json()]


def with_products(lab: Lab, n: int) -> str:
    """A copy of the fleet deal: its account, its three products."""
    made = deal(lab, n)
    for line in lab.records("OpportunityLineItem"):
        if line["OpportunityId"] == lab.fleet:
            kept = {name: line[name] for name in ("PricebookEntryId", "Product2Id", "Quantity", "UnitPrice")}
            lab.save("OpportunityLineItem", {**kept, "Quantity": n + 1, "OpportunityId": made})
    return made


def statuses(lab: Lab, rows: list[str]) -> Counter[str]:
    wanted = set(rows)
    return Counter(row["Status__c"] for row in lab.records("Stripe_Action__c") if row["Id"] in wanted)


def seen(lab: Lab) -> int:
    return max((int(call["n"]) for call in lab.calls("salesforce")), default=0)


def reads(calls: list[Row]) -> list[str]:
    """Those that read: of the gateway's Composite calls, queries and descriptions."""
    return [c["path"] for c in calls if c["path"].endswith("/composite") or (c["method"] == "GET")]


def writes(calls: list[Row]) -> list[str]:
    return [c["path"] for c in calls if "/composite/graph" in c["path"] or "/composite/sobjects" in c["path"]]


@pytest.mark.plain  # it counts calls, and flows make some of their own
def test_two_hundred_rows_on_records_with_products_are_read_in_a_few_calls(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    deals = [with_products(lab, n) for n in range(ROWS)]

    async def story(gateway: Gateway) -> None:
        made = await ask(gateway, "create-customer", {"record_id": lab.account}, key="customer")
        assert made.envelope["success"], made.envelope
        rows = insert_many(lab, [{"Source_Record_Id__c": each, "Recipient_Email__c": BILLED} for each in deals])
        before = seen(lab)

        await pull(gateway)
        await until(lambda: statuses(lab, rows) == {"succeeded": ROWS}, 240, what="all answers")

        calls = lab.calls("salesforce", before)
        assert len(reads(calls)) <= 12, Counter(reads(calls))
        assert len(lab.objects("invoice")) == ROWS
        totals = {invoice["metadata"]["sf_record_id"]: invoice["subtotal"] for invoice in lab.objects("invoice")}
        assert totals == {each: (n + 1) * (120000 + 34950 + 18000) for n, each in enumerate(deals)}

    tell(lab, story)


def test_a_row_whose_record_is_not_to_be_had_is_refused_and_no_other(lab: Lab) -> None:
    mine, hidden, read_only = (with_products(lab, n) for n in range(3))
    for record, level in ((hidden, "None"), (read_only, "Read")):
        lab.share("Opportunity", record, level)

    async def story(gateway: Gateway) -> None:
        records = (mine, hidden, read_only, "006000000000001AAA")
        rows = insert_many(lab, [{"Source_Record_Id__c": each, "Recipient_Email__c": BILLED} for each in records])
        by_admin = insert_many(lab, [{"Source_Record_Id__c": hidden, "Recipient_Email__c": BILLED}], by=ADMIN)
        await pull(gateway)
        await until(lambda: "queued" not in statuses(lab, [*rows, *by_admin]), what="all answers")

        told = [(answered(lab, row)["Status__c"], answered(lab, row)["Error_Code__c"]) for row in rows]
        assert told == [("succeeded", None), *[("rejected", "no_such_record")] * 3]
        assert answered(lab, by_admin[0])["Status__c"] == "succeeded"

    tell(lab, story)


@pytest.mark.plain  # it counts calls, and flows make some of their own
def test_accounts_read_together_keep_their_own_contacts(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    accounts = []
    for n in range(3):
        accounts.append(lab.save("Account", {"Name": f"Shop {n}"}))
        for place in range(n):
            lab.save("Contact", {"LastName": f"Of {n}", "Email": f"c{place}@shop{n}.example", "AccountId": accounts[n]})

    async def story(gateway: Gateway) -> None:
        part = {"Requested_Currency__c": "USD", "Lines_Json__c": '[{"description": "Frames", "amount": "10.00"}]'}
        before = seen(lab)
        rows = insert_many(lab, [{"Source_Record_Id__c": each, **part} for each in accounts])
        await pull(gateway)
        await until(lambda: "queued" not in statuses(lab, rows), what="all answers")

        told = [answered(lab, row)["Error_Code__c"] for row in rows]
        assert told == ["no_recipient", None, "no_recipient"]  # nobody; the only contact; two of them
        assert [x["customer_email"] for x in lab.of_record("invoice", accounts[1])] == ["c0@shop1.example"]
        composites = [c for c in lab.calls("salesforce", before) if c["path"].endswith("/composite")]
        assert len(composites) == 1

    tell(lab, story)


def test_a_reading_that_fails_is_tried_again_for_all(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    deals = [with_products(lab, n) for n in range(3)]

    async def story(gateway: Gateway) -> None:
        rows = insert_many(lab, [{"Source_Record_Id__c": each, "Recipient_Email__c": BILLED} for each in deals])
        lab.fault("salesforce", "http_503", "*/composite", times=1)
        await pull(gateway)

        await until(lambda: statuses(lab, rows) == {"succeeded": 3}, 60, what="all answers")
        assert len(lab.objects("invoice")) == 3

    tell(lab, story)
