"""Work that comes back: it survives its own failures, and old bodies go in slices."""

import asyncio

import pytest
import sqlalchemy as sa

from gateway import audit
from gateway.engine import ledger
from gateway.engine.clock import SystemClock, behind
from gateway.engine.database import transaction
from gateway.engine.schedule import SLICE, Periodic, Schedule, age_out, age_out_all, begin_audit, upkeep
from gateway.engine.schema import action
from gateway.engine.store import StoreUnavailable
from gateway.records import Status
from tests.support.engine import opened, until

KEY = b"k" * 32
DAY = 86400.0


def test_a_run_that_fails_is_followed_by_the_next():
    runs = []

    async def work():
        runs.append(len(runs))
        raise (ValueError("a bug"), StoreUnavailable("full"))[len(runs) % 2]

    async def main():
        schedule = Schedule([Periodic("work", 0.001, work)])
        schedule.start()
        await until(lambda: len(runs) >= 4)
        await schedule.stop()
        stopped_at = len(runs)
        await asyncio.sleep(0.02)
        return stopped_at

    assert asyncio.run(main()) == len(runs)


def test_the_upkeep_seals_the_audit_and_remembers_the_clock(database_url):
    clock = SystemClock(offset=DAY)

    async def main():
        async with opened(database_url, clock=clock) as store:

            def act(conn):
                audit.record(conn, org="o", actor="a", act="x", ref="r", at=1.0)

            notary = audit.Notary(KEY)
            await begin_audit(store, notary, ["o"])
            await store.write(act)
            schedule = Schedule(upkeep(store, notary))
            schedule.start()
            async with asyncio.timeout(60):
                while await store.read(audit.has_pending):  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)
            await schedule.stop()

    asyncio.run(main())

    with transaction(database_url, readonly=True) as conn:
        assert audit.verify(conn, audit.public_key(KEY)) == []
        assert behind(conn) == pytest.approx(DAY, abs=60)


def insert_actions(url, count, *, accepted, ended=True):
    common = {
        "org": "o",
        "name": "send-invoice",
        "caller_sub": "s",
        "caller_kind": "person",
        "fingerprint": "f",
        "status": "succeeded" if ended else "unknown",
        "body": b"body",
        "plan": b"plan",
        "envelope": "{}",
        "accepted": accepted,
        "ended": accepted + 1 if ended else None,
    }
    with transaction(url) as conn:
        rows = [{**common, "id": f"act_{accepted}_{ended}_{n}"} for n in range(count)]
        conn.execute(sa.insert(action), rows)


def with_body(url):
    query = sa.select(sa.func.count(action.c.body), sa.func.count(action.c.plan), sa.func.count(action.c.envelope))
    with transaction(url, readonly=True) as conn:
        return tuple(conn.execute(query).one())


def test_old_bodies_go_and_answers_stay(database_url):
    insert_actions(database_url, 5, accepted=100.0)
    insert_actions(database_url, 2, accepted=200.0, ended=False)
    insert_actions(database_url, 3, accepted=300.0)

    with transaction(database_url) as conn:
        forgotten = [age_out(conn, 250.0), age_out(conn, 250.0)]

    # what has not ended keeps its body and plan: they are still needed to find out what happened
    assert forgotten == [7, 0]
    assert with_body(database_url) == (5, 5, 10)


def test_what_ends_after_its_time_takes_body_and_plan_along(database_url):
    insert_actions(database_url, 2, accepted=100.0, ended=False)

    with transaction(database_url) as conn:
        age_out(conn, 200.0)
        for status, n in ((Status.SUCCEEDED, 0), (Status.UNKNOWN, 1)):
            ledger.end(conn, f"act_100.0_False_{n}", status, {}, 100.0 + 91 * DAY)

    assert with_body(database_url) == (1, 1, 2)  # what is still unknown is looked up by its plan


def test_a_large_past_goes_in_slices(sqlite_url):
    insert_actions(sqlite_url, SLICE * 2 + 10, accepted=100.0)

    async def main():
        async with opened(sqlite_url) as store:
            await age_out_all(store, 90.0)
            return store.metrics.commits

    assert asyncio.run(main()) == 3
    assert with_body(sqlite_url)[:2] == (0, 0)
