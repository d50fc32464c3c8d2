"""Rows that people and flows insert in Salesforce are done once, as their creators, whatever happens to the callout."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import requests

from gateway.app import Gateway
from gateway.pipeline import outbox
from gateway.sandbox.identity import ADMIN, ORG, REP
from tests.scenarios.effects import Crash, Effects, Point, drop
from tests.scenarios.lab import BILLED, Lab, ask, truth, until

Story = Callable[[Gateway], Awaitable[None]]


def tell(lab: Lab, story: Story) -> None:
    async def whole() -> None:
        async with lab.gateway() as gateway:
            await story(gateway)

    asyncio.run(whole())


def rest(lab: Lab, by: str, method: str, path: str, fields: dict[str, Any]) -> Any:
    """A call of that user's own session."""
    token = lab.control("salesforce", "POST", "login", {"user": by})["access_token"]
    url = f"{lab.salesforce_url}/services/data/v65.0/sobjects/{path}"
    answer = requests.request(method, url, json=fields, headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def insert(lab: Lab, *, by: str = REP, **columns: Any) -> str:
    """What Flow or Apex does: one row, as that user."""
    fields = {"Action__c": "send-invoice", "Source_Record_Id__c": lab.fleet, **columns}
    return str(rest(lab, by, "POST", "Stripe_Action__c", fields)["id"])


def answered(lab: Lab, row_id: str) -> dict[str, Any]:
    return lab.record("Stripe_Action__c", row_id)


async def pull(gateway: Gateway) -> None:
    await gateway.tools.store.write(lambda conn: outbox.wake(conn, gateway.tools, ORG))


async def until_answered(lab: Lab, *rows: str) -> None:
    await until(lambda: all(answered(lab, row)["Status__c"] != "queued" for row in rows), what="the rows' answers")


def test_a_row_becomes_an_invoice_and_is_told_so_itself(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        row = insert(lab, Recipient_Email__c=BILLED, Po_Number__c="PO 7", Days_Until_Due__c=14)

        await pull(gateway)
        await until_answered(lab, row)

        told = answered(lab, row)
        [invoice] = lab.of_record("invoice", lab.fleet)
        assert (told["Status__c"], told["Stripe_Id__c"]) == ("succeeded", invoice["id"])
        assert (told["Caller__c"], told["Caller_Kind__c"]) == (REP, "outbox")
        assert {"name": "PO number", "value": "PO 7"} in invoice["custom_fields"]
        assert len(lab.asked()) == 2  # the row, and that of the customer that was made
        await until(lambda: not list(truth(lab, lab.fleet)), what="the write-back")

    tell(lab, story)


def test_a_callout_that_is_lost_loses_nothing(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await asyncio.sleep(1)  # the look at the start
        row = insert(lab, Recipient_Email__c=BILLED)

        gateway.tools.clock.offset += 61  # type: ignore[attr-defined]  # the system's clock can be moved
        gateway.tools.engine.poke()

        await until_answered(lab, row)
        assert len(lab.of_record("invoice", lab.fleet)) == 1

    tell(lab, story)


def test_rows_that_came_while_the_gateway_was_down_are_found_when_it_starts(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(_: Gateway) -> None:
        pass

    tell(lab, story)  # the org is known from now on
    row = insert(lab, Recipient_Email__c=BILLED)

    async def again(_: Gateway) -> None:
        await until_answered(lab, row)

    tell(lab, again)


def test_a_row_is_done_once_however_often_it_is_read(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        lab.fault("salesforce", "http_503", "*/composite/graph*", times=2)
        row = insert(lab, Recipient_Email__c=BILLED)
        for _ in range(10):
            await pull(gateway)
            await asyncio.sleep(0.1)

        await until_answered(lab, row)

        assert [x["status"] for x in lab.of_record("invoice", lab.fleet)] == ["open"]

    tell(lab, story)


@pytest.mark.plain
def test_a_crash_at_any_effect_of_the_pull_loses_and_doubles_nothing(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def dies_at(point: Point | None, deal: str) -> list[Point]:
        effects = Effects()
        dying = await lab.boot(effects.watch)
        row = insert(lab, Source_Record_Id__c=deal, **PARTS)
        effects.arm(point)
        await pull_unless_dead(dying)
        await until(lambda: effects.dead or answered(lab, row)["Status__c"] != "queued", what="death or the answer")
        await drop(dying)
        async with lab.gateway():
            await until_answered(lab, row)
            assert [x["status"] for x in lab.of_record("invoice", deal)] == ["open"], point
        return effects.seen

    async def story() -> None:
        seen = await dies_at(None, deal(lab, 0))
        assert len(seen) >= 5
        for n, point in enumerate(dict.fromkeys(seen), start=1):
            await dies_at(point, deal(lab, n))

    asyncio.run(story())


PARTS = {
    "Recipient_Email__c": BILLED,
    "Requested_Currency__c": "USD",
    "Lines_Json__c": '[{"description": "Frames", "amount": "10.00"}]',
}


async def pull_unless_dead(gateway: Gateway) -> None:
    with contextlib.suppress(Crash):
        await pull(gateway)


@pytest.mark.plain  # it counts calls, and flows make some of their own
def test_two_hundred_rows_are_read_in_one_call_and_each_is_answered(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await asyncio.sleep(1)
        deals = [deal(lab, n) for n in range(200)]
        rows = [
            insert(lab, Source_Record_Id__c=deal, Action__c="create-payment-link",
                   Requested_Amount__c=50 + n, Requested_Currency__c="USD", Description__c=f"Deal {n}")
            for n, deal in enumerate(deals)
        ]  # fmt: skip
        before = _queries(lab)

        await pull(gateway)
        await until(lambda: all(answer["Status__c"] == "succeeded" for answer in _answers(lab, rows)), 120)

        assert _queries(lab) - before <= 2  # a full page, and the one that shows there is no more
        assert len(lab.objects("payment_link")) == 200
        assert sum("/describe" in call["path"] for call in lab.calls("salesforce")) <= 3  # asked once for all of them

    tell(lab, story)


def deal(lab: Lab, n: int) -> str:
    fields = {"Name": f"Deal {n}", "AccountId": lab.account, "StageName": "Prospecting", "CloseDate": "2027-12-31"}
    made = lab.control("salesforce", "POST", "records", {"sobject": "Opportunity", "fields": fields})
    return str(made["id"])


def _queries(lab: Lab) -> int:
    return sum(
        "/query" in call["path"] and "Stripe_Action__c" in str(call["params"]) for call in lab.calls("salesforce")
    )


def _answers(lab: Lab, rows: list[str]) -> list[dict[str, Any]]:
    wanted = set(rows)
    return [row for row in lab.records("Stripe_Action__c") if row["Id"] in wanted]


REFUSED = [
    ({"Source_Record_Id__c": "006000000000001"}, "no_such_record"),
    ({"Source_Record_Id__c": "not an id"}, "invalid_id"),
    ({"Payment_Id__c": "pi_3QabcdefghijklmnopqrstUv"}, "column_not_used"),
    ({"Lines_Json__c": "[{"}, "malformed_request"),
    ({"Lines_Json__c": '{"a": 1}'}, "invalid_json"),
    ({"Options_Json__c": '{"request_key": "mine"}'}, "option_said_twice"),
    ({"Options_Json__c": '{"recipient_email": "x@y.example"}'}, "option_said_twice"),
    ({"Options_Json__c": '{"nonsense": 1}'}, "unknown_member"),
    ({"Requested_Amount__c": 0, "Requested_Currency__c": "USD"}, "amount_too_small"),
    ({"Portion_Percent__c": 0}, "invalid_portion"),
    ({"Days_Until_Due__c": 0}, "invalid_member"),
    ({"Requested_Amount__c": 10.123, "Requested_Currency__c": "USD"}, "invalid_amount"),
    ({"Description__c": "card 4242 4242 4242 4242"}, "card_data_refused"),
    ({"Action__c": "sync-status"}, "unknown_action"),
]


@pytest.mark.parametrize(("columns", "code"), REFUSED, ids=[code for _, code in REFUSED])
def test_a_row_that_cannot_be_done_is_answered_with_the_reason_and_stops_no_other(
    sqlite_lab: Lab, columns: dict[str, Any], code: str
) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        wrong = insert(lab, Recipient_Email__c=BILLED, **columns)
        right = insert(lab, Recipient_Email__c=BILLED)

        await pull(gateway)
        await until_answered(lab, wrong, right)

        assert (answered(lab, wrong)["Status__c"], answered(lab, wrong)["Error_Code__c"]) == ("rejected", code)
        assert answered(lab, wrong)["User_Message__c"]
        assert answered(lab, right)["Status__c"] == "succeeded"

    tell(lab, story)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"Action__c": "refund-payment", "Requested_Amount__c": 0}, "invalid_amount"),
        (
            {"Action__c": "create-payment-link", "Requested_Amount__c": 0, "Requested_Currency__c": "USD"},
            "amount_too_small",
        ),
        (
            {"Action__c": "refund-payment", "Options_Json__c": '{"invoice": "in_1Qabcdefghijklmnopqrstuv"}'},
            "option_said_twice",
        ),
    ],
    ids=["refund of nothing", "link over nothing", "payment among the options"],
)
def test_an_amount_of_zero_never_means_all_of_it(sqlite_lab: Lab, columns: dict[str, Any], code: str) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        sent = await ask(gateway, "send-invoice", {"record_id": lab.fleet, "recipient_email": BILLED}, key="i")
        lab.pay(lab.of_record("invoice", lab.fleet)[0])
        row = insert(lab, **columns)

        await pull(gateway)
        await until_answered(lab, row)

        assert sent.envelope["success"], sent.envelope
        assert (answered(lab, row)["Status__c"], answered(lab, row)["Error_Code__c"]) == ("rejected", code)
        assert lab.objects("refund") == lab.objects("payment_link") == []

    tell(lab, story)


def test_a_row_that_somebody_else_changed_is_refused_for_good(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        row = insert(lab, Recipient_Email__c=BILLED)
        rest(lab, ADMIN, "PATCH", f"Stripe_Action__c/{row}", {"OwnerId": ADMIN})

        await pull(gateway)
        await until_answered(lab, row)

        assert answered(lab, row)["Error_Code__c"] == "row_was_changed"
        assert lab.of_record("invoice", lab.fleet) == []

    tell(lab, story)


def test_rows_older_than_the_first_sight_of_the_org_are_left_alone(sqlite_lab: Lab) -> None:
    """A refreshed sandbox carries production's rows."""
    lab = sqlite_lab
    old = insert(lab, Recipient_Email__c=BILLED)
    lab.control("salesforce", "POST", "clock", {"advance": 900})

    async def story() -> None:
        gateway = await lab.boot(late=900)
        new = insert(lab, Recipient_Email__c=BILLED)
        await pull(gateway)
        await until_answered(lab, new)
        await gateway.stop()

    asyncio.run(story())
    assert (answered(lab, old)["Status__c"], len(lab.of_record("invoice", lab.fleet))) == ("queued", 1)
