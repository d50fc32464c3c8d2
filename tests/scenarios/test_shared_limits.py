"""Two gateways on one PostgreSQL call Stripe no faster together than one may, and the simulator counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.sandbox.identity import ENTITY
from tests.scenarios.lab import Lab

pytestmark = pytest.mark.postgres
CALLS = 60  # by each: at the full rate for both, the simulator's own bucket of 25 would be empty after a second


@pytest.fixture
def limited(tmp_path: Path, postgres_url: str) -> Iterator[Lab]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Lab(folder, postgres_url)
    made.config_file.write_text(made.config_file.read_text().replace("rate_limits = false", "rate_limits = true"))
    made.control("stripe", "POST", "rate_limits", {"on": True})
    yield made
    made.close()


async def both_alive(*gateways: Gateway) -> None:
    async with asyncio.timeout(60):
        while any(gateway.tools.engine.processes < len(gateways) for gateway in gateways):  # noqa: ASYNC110 - heartbeats
            await asyncio.sleep(0.05)


def test_two_processes_together_are_never_told_to_slow_down(limited: Lab) -> None:
    async def story() -> None:
        async with limited.gateway() as one, limited.gateway() as two:
            await both_alive(one, two)
            calls = [
                gateway.tools.stripe.call(ENTITY, "GET", "/v1/customers", deadline=60.0, priority=2)
                for gateway in (one, two)
                for _ in range(CALLS)
            ]
            answers = await asyncio.gather(*calls)  # a 429 would be raised

        assert len(answers) == 2 * CALLS

    asyncio.run(story())
