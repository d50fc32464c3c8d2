"""A simulated org on a real port, and the real simple-salesforce talking to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from simple_salesforce import Salesforce

from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from tests.support.salesforce_org import Maker, World, world_json


@pytest.fixture
def make_world() -> Iterator[Maker]:
    """Starts orgs with the given members of the world changed; stops them at the end."""
    servers: list[Server] = []

    def make(**changes: Any) -> World:
        server = Server(create_app(SalesforceWorld.from_json(world_json(**changes))))
        servers.append(server)
        return World(server.start())

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def plain_org() -> Iterator[World]:
    with Server(create_app(SalesforceWorld.from_json(world_json()))) as server:
        yield World(server.url)


@pytest.fixture
def world(plain_org: World) -> World:
    """The plain org, made new for every test."""
    plain_org.control("reset", {})
    return plain_org


@pytest.fixture
def sf(world: World) -> Iterator[Salesforce]:
    client = world.login()
    yield client
    client.session.close()
