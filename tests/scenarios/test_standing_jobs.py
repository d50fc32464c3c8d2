"""What looks for work for ever is not worn out by what failed meanwhile, and ends where there is nothing to do."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from gateway.app import Gateway
from gateway.engine.schema import job
from gateway.engine.settings import get_setting, put_setting
from gateway.pipeline import outbox
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import BILLED, Lab, in_time, tell
from tests.scenarios.test_outbox import answered, insert

MORE_THAN_ANY_BUDGET = 15
_OUTBOX = sa.select(job.c.state, job.c.attempts).where(job.c.id == f"outbox:{ORG}")


async def until_tried(gateway: Gateway, times: int) -> None:
    """That many looks have failed; each failure's pause passes at once."""
    async with asyncio.timeout(100):
        while True:
            row = await gateway.tools.store.read(lambda conn: conn.execute(_OUTBOX).one())
            if row.attempts >= times or row.state == "dead":
                return
            gateway.tools.clock.offset += 120  # type: ignore[attr-defined]  # the system's clock can be moved
            gateway.tools.engine.poke()
            await asyncio.sleep(0.05)


def test_an_outbox_that_failed_many_times_is_still_looked_at(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        store, name = gateway.tools.store, f"{outbox.FIRST_SEEN}{ORG}"
        known = await store.read(lambda conn: get_setting(conn, name))
        await store.write(lambda conn: put_setting(conn, name, "no time"))
        await until_tried(gateway, MORE_THAN_ANY_BUDGET)
        await store.write(lambda conn: put_setting(conn, name, str(known)))
        row = insert(lab, Recipient_Email__c=BILLED)

        await in_time(lab, gateway, lambda: answered(lab, row)["Status__c"] != "queued", "the row's answer")

        assert answered(lab, row)["Status__c"] == "succeeded"

    tell(lab, story)


@pytest.mark.plain  # an org that is not configured fights nobody
def test_the_outbox_of_an_org_that_is_no_longer_configured_is_not_looked_at_for_ever(sqlite_lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        elsewhere = "00D5g00000ZZZZZEAA"

        await gateway.tools.store.write(lambda conn: outbox.wake(conn, gateway.tools, elsewhere))

        assert await gateway.tools.engine.wait(f"outbox:{elsewhere}", 60)
        left = await gateway.tools.store.read(lambda conn: [row.id for row in conn.execute(sa.select(job.c.id))])
        assert f"outbox:{elsewhere}" not in left

    tell(sqlite_lab, story)
