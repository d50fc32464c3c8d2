"""A row that the gateway fails at keeps its failure to itself: the rows read with it are done, and it is answered."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gateway.app import Gateway
from gateway.engine import ledger
from gateway.sandbox.identity import ORG, REP
from tests.scenarios.lab import Lab
from tests.scenarios.test_outbox import PARTS, answered, insert, pull, tell, until_answered


async def break_at(gateway: Gateway, table: str, column: str, value: str) -> None:
    """From now on this database cannot take that row: what a bug or a damaged page looks like from above."""
    trigger = (
        f"CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} WHEN NEW.{column} = '{value}' "
        "BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    await gateway.tools.store.write(lambda conn: conn.execute(sa.text(trigger)))


def queued(lab: Lab, n: int) -> str:
    deal = {"Name": f"Deal {n}", "AccountId": lab.account, "StageName": "Prospecting", "CloseDate": "2027-12-31"}
    return insert(lab, Source_Record_Id__c=lab.save("Opportunity", deal), **PARTS)


def test_a_row_the_gateway_fails_at_is_refused_and_stops_no_other(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        gateway.tools.engine.slots.closed = True  # no look before all is there
        first, failing, last = (queued(lab, n) for n in range(3))
        await break_at(gateway, "action", "request_key", failing)
        gateway.tools.engine.slots.closed = False
        await pull(gateway)
        await until_answered(lab, first, failing, last)

        assert [answered(lab, row)["Status__c"] for row in (first, failing, last)] == [
            "succeeded", "rejected", "succeeded",
        ]  # fmt: skip
        told = answered(lab, failing)
        assert told["Error_Code__c"] == "internal_error"
        assert "insert a new row" in told["User_Message__c"]
        assert await gateway.tools.store.read(lambda conn: ledger.by_key(conn, ORG, REP, failing)) is None

    tell(lab, story)


@pytest.mark.plain  # the database stays broken for this row, so the story never comes to rest
def test_a_row_that_cannot_even_be_answered_stops_no_other(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        gateway.tools.engine.slots.closed = True
        first, failing, last = (queued(lab, n) for n in range(3))
        await break_at(gateway, "action", "request_key", failing)
        await break_at(gateway, "mirror", "key", failing)
        gateway.tools.engine.slots.closed = False
        await pull(gateway)
        await until_answered(lab, first, last)

        assert answered(lab, failing)["Status__c"] == "queued"

    tell(lab, story)
