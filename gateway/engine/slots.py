"""The jobs this process runs: their tasks, how many more there is room for, and the tokens they are claimed with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from gateway.engine.lanes import Claim, Holder
from gateway.engine.pauses import Pause
from gateway.engine.store import Store

log = structlog.get_logger("gateway.engine")


class Slots:
    """``running`` is by job id. ``backlog`` tells that there was more to do than room: look whenever one is free."""

    def __init__(
        self, store: Store, node: int, concurrency: int, run: Callable[[Claim], Coroutine[Any, Any, None]]
    ) -> None:
        self.node = node
        self.concurrency = concurrency
        self.running: dict[str, Claim] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.probing: set[str] = set()  # jobs that try whether their circuit may be closed
        self.open_scopes: frozenset[str] = frozenset()  # circuits that are open, as last seen
        self.pauses: dict[str, Pause] = {}  # what the operator has stopped, as last seen
        self.backlog = False
        self.closed = False  # stopping: nothing more is claimed
        self.started = 0
        self.free = asyncio.Event()  # set to have somebody look for work
        self._store = store
        self._run = run
        self._tokens = 0

    def holder(self) -> Holder:
        """A claim's token is never used again; one commit may claim several jobs with it."""
        self._tokens += 1
        return Holder(self.node, f"{self.node:x}.{self._tokens:x}")

    def has_room(self) -> bool:
        """Inside a write: whether one more may be claimed; remembers when it may not."""
        if len(self.running) + self._store.pending_hooks < self.concurrency:
            return True
        self.backlog = True
        return False

    def launch(self, claim: Claim) -> None:
        """Start the job's task, once; when closed its row is left to recovery."""
        known = self.running.get(claim.id)
        if not self.closed and (known is None or known.claim != claim.claim):
            self.started += 1
            self.running[claim.id] = claim
            task = asyncio.create_task(self._run(claim), name=f"job {claim.id}")
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def launch_with_commit(self, claim: Claim) -> None:
        """Inside a write: start it when the claim is durable, whoever waits for the write or no longer does."""
        self._store.after_commit(lambda: self.launch(claim))

    def forget(self, claim: Claim) -> None:
        """Its slot is free."""
        self.probing.discard(claim.id)
        if self.running.get(claim.id) is claim:
            del self.running[claim.id]
        if self.backlog:
            self.free.set()

    def unknown(self, held: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those claims (id, token) that nothing runs for."""
        known = {(claim.id, claim.claim) for claim in self.running.values()}
        return [pair for pair in held if pair not in known]

    async def drain(self, grace: float) -> None:
        """Wait for what runs up to ``grace`` seconds, then let go of it."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=grace)
        if left := set(self.tasks):
            log.warning("engine.left_running", jobs=sorted(self.running))
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
