"""The database of one process: durable writes at the price of a fraction of a commit, reads beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

import structlog
from sqlalchemy import Connection

from gateway.engine import clock as clocks
from gateway.engine import database
from gateway.engine.clock import Clock
from gateway.engine.database import BUSY_SECONDS, StoreBusy, StoreUnavailable, reason_away, reason_blocked
from gateway.engine.migrations import require_current
from gateway.engine.writer import Metrics, Write, Writer

__all__ = ["Metrics", "Store", "StoreBusy", "StoreUnavailable"]

T = TypeVar("T")
log = structlog.get_logger("gateway.store")

_READERS = 4


class Store:
    """
    Closures get a connection inside a transaction. They may run more than once (a group is rolled back and replayed),
    so they have no effect but through the connection and `after_commit`.
    """

    def __init__(self, url: str, clock: Clock, lock: IO[str] | None, busy: float) -> None:
        self.url = url
        self.clock = clock
        self.postgres = database.parse(url).get_backend_name() == "postgresql"
        self.clock_behind = 0.0  # seconds the clock lay behind the stored high-water mark at the start, if more than 60
        self._lock = lock
        self._engine = database.engine(url, clock, busy=busy)
        self._readers = database.engine(url, clock, readonly=True, size=_READERS)
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: Writer | None = None

    @classmethod
    def open(cls, url: str, *, clock: Clock, busy: float = BUSY_SECONDS) -> Store:
        """
        The store of a server. Raises Misconfigured when the schema is not this version's, or when another server
        holds the SQLite file; StoreUnavailable when the database cannot be reached.
        """
        lock = database.lock_file(url)
        try:
            require_current(url)
            store = cls(url, clock, lock, busy)
            store.clock_behind = store._read(clocks.behind)
        except BaseException:
            if lock:
                lock.close()
            raise
        if store.clock_behind:
            log.error("store.clock_behind", seconds=round(store.clock_behind))
        return store

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the writer; results are delivered to this loop."""
        self._loop = loop
        self._writer = Writer(self._engine, loop)
        self._writer.start()

    async def write(self, fn: Callable[[Connection], T], touches: Iterable[str] = ()) -> T:
        """
        What ``fn`` returned, after the commit is durable; what it raised, when it was rolled back.

        ``touches`` names contended things (``lane:…``, ``stamp:…``): a group commit locks them first, in one order,
        so two processes never wait for each other in a circle. Raises StoreUnavailable.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.writer.put(Write(fn, future, tuple(touches)))
        return await future

    def write_soon(self, fn: Callable[[Connection], object], touches: Iterable[str] = ()) -> None:
        """Ride along in the next group commit, in order, unawaited; lost in a crash or while the store is away."""
        self.writer.put(Write(fn, None, tuple(touches)))

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` on a read-only connection, off the loop and off the writer. Raises StoreUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, fn)

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Inside a write: call ``hook`` on the loop once, when this transaction is durable, before its results."""
        self.writer.hooks.append(hook)

    @property
    def pending_hooks(self) -> int:
        """Hooks of the transaction under way."""
        return len(self.writer.hooks)

    def notify(self, note: str) -> None:
        """Inside a write, on PostgreSQL: tell the other processes with the commit (see gateway.engine.liveness)."""
        self.writer.notes.append(note)

    @property
    def writer(self) -> Writer:
        if self._writer is None:
            raise RuntimeError("bind the store to a loop first")
        return self._writer

    @property
    def healthy(self) -> bool:
        """Whether writes went through lately; an unavailable store is tried again by itself."""
        return self._writer is None or self._writer.healthy

    @property
    def metrics(self) -> Metrics:
        return self.writer.metrics

    @property
    def waiting(self) -> int:
        """Writes queued for the next commits."""
        return self.writer.waiting

    @property
    def wal_bytes(self) -> int:
        """Size of SQLite's write-ahead log; 0 on PostgreSQL."""
        with suppress(OSError):
            return Path(f"{database.parse(self.url).database}-wal").stat().st_size
        return 0

    def close(self) -> None:
        """Commit what is queued, stop the writer, release the file."""
        if self._writer is not None:
            self._writer.stop()
        self._threads.shutdown()
        self._readers.dispose()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def _read(self, fn: Callable[[Connection], T], *, again: bool = True) -> T:
        try:
            with self._readers.connect() as conn:
                return fn(conn)
        except Exception as error:
            if (blocked := reason_blocked(error)) is not None:
                if self._writer is not None:
                    self._writer.suspect()
                raise StoreUnavailable(blocked) from error
            if (given_up := database.busy(error)) is not None:
                log.warning("store.busy", reason=given_up.message)
                raise given_up from error
            if (reason := reason_away(error, reading=True)) is None:
                raise
            if not again or not getattr(error, "connection_invalidated", False):
                raise StoreUnavailable(reason) from error
        return self._read(fn, again=False)  # the pool's connection had died meanwhile: reading again is harmless
