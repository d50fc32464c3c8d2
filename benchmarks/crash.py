"""kill -9 under load: how long until what was accepted is done, by the same process restarted or by a peer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import replace

import sqlalchemy as sa

from benchmarks import servers
from benchmarks.load import Caller
from benchmarks.variants import Variant
from gateway.engine.database import transaction
from gateway.engine.schema import job

UNDER_LOAD = 2.0  # seconds before the kill


def recovery(variant: Variant) -> tuple[float, int]:
    """Seconds from the restarted process being up until nothing is left to do, and how many jobs it found."""
    interrupted = _kill_under_load(variant)
    old = variant.server
    config = variant.world.folder / f"{old.name}.toml"
    variant.server = servers.gateway(old.name, config, old.port, variant.world.folder)
    up = time.monotonic()
    _until_done(variant, interrupted)
    return time.monotonic() - up, len(interrupted)


def takeover(variant: Variant, peer: Variant) -> tuple[float, int]:
    """Seconds from the kill until a peer on the same database has done what the killed process had accepted."""
    interrupted = _kill_under_load(variant)
    killed = time.monotonic()
    _until_done(peer, interrupted)
    return time.monotonic() - killed, len(interrupted)


def _kill_under_load(variant: Variant) -> set[str]:
    caller = Caller(variant.world, f"{variant.server.url}/v1/actions/send-invoice", variant.numbers)
    load = threading.Thread(target=_run, args=(caller,), daemon=True)
    load.start()
    time.sleep(UNDER_LOAD)
    variant.server.kill()
    left = _jobs(variant)
    load.join(30)
    return left


def _run(caller: Caller) -> None:
    with contextlib.suppress(OSError):
        asyncio.run(caller.run(16, seconds=UNDER_LOAD + 0.5))


def _jobs(variant: Variant) -> set[str]:
    assert variant.url is not None
    with transaction(variant.url, readonly=True) as conn:
        return set(conn.execute(sa.select(job.c.id).where(job.c.kind == "action")).scalars())


def _until_done(variant: Variant, interrupted: set[str]) -> None:
    until = time.monotonic() + 60
    while interrupted & _jobs(variant):
        if time.monotonic() > until:
            raise RuntimeError(f"{variant.name}: {len(interrupted & _jobs(variant))} actions are stuck")
        time.sleep(0.02)


def peer_of(variant: Variant) -> Variant:
    """A second process on the same database."""
    assert variant.url is not None
    name, port = f"{variant.name}-peer", servers.free_port()
    config = variant.world.config(name, port, variant.url)
    return replace(variant, name=name, server=servers.gateway(name, config, port, variant.world.folder))
