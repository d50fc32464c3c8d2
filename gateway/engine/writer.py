"""The thread that writes: many closures in one commit, each of them alone again when one of them fails."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection

from gateway.engine import clock, locks, schema
from gateway.engine.database import StoreUnavailable, busy, may_pass, reason_away, reason_blocked
from gateway.prepared import Prepared, keep_company, send_and_commit

log = structlog.get_logger("gateway.store")

_GROUP = 256  # closures in one commit at most
_ALONE_TRIES = 4  # a closure that met a deadlock or another process's row is run again this often
_LINGER = 0.05  # seconds that writes which nobody waits for may wait for company
_PROBE_SECONDS = 0.5  # how often an unavailable store is tried without anyone asking
# Conflicts with table locks alone (LOCK TABLE, an ALTER, VACUUM FULL), never with what another writer has.
_ANY_TABLE_LOCKED = f"LOCK TABLE {', '.join(sorted(schema.metadata.tables))} IN ROW EXCLUSIVE MODE NOWAIT"
_NOTIFY = Prepared(sa.text("SELECT pg_notify('gateway', :ids)"))
_SHORT_WAIT = "SET LOCAL lock_timeout = 100"  # ms; while it is known that somebody holds a lock
_NOTE_IDS = 100  # ids in one note; PostgreSQL allows 8000 bytes


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
class Write:
    """A closure and who waits for it, if anyone."""

    fn: Callable[[Connection], Any]  # what it returns goes to the future, untouched
    future: asyncio.Future[Any] | None = None
    touches: tuple[str, ...] = ()
    tries: int = 0


@dataclass(slots=True)
class _Outcome:
    results: list[Any] = field(default_factory=list)
    error: Exception | None = None
    failed_at: int | None = None  # which closure raised; None: the commit, or a lock before the closures


class Writer:
    """Owns the one connection that writes. ``hooks`` and ``notes`` belong to the transaction under way."""

    def __init__(self, engine: sa.Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._queue: deque[Write] = deque()
        self._knocks: queue.SimpleQueue[bool] = queue.SimpleQueue()  # each: whether somebody waits
        self._heard = False  # the unawaited have knocked, and what they queue will be seen
        self._stopping = False
        self.metrics = Metrics()
        self.healthy = True
        self._blocked = False  # unhealthy because of a lock: other writes pass, so only a probe tells that it is gone
        self._probe_due = 0.0
        self.hooks: list[Callable[[], None]] = []
        self.notes: list[str] = []
        self._engine = engine
        self._loop = loop
        self._conn: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="store-write", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commit what is queued, then end."""
        self._stopping = True
        self._knocks.put(True)
        self._thread.join()

    def suspect(self) -> None:
        """Somebody's reading met a lock: learn whether writing would."""
        if self.healthy:
            self.put(Write(_probe))

    def put(self, write: Write) -> None:
        """Queue it. Of those that nobody waits for only the first wakes the thread: that costs more than their rows."""
        self._queue.append(write)
        if write.future is not None:
            self._knocks.put(True)
        elif not self._heard:
            self._heard = True
            self._knocks.put(False)

    @property
    def waiting(self) -> int:
        """Writes queued for the next commits."""
        return len(self._queue)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            try:
                self._settle(batch)
            except Exception as error:  # nothing may end this thread: who waits would wait for ever
                self._call(_reject, [write.future for write in batch if write.future], error)
        self._disconnect()

    def _next_batch(self) -> list[Write] | None:
        """What is queued, when it is worth a commit; None at the end."""
        while True:
            if self._blocked and time.monotonic() >= self._probe_due:
                self._probe_due = time.monotonic() + _PROBE_SECONDS
                return [Write(_probe)]
            stopping = self._stopping  # before the look: what is queued ahead of the stop is found by one more
            knocked = stopping or self._await_knock()
            self._heard = False  # before the look: whoever comes too late for it knocks again
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _GROUP))]
            if self._queue:
                self._knocks.put(True)
            if batch:
                return batch
            if stopping:
                return None
            if not knocked:
                return [Write(_probe)]

    def _await_knock(self) -> bool:
        """False when nobody came while the store is away."""
        try:
            awaited = self._knocks.get(timeout=None if self.healthy else _PROBE_SECONDS)
        except queue.Empty:
            return False
        with suppress(queue.Empty):
            if not awaited:
                # What nobody waits for is worth no commit of its own: it waits a little for what somebody does.
                self._knocks.get(timeout=_LINGER)
            while True:
                self._knocks.get_nowait()  # one look sees what all of them have queued
        return True

    def _settle(self, batch: list[Write]) -> None:
        """Commit together; around a closure that fails: those before it, it alone, those after it, in this order."""
        groups = deque([batch])
        while groups:
            group = groups.popleft()
            outcome = self._attempt(group)
            if outcome.error is None:
                self._deliver(group, outcome.results)
            elif (reason := reason_away(outcome.error)) is not None:
                self._give_up([write for rest in (group, *groups) for write in rest], reason, outcome.error)
                return
            elif len(group) == 1 and not self._again(group[0], outcome.error):
                self._refuse(group[0], outcome.error)
            else:
                groups.extendleft(reversed(_split(group, outcome.failed_at)))

    def _attempt(self, group: list[Write]) -> _Outcome:
        outcome = _Outcome()
        self.hooks, self.notes = [], []
        try:
            conn = self._conn = self._conn or self._engine.connect()
            with conn.begin():
                if self._blocked and conn.dialect.name == "postgresql":
                    conn.exec_driver_sql(_SHORT_WAIT)
                company = keep_company(conn)
                locks.take(conn, (name for write in group for name in write.touches))
                clock.ask(conn)
                for index, write in enumerate(group):
                    outcome.failed_at = index
                    started = time.perf_counter()
                    outcome.results.append(write.fn(conn))
                    company.forget()
                    self.metrics.slowest = max(self.metrics.slowest, time.perf_counter() - started)
                outcome.failed_at = None
                _send_notes(conn, self.notes)
                send_and_commit(conn, company)
        except Exception as error:  # whatever a closure raises belongs to its caller
            outcome.error = error
        return outcome

    def _again(self, write: Write, error: Exception) -> bool:
        write.tries += 1
        self.metrics.replays += 1
        tries = 1 if self._blocked and reason_blocked(error) else _ALONE_TRIES
        return may_pass(error) and write.tries < tries

    def _deliver(self, group: Sequence[Write], results: Sequence[Any]) -> None:
        self.metrics.commits += 1
        self.metrics.closures += len(group)
        if not self._blocked or any(write.fn is _probe for write in group):
            self._recover()
        done = [(write.future, result) for write, result in zip(group, results, strict=True) if write.future]
        if done or self.hooks:
            self._call(_resolve, self.hooks, done)

    def _recover(self) -> None:
        if not self.healthy:
            self.healthy, self._blocked = True, False
            log.info("store.recovered")

    def _refuse(self, write: Write, error: Exception) -> None:
        self.metrics.failures += 1
        if (reason := reason_blocked(error)) is not None:
            self._blocked = True
            self._tell_away([write], reason, error)
        elif write.fn is _probe:
            # It was answered, and not because of a lock (a right is missing, say): whether writes pass, they tell.
            log.error("store.probe_failed", error=repr(error))
            self._recover()
        elif write.future is None:
            log.error("store.unawaited_write_failed", error=repr(error))
        else:
            if (given_up := busy(error)) is not None:
                log.warning("store.busy", reason=given_up.message)
            self._call(_reject, [write.future], given_up or error)

    def _give_up(self, writes: list[Write], reason: str, error: Exception) -> None:
        """The store is away: everyone waiting hears it at once, the connection is made anew."""
        self._disconnect()
        self._tell_away(writes, reason, error)

    def _tell_away(self, writes: list[Write], reason: str, error: Exception) -> None:
        if self.healthy:
            log.error("store.unavailable", reason=reason)
        self.healthy, self.metrics.last_error = False, reason
        self.metrics.lost += sum(write.future is None and write.fn is not _probe for write in writes)
        away = StoreUnavailable(reason)
        away.__cause__ = error
        self._call(_reject, [write.future for write in writes if write.future], away)

    def _disconnect(self) -> None:
        if self._conn is not None:
            with suppress(sa.exc.SQLAlchemyError):
                self._conn.invalidate()
                self._conn.close()
            self._conn = None

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody is left to hear it
            self._loop.call_soon_threadsafe(function, *arguments)


def _probe(conn: Connection) -> None:
    """A write that changes nothing, to learn whether the store takes writes again."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(_ANY_TABLE_LOCKED)
    conn.exec_driver_sql(
        "INSERT INTO setting (name, value) VALUES ('store.probe', '') ON CONFLICT (name) DO UPDATE SET value = ''"
    )


def _split(group: list[Write], failed_at: int | None) -> list[list[Write]]:
    if failed_at is None:
        return [[write] for write in group]
    parts = [group[:failed_at], [group[failed_at]], group[failed_at + 1 :]]
    return [part for part in parts if part]


def _send_notes(conn: Connection, notes: list[str]) -> None:
    for start in range(0, len(notes), _NOTE_IDS):
        _NOTIFY.later(conn, {"ids": ",".join(notes[start : start + _NOTE_IDS])})


def _resolve(hooks: list[Callable[[], None]], done: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for hook in hooks:
        try:
            hook()
        except Exception:  # a bug of one hook's owner: the others, and who waits, were committed beside it
            log.exception("store.hook_failed")
    for future, result in done:
        if not future.done():
            future.set_result(result)


def _reject(futures: list[asyncio.Future[Any]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
