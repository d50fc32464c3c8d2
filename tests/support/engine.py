"""Stores and engines for tests: opened, used, closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.engine.clock import Clock, SystemClock
from gateway.engine.retry import RetryPolicy
from gateway.engine.store import Store
from gateway.engine.worker import Engine, Handler

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
