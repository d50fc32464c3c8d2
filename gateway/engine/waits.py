"""Who waits here for the end of a job, wherever it runs: told by its commit, by a peer's note, or by looking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.engine import lanes
from gateway.engine.database import StoreUnavailable
from gateway.engine.store import Store

_LOOK = 1.0  # seconds between looks at a job that does not run in this process


class Waits:
    """``is_local`` tells whether a job runs in this process: then its end will be heard, and nobody needs to look."""

    def __init__(self, store: Store, is_local: Callable[[str], bool]) -> None:
        self._store = store
        self._is_local = is_local
        self._futures: dict[str, set[asyncio.Future[None]]] = {}

    def ended(self, job_id: str) -> None:
        """Tell everybody who waits for it."""
        for future in self._futures.pop(job_id, ()):
            if not future.done():
                future.set_result(None)

    def ended_elsewhere(self, job_ids: list[str]) -> None:
        """A peer's note: it ended these jobs."""
        for job_id in job_ids:
            self.ended(job_id)

    async def wait(self, job_id: str, seconds: float) -> bool:
        """
        Whether the job was not, or no longer, to be run within ``seconds``.

        A job that has ended leaves no row, so an id that never was is answered True as well: whoever waits has entered
        the job, or has read of it in the ledger.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        future: asyncio.Future[None] = loop.create_future()
        self._futures.setdefault(job_id, set()).add(future)
        try:
            while not future.done():
                if not self._is_local(job_id) and await self._gone(job_id):
                    return True
                left = until - loop.time()
                if left <= 0:
                    return future.done()
                await asyncio.wait((future,), timeout=min(left, _LOOK))
            return True
        finally:
            self._forget(job_id, future)

    def _forget(self, job_id: str, future: asyncio.Future[None]) -> None:
        waiting = self._futures.get(job_id)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._futures[job_id]

    async def _gone(self, job_id: str) -> bool:
        try:
            state = await self._store.read(lambda conn: lanes.state_of(conn, job_id))
        except StoreUnavailable:
            return False
        return state in {None, "dead"}
