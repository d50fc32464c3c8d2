"""After a crash: what ran runs again, in its place; whoever lost a job changes nothing any more."""

import asyncio

import pytest
import sqlalchemy as sa

from gateway.engine import lanes, turns
from gateway.engine.clock import SystemClock, now
from gateway.engine.database import transaction
from gateway.engine.entering import enter_running
from gateway.engine.lanes import Fenced, Holder, Rest
from gateway.engine.schema import job
from gateway.engine.settings import get_setting, put_setting
from gateway.engine.store import Store
from gateway.engine.worker import Done, Engine, Job
from tests.support.engine import QUICK, opened, running, until


async def crash(engine):
    """The process is gone without a word: its tasks, its connections, its lock; what was committed stands."""
    await engine.abandon()
    await asyncio.to_thread(engine.store.close)


def test_a_job_that_ran_at_the_crash_runs_again_before_the_others_of_its_lane(sqlite_url):
    order = []

    async def main():
        store = Store.open(sqlite_url, clock=SystemClock())
        store.bind(asyncio.get_running_loop())
        started = asyncio.Event()

        async def hangs(claim):
            order.append(f"{claim.id} began")
            started.set()
            await asyncio.Event().wait()

        engine = Engine(store, store.clock, {"k": hangs})
        await engine.start()
        await store.write(lambda conn: [engine.enqueue(conn, Job(i, "k", "lane")) for i in ("a", "b")])
        await started.wait()
        await crash(engine)

        async def works(claim):
            order.append(f"{claim.id} again" if claim.id == "a" else claim.id)
            return Done()

        async with running(sqlite_url, {"k": works}) as reopened:
            return await reopened.wait("b", 5)

    assert asyncio.run(main())
    assert order == ["a began", "a again", "b"]


def test_a_stale_claim_changes_nothing(database_url):
    first, second = Holder(1, "1.1"), Holder(2, "2.1")
    with transaction(database_url) as conn:
        stale = enter_running(conn, Job("a", "k", "lane"), first, now(conn))
        turns.fall_back(conn, 1)
        found = turns.look(conn, now(conn), slots=1)
        [fresh] = turns.claim(conn, found, second, now(conn))

    for attempt in (
        lambda conn: lanes.finish(conn, stale),
        lambda conn: lanes.rest(conn, stale, Rest("dead", 0.0)),
        lambda conn: lanes.rest(conn, stale, Rest("waiting", 0.0)),
    ):
        with pytest.raises(Fenced), transaction(database_url) as conn:
            attempt(conn)

    with transaction(database_url) as conn:
        assert not lanes.holds(conn, stale)
        assert lanes.holds(conn, fresh)
        assert lanes.finish(conn, fresh).ended


def test_a_fenced_verdict_rolls_back_what_its_handler_wrote(database_url):
    async def main():
        began, go = asyncio.Event(), asyncio.Event()

        async def handle(_claim):
            if began.is_set():  # the claim that nobody runs was found and taken up again
                return Done()
            began.set()
            await go.wait()
            return Done(lambda conn: put_setting(conn, "written", "by the stale one"))

        async with running(database_url, {"k": handle}, poll=60.0) as engine:
            await engine.store.write(lambda conn: engine.enqueue(conn, Job("a", "k", "lane")))
            await began.wait()
            await engine.store.write(lambda conn: conn.execute(sa.update(job).values(claim="somebody else's")) and None)
            go.set()
            await until(lambda: engine.counters.fenced == 1)
            return await engine.store.read(lambda conn: get_setting(conn, "written"))

    assert asyncio.run(main()) is None


def test_a_claim_whose_commit_was_never_heard_of_is_found_again(database_url):
    ran = []

    async def handle(claim):
        ran.append(claim.id)
        return Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            holder = Holder(engine.node, "lost.1")  # committed, but the answer went down with the connection
            await engine.store.write(lambda conn: enter_running(conn, Job("a", "k", "lane"), holder, now(conn)))
            await engine.pump.drop_orphans()
            return await engine.wait("a", 5)

    assert asyncio.run(main())
    assert ran == ["a"]


def test_what_still_runs_at_the_end_of_the_grace_is_left_to_recovery(database_url):
    ran = []

    async def main():
        started = asyncio.Event()

        async def hangs(_claim):
            started.set()
            await asyncio.Event().wait()

        async def works(claim):
            ran.append(claim.id)
            return Done()

        async with opened(database_url) as store:
            engine = Engine(store, store.clock, {"k": hangs}, policies={"k": QUICK})
            await engine.start()
            await store.write(lambda conn: engine.enqueue(conn, Job("a", "k", "lane")))
            await started.wait()
            await engine.stop(0.01)
        async with running(database_url, {"k": works}) as second:
            return await second.wait("a", 5)

    assert asyncio.run(main())
    assert ran == ["a"]


def test_a_stopping_engine_claims_nothing_more(database_url):
    ran = []

    async def main():
        started, go = asyncio.Event(), asyncio.Event()

        async def handle(claim):
            ran.append(claim.id)
            started.set()
            await go.wait()
            return Done()

        async with opened(database_url) as store:
            engine = Engine(store, store.clock, {"k": handle})
            await engine.start()
            await store.write(lambda conn: [engine.enqueue(conn, Job(i, "k", "lane")) for i in ("a", "b")])
            await started.wait()
            stopping = asyncio.create_task(engine.stop(5.0))
            await asyncio.sleep(0)
            go.set()
            await stopping
            return await store.read(lambda conn: (lanes.state_of(conn, "a"), lanes.state_of(conn, "b")))

    assert asyncio.run(main()) == (None, "ready")
    assert ran == ["a"]
