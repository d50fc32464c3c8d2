"""
Who lives, on PostgreSQL: a process holds an advisory lock by its session, so its death is seen when its socket closes.

A frozen process keeps its socket: its heartbeat grows old and its jobs are taken over by lease. Claims are fenced by
token, so a process that thaws changes nothing. The same session listens for peers' notes about ended jobs.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection, bindparam

from gateway.engine import database
from gateway.engine.clock import database_now
from gateway.engine.lanes import in_state
from gateway.engine.schema import job, node
from gateway.engine.slots import Slots
from gateway.engine.store import Store
from gateway.engine.waits import Waits
from gateway.errors import Misconfigured

log = structlog.get_logger("gateway.engine")

_SPACE = 7741  # first half of the advisory lock; the second is the node's id
_PROBE = 0.5  # seconds between heartbeats and looks at the peers
_LISTEN = 0.1  # seconds one wait for notes lasts: stopping takes at most this long


_BEAT = sa.update(node).where(node.c.id == bindparam("b_id")).values(beat=bindparam("b_beat"))
_BORN = sa.insert(node)
_PEERS = sa.select(node.c.id, node.c.beat).where(node.c.id != bindparam("id"))
_BURY = sa.delete(node).where(
    node.c.id == bindparam("b_id"), ~sa.exists().where(job.c.node == node.c.id, in_state(job, "running"))
)
# A row that its frozen owner's open transaction still locks is skipped: it falls when that transaction is ended.
_LOST = (
    sa.select(job.c.seq)
    .where(
        in_state(job, "running"),
        sa.or_(job.c.node.in_(bindparam("b_dead", expanding=True)), job.c.node.not_in(sa.select(node.c.id))),
    )
    .with_for_update(skip_locked=True)
)
_TAKE_OVER = (
    sa.update(job).where(job.c.seq.in_(_LOST.scalar_subquery())).values(state="waiting", due=0.0, node=None, claim=None)
)


class Liveness:
    """One thread, one session. ``peers`` is how many other processes live."""

    def __init__(self, store: Store, slots: Slots, waits: Waits, lease: float) -> None:
        self.peers = 0
        self._slots = slots  # whose node is replaced when peers declared this process dead
        self._waits = waits
        self._lease = lease
        self._engine = database.engine(store.url, store.clock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = threading.Event()
        self._leave = True
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be alive before the first claim. Raises what the database raises."""
        self._loop = loop
        conn = self._engine.connect()
        with conn.begin():
            conn.exec_driver_sql("LISTEN gateway")
            _come_to_life(conn, self._slots.node)
        self._tick(conn)
        self._thread = threading.Thread(target=self._run, args=(conn,), name="liveness", daemon=True)
        self._thread.start()

    def stop(self, *, leave: bool = True) -> None:
        """Leave: what still runs here is free for the peers at once. Without ``leave`` they have to find out."""
        self._leave = leave
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._engine.dispose()

    def _run(self, first: Connection) -> None:
        conn: Connection | None = first
        while not self._stop.is_set():
            try:
                conn = conn or self._reconnect()
                self._tick(conn)
                self._listen(conn)
            except Exception as error:  # whatever it was: without this thread the process counts as dead
                log.warning("liveness.lost", node=self._slots.node, error=repr(error))
                _discard(conn)
                conn = None
                self._stop.wait(_PROBE)
        if conn is not None and self._leave:
            with suppress(sa.exc.DBAPIError), conn.begin():
                _take_over(conn, [self._slots.node])
        _discard(conn)

    def _reconnect(self) -> Connection:
        """Hold the old id's lock again unless somebody has declared it dead or still holds it; else take a new id."""
        conn = self._engine.connect()
        with conn.begin():
            conn.exec_driver_sql("LISTEN gateway")
            known = conn.execute(_BEAT, {"b_id": self._slots.node, "b_beat": database_now(conn)}).rowcount == 1
            if not known or not _lock(conn, self._slots.node):
                self._reborn(conn)
        return conn

    def _reborn(self, conn: Connection) -> None:
        before, self._slots.node = self._slots.node, new_node_id()
        _come_to_life(conn, self._slots.node)
        log.warning("liveness.reborn", before=before, node=self._slots.node)

    def _tick(self, conn: Connection) -> None:
        """Beat, look who is dead, take their jobs over."""
        with conn.begin():
            at = database_now(conn)
            if conn.execute(_BEAT, {"b_id": self._slots.node, "b_beat": at}).rowcount == 0:
                self._reborn(conn)  # declared dead while frozen: what ran under the old id is fenced
            rows = conn.execute(_PEERS, {"id": self._slots.node}).all()
            dead = [row.id for row in rows if row.beat < at - self._lease or _has_no_session(conn, row.id)]
            taken = _take_over(conn, dead)
        self.peers = len(rows) - len(dead)
        if taken:
            log.warning("liveness.taken_over", nodes=dead, jobs=taken)
            self._call(self._slots.free.set)

    def _listen(self, conn: Connection) -> None:
        driver: Any = conn.connection.driver_connection  # psycopg's connection: the only one that can wait for notes
        until = time.monotonic() + _PROBE
        while not self._stop.is_set() and (left := until - time.monotonic()) > 0:
            for note in driver.notifies(timeout=min(left, _LISTEN)):
                self._call(self._waits.ended_elsewhere, note.payload.split(","))

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(function, *arguments)


def new_node_id() -> int:
    """31 random bits: the second half of an advisory lock."""
    return int.from_bytes(os.urandom(4), "big") >> 1


def _come_to_life(conn: Connection, node_id: int) -> None:
    at = database_now(conn)
    row = {"id": node_id, "beat": at, "started": at, "host": socket.gethostname(), "pid": os.getpid()}
    conn.execute(_BORN, row)
    if not _lock(conn, node_id):
        raise Misconfigured("node_id_taken", f"another process lives under node id {node_id}")


def _lock(conn: Connection, node_id: int) -> bool:
    return bool(conn.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", (_SPACE, node_id)).scalar_one())


def _has_no_session(conn: Connection, node_id: int) -> bool:
    return bool(conn.exec_driver_sql("SELECT pg_try_advisory_xact_lock(%s, %s)", (_SPACE, node_id)).scalar_one())


def _take_over(conn: Connection, dead: list[int]) -> int:
    taken = conn.execute(_TAKE_OVER, {"b_dead": dead}).rowcount
    for node_id in dead:
        conn.execute(_BURY, {"b_id": node_id})
    return taken


def _discard(conn: Connection | None) -> None:
    if conn is not None:
        with suppress(sa.exc.SQLAlchemyError):
            conn.invalidate()
            conn.close()
