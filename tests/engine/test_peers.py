"""Several processes on PostgreSQL: killed, frozen, disconnected ones; one lane over two; notes across."""

import asyncio
import itertools
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from gateway.engine import lanes
from gateway.engine.database import transaction
from gateway.engine.schema import job, node
from gateway.engine.settings import get_setting, put_setting, settings_like
from gateway.engine.store import StoreUnavailable
from gateway.engine.worker import Done, Engine, Job, WaitFor
from tests.support.engine import opened, running, until, wait_gone

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]


@contextmanager
def peer(url, name, *options):
    """A second gateway process, ready; killed at the end."""
    command = [sys.executable, "-m", "tests.engine.peer", url, name, *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def works(claim):
    return Done(lambda conn: put_setting(conn, f"ended:{claim.id}", "survivor"))


def ended_by(engine, *job_ids):
    return engine.store.read(lambda conn: [get_setting(conn, f"ended:{job_id}") for job_id in job_ids])


def test_the_jobs_of_a_killed_process_are_taken_over_in_their_order(postgres_url):
    order = []

    async def handle(claim):
        order.append(claim.id)
        return await works(claim)

    async def main():
        with peer(postgres_url, "victim", "--seconds", "60", "--enter", "a@lane", "b@lane", "c@other") as victim:
            async with running(postgres_url, {"k": handle}) as engine:
                victim.kill()
                await asyncio.gather(*(wait_gone(engine, job_id) for job_id in ("a", "b", "c")))
                return await ended_by(engine, "a", "b", "c")

    assert asyncio.run(main()) == ["survivor"] * 3
    assert order.index("a") < order.index("b")


def test_a_frozen_process_is_taken_over_by_lease_and_is_fenced_when_it_thaws(postgres_url):
    async def main():
        with peer(postgres_url, "frozen", "--seconds", "10", "--lease", "2", "--enter", "a@lane") as frozen:
            async with running(postgres_url, {"k": works}, lease=2.0) as engine:
                frozen.send_signal(signal.SIGSTOP)
                await wait_gone(engine, "a", 40)
                first = await ended_by(engine, "a")
                frozen.send_signal(signal.SIGCONT)
                await engine.store.write(lambda conn: engine.enqueue(conn, Job("b", "k", "lane")))
                await wait_gone(engine, "b", 40)
                await alive_again(engine)
                return first, await ended_by(engine, "a")

    assert asyncio.run(main()) == (["survivor"], ["survivor"])


async def alive_again(engine):
    """Until a second node is registered: the thawed process lives on under a new id."""
    async with asyncio.timeout(60):
        while await engine.store.read(lambda conn: len(conn.execute(sa.select(node.c.id)).all())) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_a_process_frozen_within_a_transaction_does_not_hold_up_its_peers(postgres_url):
    async def main():
        async with running(postgres_url, {"k": works}) as engine:
            with psycopg.connect(postgres_url, options="-c idle_in_transaction_session_timeout=2000") as frozen:
                frozen.execute("INSERT INTO setting (name, value) VALUES ('contended', 'frozen')")
                await engine.store.write(lambda conn: put_setting(conn, "contended", "survivor"))
                stored = await engine.store.read(lambda conn: get_setting(conn, "contended"))
                with pytest.raises(psycopg.Error):
                    frozen.execute("SELECT 1")
            return stored

    assert asyncio.run(main()) == "survivor"


def test_lost_connections_are_made_anew_and_each_job_ends_once(postgres_url):
    ends = []

    async def handle(claim):
        await asyncio.sleep(0.01)
        return Done(lambda conn: put_setting(conn, f"ended:{claim.id}", "x"))

    async def insisting(ask):
        while True:  # two cuts in a row hit a read that was made again after the first
            try:
                return await ask()
            except StoreUnavailable:
                await asyncio.sleep(0.05)

    async def main():
        async with running(postgres_url, {"k": handle}) as engine:

            async def client(n):
                job = Job(f"j{n}", "k", f"j{n}")
                await insisting(lambda: engine.store.write(lambda conn: engine.enqueue(conn, job)))
                await insisting(lambda: wait_gone(engine, job.id, 30))
                ends.append(n)

            clients = [asyncio.create_task(client(n)) for n in range(60)]
            for _ in range(3):
                await asyncio.sleep(0.1)
                await asyncio.to_thread(cut_all, postgres_url)
            await asyncio.gather(*clients)
            return await engine.store.read(lambda conn: len(settings_like(conn, "ended:")))

    assert asyncio.run(main()) == 60
    assert sorted(ends) == list(range(60))


def cut_all(url):
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_process_declared_dead_lives_on_under_a_new_id(postgres_url):
    async def main():
        async with running(postgres_url, {"k": works}) as engine:
            before = engine.node
            await engine.store.write(lambda conn: conn.execute(sa.delete(node)) and None)
            await until(lambda: engine.node != before)
            await engine.store.write(lambda conn: engine.enqueue(conn, Job("a", "k", "lane")))
            assert await engine.wait("a", 10)
            return await engine.store.read(
                lambda conn: conn.execute(sa.select(node.c.id)).scalars().all() == [engine.node]
            )

    assert asyncio.run(main())


def test_a_lane_over_two_processes_never_runs_two_jobs(postgres_url):
    spans = []

    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:

            async def handle(claim):
                began = asyncio.get_running_loop().time()
                await asyncio.sleep(0.003)
                spans.append((began, asyncio.get_running_loop().time(), claim.id))
                return Done()

            engines = [Engine(store, store.clock, {"k": handle}, poll=0.05) for store in (one, two)]
            for engine in engines:
                await engine.start()

            async def client(n):
                engine = engines[n % 2]
                for job_id in (f"{n}-{i}" for i in range(4)):
                    entered = Job(job_id, "k", "hot")
                    await engine.store.write(lambda conn, job=entered: engine.enqueue(conn, job), ["lane:hot"])
                    assert await engine.wait(job_id, 30)

            await asyncio.gather(*(client(n) for n in range(16)))
            for engine in engines:
                await engine.stop(2.0)

    asyncio.run(main())

    spans.sort()
    assert len({job_id for _, _, job_id in spans}) == len(spans) == 64
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_a_waiter_hears_of_a_job_that_ended_in_another_process(postgres_url):
    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            began, go = asyncio.Event(), asyncio.Event()

            async def slow(_claim):
                began.set()
                await go.wait()
                return Done()

            async def needs(claim):
                there = await two.read(lambda conn: lanes.state_of(conn, "slow"))
                return WaitFor("slow") if there else Done()

            first = Engine(one, one.clock, {"slow": slow}, poll=0.05)
            second = Engine(two, two.clock, {"needs": needs, "slow": slow}, poll=0.05)
            await first.start()
            await second.start()
            await one.write(lambda conn: first.enqueue(conn, Job("slow", "slow", "a")))
            await began.wait()
            await two.write(lambda conn: second.enqueue(conn, Job("needs", "needs", "b")))
            waiting = [asyncio.create_task(engine.wait("needs", 20)) for engine in (first, second)]
            repeat = asyncio.create_task(second.wait("slow", 20))
            await until(lambda: second._liveness.peers == 1)
            go.set()
            heard = await asyncio.gather(*waiting, repeat)
            await first.stop(1.0)
            await second.stop(1.0)
            return heard

    # `first` has no handler for "needs": should it get it, the job dies there, which also ends the wait
    assert asyncio.run(main()) == [True, True, True]


def test_two_processes_that_enter_one_id_enter_it_once(postgres_url):
    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            runs = []

            async def handle(claim):
                runs.append(claim.id)
                return Done()

            engines = [Engine(store, store.clock, {"k": handle}, poll=0.05) for store in (one, two)]
            for engine in engines:
                await engine.start()
            held = Job("held", "k", "l", state="held")
            await asyncio.gather(
                *(e.store.write(lambda conn, e=e: e.enqueue(conn, held)) for e in engines for _ in range(10))
            )
            rows = await one.read(lambda conn: len(conn.execute(sa.select(job.c.seq)).all()))
            for engine in engines:
                await engine.stop(1.0)
            return rows

    assert asyncio.run(main()) == 1


def test_a_clean_stop_leaves_no_trace_of_the_process(postgres_url):
    async def main():
        async with running(postgres_url, {"k": works}):
            pass

    asyncio.run(main())

    with transaction(postgres_url, readonly=True) as conn:
        assert conn.execute(sa.select(node.c.id)).all() == []


def test_each_process_knows_how_many_share_the_database(postgres_url):
    async def main():
        async with running(postgres_url, {}) as engine:
            alone = engine.processes
            with peer(postgres_url, "second", "--seconds", "60") as second:
                await until(lambda: engine.processes == 2)
                second.kill()
                await until(lambda: engine.processes == 1)
            return alone

    assert asyncio.run(main()) == 1


def test_on_sqlite_a_process_is_alone(sqlite_url):
    async def main():
        async with running(sqlite_url, {}) as engine:
            return engine.processes

    assert asyncio.run(main()) == 1
