"""A refresh names, at the head of its commit, what it contends for with other processes: no circle of waiting (R5)."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.app import Gateway
from gateway.engine.lanes import Claim
from gateway.engine.worker import Done
from gateway.pipeline.refresh import refresh
from gateway.records import dumps
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import Lab, ask


async def touched(lab: Lab, gateway: Gateway, kind: str, stripe_id: str) -> set[str]:
    """What the refresh of that object would lock."""
    told: dict[str, Any] = {
        "org": ORG, "entity": "us", "kind": kind, "id": stripe_id, "sobject": "Opportunity", "record_id": lab.fleet,
        "owner": {},
    }  # fmt: skip
    job_id = f"refresh:us:{stripe_id}"
    payload = gateway.tools.sealer.seal(dumps(told).encode(), f"job.payload:{job_id}")
    claim = Claim(job_id, "refresh", "lane", 1, 1, 0, "", payload, 0.0, 1, None, None)
    verdict = await refresh(gateway.tools, claim)
    assert isinstance(verdict, Done)
    return set(verdict.touches)


def test_a_refresh_locks_the_stamp_and_of_a_refund_its_charge_too(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            [invoice] = lab.of_record("invoice", lab.fleet)
            lab.pay(invoice)
            await ask(gateway, "refund-payment", {"record_id": lab.fleet, "amount": "1.00"}, key="r")
            [refund], stamp = lab.objects("refund"), f"stamp:{ORG}:{lab.fleet}"

            assert await touched(lab, gateway, "invoice", invoice["id"]) == {stamp}
            assert await touched(lab, gateway, "refund", refund["id"]) == {stamp, f"charge:us:{refund['charge']}"}

    asyncio.run(story())
