"""Stores and engines for tests: opened, used, closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.engine import lanes
from gateway.engine.clock import Clock, SystemClock
from gateway.engine.retry import RetryPolicy
from gateway.engine.store import Store
from gateway.engine.worker import Claim, Engine, Handler, Job

QUICK = RetryPolicy(first=0.01, factor=1.0, cap=0.01, attempts=3)


@asynccontextmanager
async def opened(url: str, *, clock: Clock | None = None, busy: float = 2.0) -> AsyncIterator[Store]:
    """A bound store."""
    store = Store.open(url, clock=clock or SystemClock(), busy=busy)
    store.bind(asyncio.get_running_loop())
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


@asynccontextmanager
async def running(url: str, handlers: Mapping[str, Handler], **options: Any) -> AsyncIterator[Engine]:
    """A started engine that looks for work often; quick retries unless ``policies`` say otherwise."""
    policies = options.pop("policies", dict.fromkeys(handlers, QUICK))
    clock = options.pop("clock", None) or SystemClock()
    async with opened(url, clock=clock) as store:
        engine = Engine(store, clock, handlers, policies=policies, **{"poll": 0.05, **options})
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop(2.0)


async def enter(engine: Engine, *entered: Job, here: bool = True) -> list[Claim | None]:
    """One write for all of them; what `enqueue` answered for each."""
    return await engine.store.write(lambda conn: [engine.enqueue(conn, job, here=here) for job in entered])


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that no event tells of; fails after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - looks at state that other threads and processes change
            await asyncio.sleep(0.01)


async def wait_gone(engine: Engine, job_id: str, seconds: float = 60.0) -> None:
    """Until the row is gone; `Engine.wait` counts death as an end, which a replayed job has behind it."""
    async with asyncio.timeout(seconds):
        while await engine.store.read(lambda conn: lanes.state_of(conn, job_id)) is not None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
