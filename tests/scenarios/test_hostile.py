"""The org that was customised against everybody: what each of its peculiarities may and may not do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.hostile import judge
from tests.scenarios.lab import Lab, ask, until


@pytest.fixture
def hostile(tmp_path: Path, sqlite_url: str) -> Iterator[Lab]:
    (tmp_path / "world").mkdir()
    made = Lab(tmp_path / "world", sqlite_url, profile="hostile")
    yield made
    made.close()


def test_a_flow_that_asks_on_every_save_makes_the_stamp_settle_and_one_invoice(hostile: Lab) -> None:
    lab = hostile

    async def story() -> None:
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="k")
            assert answer.envelope["success"], answer.envelope
            await until(lambda: lab.record("Opportunity", lab.fleet).get("Stripe_Status__c") == "Invoice Open")
        await judge(lab)

    asyncio.run(story())

    assert [x["status"] for x in lab.of_record("invoice", lab.fleet)] == ["open"]
