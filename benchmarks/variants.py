"""What is compared: each a running server, and for the gateway the database behind it."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from benchmarks import servers
from benchmarks.load import Caller, Result
from benchmarks.servers import Server
from benchmarks.world import World
from gateway.engine.database import transaction
from gateway.engine.schema import job, mirror

NUMBERS = itertools.count(1)  # every request of a run is a record of its own, whichever variant it goes to


@dataclass
class Variant:
    """``url`` of the database is None for the floors: they have nothing to drain."""

    name: str
    server: Server
    world: World
    url: str | None = None
    numbers: Iterator[int] = field(default_factory=lambda: NUMBERS)
    sent: int = 0  # actions so far
    empty: int = 0  # bytes of its database before the first

    def load(self, concurrency: int, *, seconds: float = 0.0, count: int | None = None) -> Result:
        """Closed loop; raises when anything but a success was answered."""
        self.world.fresh_tokens()
        caller = Caller(self.world, f"{self.server.url}/v1/actions/send-invoice", self.numbers)
        result = asyncio.run(caller.run(concurrency, seconds=seconds, count=count))
        self.sent += len(result.times)
        if result.failures:
            raise RuntimeError(f"{self.name}: {len(result.failures)} failed, first: {result.failures[0]}")
        return result

    def drain(self, seconds: float = 60) -> float:
        """Wait until what was accepted is done and written back; seconds it took."""
        started = time.monotonic()
        if self.url is None:
            time.sleep(0.5)
            return 0.5
        while any(left := self.left()):
            if time.monotonic() - started > seconds:
                raise RuntimeError(f"{self.name}: after {seconds} s {left[0]} jobs and {left[1]} rows are left")
            time.sleep(0.05)
        return time.monotonic() - started

    def left(self) -> tuple[int, int]:
        """Jobs still to do and mirror rows Salesforce does not hold yet."""
        if self.url is None:
            return 0, 0
        with transaction(self.url, readonly=True) as conn:
            kinds = job.c.kind.in_(["action", "sender"])  # others stay, like the one that looks into the outbox
            jobs = conn.execute(sa.select(sa.func.count()).select_from(job).where(kinds)).scalar_one()
            unsent = sa.select(sa.func.count()).select_from(mirror).where(mirror.c.state.in_(["dirty", "uncertain"]))
            return jobs, conn.execute(unsent).scalar_one()

    def database_bytes(self) -> int:
        if self.url is None:
            return 0
        if self.url.startswith("sqlite"):
            # The write-ahead log beside it holds up to 4 MiB however many actions there are: it is put away first.
            path = self.url.removeprefix("sqlite:///")
            with sqlite3.connect(path) as log:
                log.execute("PRAGMA wal_checkpoint(PASSIVE)")
            return Path(path).stat().st_size
        with transaction(self.url, readonly=True) as conn:
            return int(conn.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def floor(kind: str, world: World) -> Variant:
    return Variant(kind, servers.floor(kind, world.public_key, world.upstream, world.folder), world)


def gateway(name: str, world: World, url: str) -> Variant:
    """A gateway on a migrated database, with the customer of all later invoices already made."""
    from gateway.engine.migrations import migrate

    migrate(url)
    port = servers.free_port()
    server = servers.gateway(name, world.config(name, port, url), port, world.folder)
    variant = Variant(name, server, world, url)
    variant.empty = variant.database_bytes()
    headers, body = world.customer()
    made = urllib.request.Request(f"{server.url}/v1/actions/create-customer", body, headers)
    with urllib.request.urlopen(made, timeout=60) as answer:
        if not json.load(answer)["success"]:
            raise RuntimeError(f"{name}: no customer was made")
    variant.load(1, count=1)
    variant.drain()
    return variant
