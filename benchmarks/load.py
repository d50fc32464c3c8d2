"""A closed loop of N callers with tokens made beforehand; every request is a record and a key of its own."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from benchmarks.world import World


@dataclass
class Result:
    """Seconds per answered request, in order of their end; anything but a success is listed."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    pending: int = 0  # answered 202: goes on in the background

    @property
    def rps(self) -> float:
        return len(self.times) / self.seconds if self.seconds else 0.0

    def at(self, share: float) -> float:
        """The ``share`` quantile in milliseconds."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


@dataclass
class Caller:
    """Sends until the time is over or the numbers run out."""

    world: World
    url: str
    numbers: Iterator[int]
    result: Result = field(default_factory=Result)

    async def run(self, concurrency: int, *, seconds: float = 0.0, count: int | None = None) -> Result:
        numbers = itertools.islice(self.numbers, count)
        started = time.perf_counter()
        until = started + seconds if seconds else float("inf")
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
            await asyncio.gather(*(self._loop(session, numbers, until) for _ in range(concurrency)))
        self.result.seconds = time.perf_counter() - started
        return self.result

    async def _loop(self, session: aiohttp.ClientSession, numbers: Iterator[int], until: float) -> None:
        while time.perf_counter() < until:
            n = next(numbers, None)
            if n is None:
                return
            await self._one(session, n)

    async def _one(self, session: aiohttp.ClientSession, n: int) -> None:
        headers, body = self.world.request(n)
        started = time.perf_counter()
        try:
            async with session.post(self.url, data=body, headers=headers) as response:
                text = await response.text()
        except aiohttp.ClientError as exc:
            self.result.failures.append(type(exc).__name__)
            return
        if response.status == 202:
            self.result.pending += 1
        elif response.status != 200 or '"success":true' not in text.replace(" ", ""):
            self.result.failures.append(f"{response.status} {text[:300]}")
            return
        self.result.times.append(time.perf_counter() - started)
