"""What tests of outages look at and do: clocks, circuits, statuses."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import sqlalchemy as sa

from gateway.app import Gateway
from gateway.engine.circuit import open_circuits
from gateway.engine.clock import SystemClock
from gateway.engine.schema import action, job
from gateway.pipeline.accept import Answer
from gateway.pipeline.project import stir_refresh
from gateway.pipeline.work import load
from gateway.sandbox.identity import ENTITY
from tests.scenarios.lab import PATIENCE, Lab

US = f"stripe:{ENTITY}"


def back(lab: Lab, missed: float) -> None:
    """Stripe can be reached again, its clock where everybody's is."""
    lab.stripe_server.start()
    lab.control("stripe", "POST", "clock", {"advance": missed})


def move(lab: Lab, gateway: Gateway, seconds: float) -> None:
    """Everybody's clock goes forward; a simulator that is away is not told until it is back."""
    clock = gateway.tools.clock
    assert isinstance(clock, SystemClock)
    clock.offset += seconds
    lab.control("salesforce", "POST", "clock", {"advance": seconds})
    gateway.tools.engine.poke()


async def scopes(gateway: Gateway) -> list[str]:
    return [each.scope for each in await gateway.tools.store.read(open_circuits)]


async def open_now(gateway: Gateway, scope: str = US) -> None:
    async with asyncio.timeout(PATIENCE):
        while scope not in gateway.tools.engine.open_scopes:  # noqa: ASYNC110 - looks at what another task has seen
            await asyncio.sleep(0.02)


async def closed_now(gateway: Gateway) -> None:
    """Every circuit has closed; a minute passes for the gateway wherever a probe came too early."""
    clock = gateway.tools.clock
    assert isinstance(clock, SystemClock)
    async with asyncio.timeout(PATIENCE):
        while await scopes(gateway):
            for _ in range(100):
                await asyncio.sleep(0.05)
                if not await scopes(gateway):
                    return
            clock.offset += 61
            gateway.tools.engine.poke()


async def states(gateway: Gateway) -> Counter[str]:
    query = sa.select(job.c.state, sa.func.count()).where(job.c.kind != "sender").group_by(job.c.state)
    rows = await gateway.tools.store.read(lambda conn: conn.execute(query).all())
    return Counter(dict(rows))


async def read_again(gateway: Gateway, answer: Answer) -> None:
    """As an event of Stripe would have it: the object is to be read again."""
    tools = gateway.tools
    work = await tools.store.read(lambda conn: load(conn, tools.sealer, answer.action_id))
    await tools.store.write(lambda conn: stir_refresh(conn, tools, work, "invoice", answer.envelope["stripe_id"]))


async def statuses(gateway: Gateway) -> Counter[str]:
    """Of what the story asked for; a hostile org's flows ask too, through the outbox."""
    query = sa.select(action.c.status, sa.func.coalesce(action.c.error_code, "")).where(
        action.c.caller_kind != "outbox"
    )
    rows = await gateway.tools.store.read(lambda conn: conn.execute(query).all())
    return Counter(f"{row.status} {row[1]}".strip() for row in rows)


def orders(lab: Lab) -> list[dict[str, Any]]:
    return [lab.invoice_members(record_id=record) for record in lab.opportunities.values()]


def calls_of(page: bytes) -> list[str]:
    lines = [line for line in page.decode().splitlines() if line.startswith("gateway_upstream_calls_total{")]
    return [line for line in lines if "/v1/invoices" in line]
