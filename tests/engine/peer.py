"""A gateway process for tests of several: enters jobs of its own, runs what it gets, writes who did what to a table."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from gateway.engine.clock import SystemClock
from gateway.engine.settings import put_setting
from gateway.engine.store import Store
from gateway.engine.worker import Claim, Done, Engine, Job, Verdict


async def main(url: str, name: str, *, seconds: float, lease: float, enter: list[str]) -> None:
    """Run until killed; ``enter`` are ``id@lane``."""
    store = Store.open(url, clock=SystemClock())
    store.bind(asyncio.get_running_loop())

    async def handle(claim: Claim) -> Verdict:
        store.write_soon(lambda conn: put_setting(conn, f"began:{claim.id}:{name}", str(os.getpid())))
        await asyncio.sleep(seconds)
        return Done(lambda conn: put_setting(conn, f"ended:{claim.id}", name))

    engine = Engine(store, store.clock, {"k": handle}, lease=lease)
    await engine.start()
    for entry in enter:
        job_id, lane = entry.split("@")
        await store.write(lambda conn, j=job_id, lane=lane: engine.enqueue(conn, Job(j, "k", lane)))
    print("ready", flush=True)  # noqa: T201 - the test reads it
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("--seconds", type=float, default=0.02)
    parser.add_argument("--lease", type=float, default=10.0)
    parser.add_argument("--enter", nargs="*", default=[])
    told = parser.parse_args()
    sys.exit(asyncio.run(main(told.url, told.name, seconds=told.seconds, lease=told.lease, enter=told.enter)))
