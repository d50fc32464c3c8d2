"""A simulated org on a real port for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from tests.support.salesforce_org import World, world_json
from tests.support.writeback import opportunities

MakeOrg = Callable[..., World]


@pytest.fixture
def make_org() -> Iterator[MakeOrg]:
    """Starts orgs with that many opportunities and the given members of the world changed."""
    servers: list[Server] = []

    def make(count: int = 1, **changes: Any) -> World:
        seed = changes.pop("seed", None) or opportunities(count)
        server = Server(create_app(SalesforceWorld.from_json(world_json(seed=seed, **changes))))
        servers.append(server)
        return World(server.start())

    yield make
    for server in servers:
        server.stop()
