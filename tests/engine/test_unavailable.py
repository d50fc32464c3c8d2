"""A store that is away: told at once, nothing acknowledged is lost, and it comes back without a restart."""

import asyncio
import resource
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from gateway.engine.database import reason_away
from gateway.engine.settings import get_setting, put_setting, settings_like
from gateway.engine.store import StoreUnavailable
from gateway.engine.worker import Done, Engine, Job
from tests.support.engine import opened, until, wait_gone


@contextmanager
def locked(url):
    """Another program holds the file's write lock."""
    conn = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        conn.execute("ROLLBACK")
        conn.close()


@contextmanager
def disk_full(url):
    """No file of this process may grow beyond what it has: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def refused(url):
    """PostgreSQL has lost its connections and lets nobody in."""
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(url.replace(name, "postgres"), autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.fixture(params=["sqlite-locked", "sqlite-full", "postgres-refused"])
def away(request):
    """A database's URL and what takes it away."""
    kind, how = request.param.split("-")
    return request.getfixturevalue(f"{kind}_url"), {"locked": locked, "full": disk_full, "refused": refused}[how]


def test_callers_hear_it_and_it_recovers_by_itself(away):
    url, taken_away = away

    async def main():
        async with opened(url, busy=0.05) as store:
            await store.write(lambda conn: put_setting(conn, "kept", "before"))
            with taken_away(url):
                failed = await asyncio.gather(
                    *(store.write(lambda conn, n=n: put_setting(conn, f"lost{n}", "x")) for n in range(5)),
                    return_exceptions=True,
                )
                was_healthy, reason = store.healthy, store.metrics.last_error
            await until(lambda: store.healthy)  # nobody writes: it finds out on its own
            await store.write(lambda conn: put_setting(conn, "kept", "after"))
            stored = await store.read(lambda conn: (get_setting(conn, "kept"), settings_like(conn, "lost")))
            return failed, was_healthy, reason, stored

    failed, was_healthy, reason, stored = asyncio.run(main())

    assert {type(error) for error in failed} == {StoreUnavailable}
    assert (failed[0].code, failed[0].http_status, failed[0].retry_after) == ("store_unavailable", 503, 2.0)
    assert (was_healthy, bool(reason)) == (False, True)
    assert stored == ("after", {})


def test_nothing_acknowledged_is_lost(away):
    url, taken_away = away
    acknowledged = []

    async def main():
        async with opened(url, busy=0.05) as store:

            async def client(n):
                for i in range(40):
                    name = f"ack:{n}.{i}"
                    try:
                        await store.write(lambda conn, name=name: put_setting(conn, name, "x" * 200))
                    except StoreUnavailable:
                        await asyncio.sleep(0.01)
                    else:
                        acknowledged.append(f"{n}.{i}")
                    await asyncio.sleep(0.001)

            clients = [asyncio.create_task(client(n)) for n in range(8)]
            await asyncio.sleep(0.05)
            with taken_away(url):
                await asyncio.sleep(0.2)
            await asyncio.gather(*clients)
            await until(lambda: store.healthy)
            return await store.read(lambda conn: settings_like(conn, "ack:"))

    stored = asyncio.run(main())

    assert acknowledged
    assert set(acknowledged) <= set(stored)


def test_a_job_that_finished_while_the_store_was_away_ends_once_when_it_is_back(away):
    url, taken_away = away
    runs = []

    async def main():
        began, go = asyncio.Event(), asyncio.Event()

        async def handle(claim):
            runs.append(claim.id)
            began.set()
            await go.wait()
            return Done(lambda conn: put_setting(conn, "ended", claim.claim))

        async with opened(url, busy=0.05) as store:
            engine = Engine(store, store.clock, {"k": handle}, poll=0.05)
            await engine.start()
            await store.write(lambda conn: engine.enqueue(conn, Job("a", "k", "lane")))
            await began.wait()
            with taken_away(url):
                go.set()
                await until(lambda: not store.healthy)
            await wait_gone(engine, "a")
            stored = await store.read(lambda conn: get_setting(conn, "ended"))
            await engine.stop(2.0)
            return stored

    assert asyncio.run(main()) is not None
    assert set(runs) == {"a"}


def test_unawaited_writes_dropped_meanwhile_are_counted(sqlite_url):
    async def main():
        async with opened(sqlite_url, busy=0.05) as store:
            with locked(sqlite_url):
                for n in range(3):
                    store.write_soon(lambda conn, n=n: put_setting(conn, f"n{n}", "x"))
                await until(lambda: store.metrics.lost == 3)
            await until(lambda: store.healthy)

    asyncio.run(main())


@pytest.mark.parametrize("damage", [b"no database at all " * 500, None])
def test_a_damaged_file_counts_as_a_store_that_is_away(sqlite_url, damage):
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.write_bytes(damage or path.read_bytes()[:4096] + b"x" * 8192)

    with closing(sqlite3.connect(path)) as conn, pytest.raises(sqlite3.DatabaseError) as raised:
        conn.execute("SELECT * FROM setting").fetchall()

    assert reason_away(raised.value) is not None
    assert reason_away(sa.exc.DatabaseError("SELECT", {}, raised.value)) is not None
