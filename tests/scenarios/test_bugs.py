"""What a bug of ours does to callers and to the record's other work: here it meets rows that somebody has damaged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.app import Gateway
from gateway.engine import ledger
from gateway.engine.database import transaction
from gateway.engine.schema import action, job
from tests.scenarios.lab import Lab, ask, until
from tests.scenarios.test_http import Caller, caller

__all__ = ["caller"]  # the fixture


# A bug that stands never lets an org with flows come to rest.
pytestmark = pytest.mark.plain


def damage(conn: Connection, action_id: str, **values: Any) -> None:
    assert conn.execute(action.update().where(action.c.id == action_id).values(**values)).rowcount == 1


async def two_on_a_record(lab: Lab, gateway: Gateway, column: str, damaged: dict[str, Any]) -> tuple[str, str]:
    """An action whose handler will crash, and one that stands behind it."""
    tools, members = gateway.tools, {"record_id": lab.fleet, "amount": "50.00", "currency": "USD"}
    tools.engine.slots.closed = True  # so that both are read back, as after a restart
    crashing = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="a", wait=0)
    behind = await ask(gateway, "create-payment-link", members, key="b", wait=0)
    sealed = ledger.seal(tools.sealer, damaged, f"action.{column}:{crashing.action_id}")
    await tools.store.write(lambda conn: damage(conn, crashing.action_id, **{column: sealed}))
    tools.engine.slots.closed = False
    tools.engine.poke()
    return crashing.action_id, behind.action_id


def jobs_of(lab: Lab) -> dict[str, tuple[str, int]]:
    """State and failed attempts of the actions' jobs that have not ended."""
    with transaction(lab.database, readonly=True) as conn:
        rows = conn.execute(sa.select(job.c.id, job.c.state, job.c.attempts).where(job.c.kind == "action"))
        return {row.id: (row.state, row.attempts) for row in rows}


def test_a_crash_before_there_is_a_plan_lets_the_records_other_work_go_first(lab: Lab) -> None:
    async def story() -> tuple[str, str]:
        async with lab.gateway() as gateway:
            ids = await two_on_a_record(lab, gateway, "body", {"record_id": 5})
            await until(lambda: ids[1] not in jobs_of(lab), what="the action behind the crashing one")
            return ids

    crashing, _ = asyncio.run(story())

    assert jobs_of(lab)[crashing][1] >= 1
    assert len(lab.objects("payment_link")) == 1


def test_a_crash_with_a_plan_keeps_the_record_to_itself(lab: Lab) -> None:
    async def story() -> tuple[str, str]:
        async with lab.gateway() as gateway:
            ids = await two_on_a_record(lab, gateway, "plan", {"steps": 5})
            await until(lambda: jobs_of(lab)[ids[0]][1] >= 2, what="the second crash")
            return ids

    _, behind = asyncio.run(story())

    assert jobs_of(lab)[behind] == ("ready", 0)


def test_a_bug_is_answered_500_and_asks_nobody_to_come_back(caller: Caller) -> None:
    done = caller("POST", "/v1/actions/create-customer", {"record_id": caller.lab.account}, Idempotency_Key="k").json()
    with transaction(caller.lab.database) as conn:
        damage(conn, done["action_id"], envelope="{")

    told = caller("GET", f"/v1/actions/{done['action_id']}")

    assert (told.status_code, told.json()["error_code"], told.json()["retryable"]) == (500, "internal_error", False)
    assert "Retry-After" not in told.headers
    assert told.json()["request_id"] == told.headers["X-Request-Id"]
