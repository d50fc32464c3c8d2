"""One writer thread per process, many closures per commit: durable writes at the price of a fraction of an fsync."""

from __future__ import annotations

import asyncio
import hashlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection

from gateway.engine import database
from gateway.engine.clock import Clock
from gateway.engine.database import BUSY_SECONDS, StoreUnavailable, may_pass, reason_away
from gateway.engine.migrations import require_current

__all__ = ["Store", "StoreUnavailable"]

T = TypeVar("T")
log = structlog.get_logger("gateway.store")

_GROUP = 256  # closures in one commit at most
_ALONE_TRIES = 4  # a closure that met a deadlock or another process's row is run again this often
_PROBE_SECONDS = 0.5  # how often an unavailable store is tried without anyone asking
_READERS = 4


@dataclass(slots=True)
class Metrics:
    """Counters since the start; ``slowest`` is the longest a closure held the writer, in seconds."""

    commits: int = 0
    closures: int = 0
    replays: int = 0
    failures: int = 0
    lost: int = 0  # not-awaited writes dropped while the store was away
    slowest: float = 0.0
    last_error: str = ""


@dataclass(slots=True)
class _Write:
    fn: Callable[[Connection], Any]  # what it returns goes to the future, untouched
    future: asyncio.Future[Any] | None
    touches: tuple[str, ...]
    tries: int = 0


@dataclass(slots=True)
class _Outcome:
    results: list[Any] = field(default_factory=list)
    error: Exception | None = None
    failed_at: int | None = None  # which closure raised; None: the commit or a lock before the closures did


class Store:
    """The database of one process. Closures get a connection inside a transaction; they may run more than once."""

    def __init__(self, url: str, clock: Clock, lock: IO[str] | None, busy: float) -> None:
        self.url = url
        self.clock = clock
        self.postgres = database.parse(url).get_backend_name() == "postgresql"
        self.metrics = Metrics()
        self.healthy = True
        self.clock_behind = 0.0  # seconds this start lies behind the stored high-water mark, when more than 60
        self._lock = lock
        self._engine = database.engine(url, clock, busy=busy)
        self._readers = database.engine(url, clock, readonly=True, size=_READERS)
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: threading.Thread | None = None
        self._conn: Connection | None = None
        self._hooks: list[Callable[[], None]] = []
        self._notes: list[str] = []

    @classmethod
    def open(cls, url: str, *, clock: Clock, busy: float = BUSY_SECONDS) -> Store:
        """
        The store of a server. Raises Misconfigured when the schema is not this version's, or when another server
        holds the SQLite file; StoreUnavailable when the database cannot be reached.
        """
        lock = database.lock_file(url)
        try:
            require_current(url)
        except BaseException:
            if lock:
                lock.close()
            raise
        return cls(url, clock, lock, busy)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the writer; results are delivered to this loop."""
        self._loop = loop
        self._writer = threading.Thread(target=self._run, name="store-write", daemon=True)
        self._writer.start()

    async def write(self, fn: Callable[[Connection], T], touches: Iterable[str] = ()) -> T:
        """
        What ``fn`` returned, after the commit is durable; what it raised, when it was rolled back.

        ``touches`` names contended things (``lane:…``, ``stamp:…``): a group commit locks them first, sorted, so two
        processes never wait for each other in a circle.
        """
        if self._loop is None:
            raise RuntimeError("bind the store to a loop before writing")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Write(fn, future, tuple(touches)))
        return await future

    def write_soon(self, fn: Callable[[Connection], object], touches: Iterable[str] = ()) -> None:
        """Ride along in the next group commit, in order, unawaited; lost in a crash or while the store is away."""
        self._queue.put(_Write(fn, None, tuple(touches)))

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` on a read-only connection, off the loop and off the writer."""
        if self._loop is None:
            raise RuntimeError("bind the store to a loop before reading")
        return await self._loop.run_in_executor(self._threads, self._read, fn)

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Inside a write: call ``hook`` on the loop once, when this transaction is durable, before its results."""
        self._hooks.append(hook)

    @property
    def pending_hooks(self) -> int:
        """Hooks of the transaction under way."""
        return len(self._hooks)

    def notify(self, note: str) -> None:
        """Inside a write, on PostgreSQL: tell the other processes with the commit (see gateway.engine.liveness)."""
        self._notes.append(note)

    @property
    def wal_bytes(self) -> int:
        """Size of SQLite's write-ahead log; 0 on PostgreSQL."""
        with suppress(OSError):
            return Path(f"{database.parse(self.url).database}-wal").stat().st_size
        return 0

    @property
    def waiting(self) -> int:
        """Writes queued for the next commits."""
        return self._queue.qsize()

    def close(self) -> None:
        """Commit what is queued, stop the writer, release the file."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._threads.shutdown()
        self._readers.dispose()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def _read(self, fn: Callable[[Connection], T], *, again: bool = True) -> T:
        try:
            with self._readers.connect() as conn:
                return fn(conn)
        except sa.exc.DBAPIError as error:
            if (reason := reason_away(error)) is None:
                raise
            if again and error.connection_invalidated:  # the pool's connection had died meanwhile: reading is harmless
                return self._read(fn, again=False)
            raise StoreUnavailable(reason) from error

    # The writer thread.

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._settle(batch)
        if self._conn is not None:
            self._conn.close()

    def _next_batch(self) -> list[_Write] | None:
        try:
            first = self._queue.get(timeout=None if self.healthy else _PROBE_SECONDS)
        except queue.Empty:
            return [_Write(_probe, None, ())]
        batch: list[_Write] = []
        while first is not None:
            batch.append(first)
            if len(batch) == _GROUP or self._queue.empty():
                return batch
            first = self._queue.get_nowait()
        if batch:
            self._queue.put(None)  # closing: these first
            return batch
        return None

    def _settle(self, batch: list[_Write]) -> None:
        """Commit together; around a closure that fails: those before it, it alone, those after it, in this order."""
        groups = deque([batch])
        while groups:
            group = groups.popleft()
            outcome = self._attempt(group)
            if outcome.error is None:
                self._deliver(group, outcome.results)
            elif (reason := reason_away(outcome.error)) is not None:
                everything = [write for rest in (group, *groups) for write in rest]
                self._give_up(everything, reason, outcome.error)
                return
            elif len(group) == 1 and not self._again(group[0], outcome.error):
                self._refuse(group[0], outcome.error)
            else:
                groups.extendleft(reversed(_split(group, outcome.failed_at)))

    def _attempt(self, group: list[_Write]) -> _Outcome:
        outcome = _Outcome()
        self._hooks, self._notes = [], []
        try:
            conn = self._conn = self._conn or self._engine.connect()
            with conn.begin():
                if self.postgres:
                    _take_locks(conn, group)
                for index, write in enumerate(group):
                    outcome.failed_at = index
                    started = time.perf_counter()
                    outcome.results.append(write.fn(conn))
                    self.metrics.slowest = max(self.metrics.slowest, time.perf_counter() - started)
                outcome.failed_at = None
                if self._notes and self.postgres:
                    _send_notes(conn, self._notes)
        except Exception as error:  # whatever a closure raises belongs to its caller
            outcome.error = error
        return outcome

    def _again(self, write: _Write, error: Exception) -> bool:
        write.tries += 1
        self.metrics.replays += 1
        return may_pass(error) and write.tries < _ALONE_TRIES

    def _deliver(self, group: Sequence[_Write], results: Sequence[Any]) -> None:
        self.metrics.commits += 1
        self.metrics.closures += len(group)
        if not self.healthy:
            self.healthy = True
            log.info("store.recovered")
        done = [(write.future, result) for write, result in zip(group, results, strict=True) if write.future]
        if done or self._hooks:
            self._call(_resolve, self._hooks, done)

    def _refuse(self, write: _Write, error: Exception) -> None:
        self.metrics.failures += 1
        if write.future is None:
            log.error("store.unawaited_write_failed", error=repr(error))
        else:
            self._call(_reject, [write.future], error)

    def _give_up(self, writes: list[_Write], reason: str, error: Exception) -> None:
        """The store is away: everyone waiting hears it at once, the connection is made anew."""
        if self.healthy:
            log.error("store.unavailable", reason=reason)
        self.healthy, self.metrics.last_error = False, reason
        self.metrics.lost += sum(write.future is None and write.fn is not _probe for write in writes)
        if self._conn is not None:
            with suppress(sa.exc.SQLAlchemyError):
                self._conn.invalidate()
                self._conn.close()
            self._conn = None
        away = StoreUnavailable(reason)
        away.__cause__ = error
        self._call(_reject, [write.future for write in writes if write.future], away)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed: nobody is left to hear it
                self._loop.call_soon_threadsafe(function, *arguments)


def _probe(conn: Connection) -> None:
    """A write that changes nothing, to learn whether the store takes writes again."""
    conn.exec_driver_sql(
        "INSERT INTO setting (name, value) VALUES ('store.probe', '') ON CONFLICT (name) DO UPDATE SET value = ''"
    )


def _split(group: list[_Write], failed_at: int | None) -> list[list[_Write]]:
    if failed_at is None:
        return [[write] for write in group]
    parts = [group[:failed_at], [group[failed_at]], group[failed_at + 1 :]]
    return [part for part in parts if part]


def lock_key(name: str) -> int:
    """The 64-bit advisory lock that stands for a contended name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def _take_locks(conn: Connection, group: list[_Write]) -> None:
    keys = sorted({lock_key(name) for write in group for name in write.touches})
    if keys:
        conn.exec_driver_sql("SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k", (keys,))


def _send_notes(conn: Connection, notes: list[str]) -> None:
    # A note is an id of at most 60 characters; PostgreSQL allows 8000 bytes in one payload.
    for start in range(0, len(notes), 100):
        conn.exec_driver_sql("SELECT pg_notify('gateway', %s)", (",".join(notes[start : start + 100]),))


def _resolve(hooks: list[Callable[[], None]], done: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for hook in hooks:
        hook()
    for future, result in done:
        if not future.done():
            future.set_result(result)


def _reject(futures: list[asyncio.Future[Any]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
