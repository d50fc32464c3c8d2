"""A store that is away: told at once, nothing acknowledged is lost, and it comes back without a restart."""

import asyncio
import sqlite3
import uuid
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gateway.engine import jobs
from gateway.engine.database import reason_away, transaction
from gateway.engine.settings import get_setting, put_setting, settings_like
from gateway.engine.store import StoreBusy, StoreUnavailable
from gateway.engine.worker import Dead, Done, Engine, Job
from tests.support.away import disk_full, locked, refused, server_full, table_locked
from tests.support.engine import enter, opened, running, until, wait_gone

WAYS = {
    "sqlite-locked": locked,
    "sqlite-full": disk_full,
    "postgres-refused": refused,
    "postgres-locked": table_locked("setting"),
    "postgres-full": server_full,
}


@pytest.fixture(params=WAYS)
def away(request):
    """A database's URL and what takes it away."""
    kind, _ = request.param.split("-")
    return request.getfixturevalue(f"{kind}_url"), WAYS[request.param]


@contextmanager
def may_only_read(table, url):
    """The same database for a role that may write every table but this one."""
    role = f"r_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {role} LOGIN")
        conn.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        conn.execute(f"REVOKE ALL ON {table} FROM {role}")
        conn.execute(f"GRANT SELECT ON {table} TO {role}")
        try:
            yield url.replace("postgres@", f"{role}@")
        finally:
            conn.execute(f"DROP OWNED BY {role}")
            conn.execute(f"DROP ROLE {role}")


def stamped(conn):
    return conn.exec_driver_sql("UPDATE action SET stripe_id = stripe_id").rowcount


def looked(conn):
    return conn.exec_driver_sql("SELECT count(*) FROM action").scalar()


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


def test_a_table_that_somebody_locked_is_told_until_it_is_free_whatever_else_passes(postgres_url):
    async def main():
        async with opened(postgres_url) as store:
            with table_locked("action")(postgres_url):
                told = await asyncio.gather(store.write(stamped), store.read(looked), return_exceptions=True)
                beside = [await store.write(lambda conn: put_setting(conn, "beside", "x")) for _ in range(30)]
                still_away = not store.healthy
            await until(lambda: store.healthy)
            return told, len(beside), still_away, await store.write(stamped), await store.read(looked)

    told, beside, still_away, stamped_after, looked_after = asyncio.run(main())

    assert [type(error) for error in told] == [StoreUnavailable, StoreUnavailable]
    assert all("lock" in error.message for error in told)
    assert (beside, still_away) == (30, True)
    assert (stamped_after, looked_after) == (0, 0)


def test_a_reading_that_meets_a_lock_is_enough_to_be_not_ready(postgres_url):
    async def main():
        async with opened(postgres_url) as store:
            with table_locked("mirror")(postgres_url):
                with pytest.raises(StoreUnavailable):
                    await store.read(lambda conn: conn.exec_driver_sql("SELECT count(*) FROM mirror").scalar())
                await until(lambda: not store.healthy)
            await until(lambda: store.healthy)

    asyncio.run(main())


def test_a_role_without_rights_on_a_table_is_ready_again_after_a_lock(postgres_url):
    async def main(url):
        async with opened(url) as store:
            with table_locked("action")(postgres_url), pytest.raises(StoreUnavailable):
                await store.write(stamped)
            await until(lambda: store.healthy)
            return await store.write(stamped)

    with may_only_read("used_token", postgres_url) as url:
        assert asyncio.run(main(url)) == 0


def endless(conn):
    return conn.exec_driver_sql("SET LOCAL statement_timeout = 50; SELECT pg_sleep(60)").scalar()


def test_a_statement_that_takes_too_long_is_told_to_its_caller_and_nobody_elses_affair(postgres_url):
    async def main():
        async with opened(postgres_url) as store:
            told = await asyncio.gather(store.write(endless), store.read(endless), return_exceptions=True)
            return told, store.healthy, store.metrics.last_error

    told, healthy, reason = asyncio.run(main())

    assert [type(error) for error in told] == [StoreBusy, StoreBusy]
    assert {(error.code, error.http_status, error.retryable, error.retry_after) for error in told} == {
        ("store_busy", 503, True, 2.0)
    }
    assert all("statement timeout" in error.message for error in told)
    assert (healthy, reason) == (True, "")


def test_a_command_line_hears_of_a_statement_that_takes_too_long(postgres_url):
    with pytest.raises(StoreBusy, match="statement timeout"), transaction(postgres_url) as conn:
        endless(conn)


def test_a_job_that_always_reads_too_long_is_dead_within_its_budget(postgres_url):
    engines, attempts = [], []

    async def handle(claim):
        attempts.append(claim.attempts)
        return Done() if await engines[0].store.read(endless) else Dead("never", "so far")

    async def main():
        async with running(postgres_url, {"k": handle}) as engine:
            engines.append(engine)
            await enter(engine, Job("a", "k", "lane"))
            await engine.wait("a", 60)
            return await engine.store.read(jobs.dead_letters)

    [dead] = asyncio.run(main())

    assert (dead.error_code, dead.attempts, attempts) == ("store_busy", 3, [0, 1, 2])


def test_a_job_whose_end_always_takes_too_long_is_dead_within_its_budget(postgres_url):
    async def handle(_claim):
        return Done(endless)

    async def main():
        async with running(postgres_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await engine.wait("a", 60)
            return await engine.store.read(jobs.dead_letters), engine.store.healthy

    [dead], healthy = asyncio.run(main())

    assert (dead.error_code, dead.attempts, healthy) == ("commit_failed", 3, True)


def test_a_job_that_waits_for_a_store_that_is_away_is_logged(database_url):
    told = []

    async def handle(_claim):
        if not told:
            told.append(True)
            raise StoreUnavailable("no answer")
        return Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await wait_gone(engine, "a")

    with capture_logs() as logs:
        asyncio.run(main())

    [line] = [line for line in logs if line["event"] == "job.store_away"]
    assert (line["job"], line["kind"], line["reason"]) == ("a", "k", "the gateway's database is unavailable: no answer")


def test_a_lock_uses_up_no_attempt_of_a_job_that_works_or_ends_meanwhile(postgres_url):
    engines, tries = [], []

    async def handle(claim):
        tries.append((claim.id, claim.attempts))
        if claim.id == "works":
            await engines[0].store.read(looked)
        return Done(stamped)

    async def main():
        async with running(postgres_url, {"k": handle}) as engine:
            engines.append(engine)
            with table_locked("action")(postgres_url):
                await enter(engine, Job("works", "k", "one"), Job("ends", "k", "two"))
                await until(lambda: not engine.store.healthy and tries.count(("works", 0)) > 1)
            await wait_gone(engine, "works")
            await wait_gone(engine, "ends")

    asyncio.run(main())

    assert {attempts for _, attempts in tries} == {0}
    assert [job for job, _ in tries if job == "ends"] == ["ends"]


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
