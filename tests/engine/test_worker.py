"""Jobs from entry to end on both databases: lanes, verdicts, waiting, dirtiness, budgets."""

import asyncio
from collections import Counter

from gateway.engine import jobs, lanes
from gateway.engine.lanes import NEVER
from gateway.engine.settings import get_setting, put_setting
from gateway.engine.worker import Dead, Done, Job
from tests.support.engine import enter, running, until, wait_gone


def test_a_job_runs_where_it_was_entered_and_its_row_is_gone(database_url):
    seen = []

    async def handle(claim):
        seen.append((claim.id, claim.payload, claim.attempts, claim.v))
        return Done(commit=lambda conn: put_setting(conn, "done", claim.id))

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            [claim] = await enter(engine, Job("a", "k", "lane", payload=b"p", v=2))
            ended = await engine.wait("a", 5)
            stored = await engine.store.read(lambda conn: (lanes.state_of(conn, "a"), get_setting(conn, "done")))
            return claim.id, ended, stored

    assert asyncio.run(main()) == ("a", True, (None, "a"))
    assert seen == [("a", b"p", 0, 2)]


def test_one_lane_runs_one_job_at_a_time_in_the_order_of_entry(database_url):
    running_now, most, order = Counter(), Counter(), []

    async def handle(claim):
        running_now[claim.lane] += 1
        most[claim.lane] = max(most[claim.lane], running_now[claim.lane])
        order.append(claim.id)
        await asyncio.sleep(0.002)
        running_now[claim.lane] -= 1
        return Done()

    async def client(engine, n):
        for i in range(3):
            await enter(engine, Job(f"{n}-{i}", "k", "hot"))
            assert await engine.wait(f"{n}-{i}", 10)

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            entered = [f"first-{n:02}" for n in range(10)]
            await enter(engine, *(Job(job_id, "k", "hot") for job_id in entered))
            await engine.wait(entered[-1], 10)
            in_order = order == entered
            await asyncio.gather(*(client(engine, n) for n in range(16)))
            return in_order

    assert asyncio.run(main())
    assert most == {"hot": 1}
    assert len(order) == len(set(order)) == 58


def test_lanes_do_not_wait_for_each_other(database_url):
    async def main():
        together = asyncio.Barrier(5)

        async def handle(_claim):
            await together.wait()  # passes only when all five run at once
            return Done()

        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, *(Job(f"j{n}", "k", f"lane{n}") for n in range(5)))
            return await asyncio.gather(*(engine.wait(f"j{n}", 5) for n in range(5)))

    assert asyncio.run(main()) == [True] * 5


def test_an_id_is_entered_once(database_url):
    runs = []
    all_asked = asyncio.Event()

    async def handle(claim):
        runs.append(claim.id)
        await all_asked.wait()  # what has ended may be entered again
        return Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            answers = await asyncio.gather(*(enter(engine, Job("a", "k", f"lane{n}")) for n in range(20)))
            all_asked.set()
            await engine.wait("a", 5)
            return sum(claim is not None for [claim] in answers)

    assert asyncio.run(main()) == 1
    assert runs == ["a"]


def test_a_caller_that_is_cancelled_leaves_a_running_job(database_url):
    runs = []

    async def handle(claim):
        runs.append(claim.id)
        return Done()

    async def main():
        async with running(database_url, {"k": handle}, poll=60.0) as engine:
            caller = asyncio.create_task(enter(engine, Job("a", "k", "lane")))
            await asyncio.sleep(0)
            caller.cancel()
            await until(lambda: runs == ["a"])
            await wait_gone(engine, "a")
            return caller.cancelled()

    assert asyncio.run(main())


def test_waiting_for_what_never_was_is_over_at_once_and_for_what_rests_it_is_not(database_url):
    async def main():
        async with running(database_url, {}) as engine:
            await enter(engine, Job("resting", "k", "lane", state="held"))
            return [await engine.wait(job_id, 0.1) for job_id in ("never was", "resting")]

    assert asyncio.run(main()) == [True, False]


def test_more_jobs_than_slots_all_run_and_interactive_ones_are_not_behind_the_batch(database_url):
    order = []

    async def handle(claim):
        order.append(claim.id)
        await asyncio.sleep(0.001)
        return Done()

    async def main():
        async with running(database_url, {"k": handle}, concurrency=4) as engine:
            batch = [Job(f"b{n}", "k", f"b{n}", priority=2) for n in range(40)]
            await enter(engine, *batch, Job("click", "k", "click"), here=False)
            await asyncio.gather(*(engine.wait(job.id, 10) for job in batch), engine.wait("click", 10))

    asyncio.run(main())

    assert len(order) == 41
    assert order.index("click") < 8


def test_counts_are_by_kind_and_state(database_url):
    async def main():
        async with running(database_url, {}) as engine:
            held = Job("a", "k", "lane", state="held"), Job("b", "k", "lane", due=NEVER)
            await enter(engine, *held)
            return await engine.store.read(jobs.counts)

    assert asyncio.run(main()) == {("k", "held"): 2}


def test_an_end_that_can_never_be_stored_uses_up_its_budget_and_is_seen_as_dead(database_url):
    tried, mourned = [], []

    async def handle(claim):
        tried.append(claim.attempts)
        return Done(commit=lambda conn: put_setting(conn, "due", str(int(float("inf")))))

    def mourn(claim, code, conn):
        mourned.append((claim.id, code))
        put_setting(conn, "mourned", code)

    async def main():
        async with running(database_url, {"k": handle}, mourners={"k": mourn}) as engine:
            await enter(engine, Job("a", "k", "lane"), Job("b", "k", "lane"))
            ended = await engine.wait("a", 60)
            letters = await engine.store.read(lambda conn: jobs.dead_letters(conn, "commit_failed", limit=10))
            return ended, [letter.id for letter in letters], engine.counters.dead

    ended, letters, dead = asyncio.run(main())

    assert ended
    assert letters[0] == "a"
    assert ("a", "commit_failed") in mourned
    assert dead >= 1
    assert tried[:3] == [0, 1, 2]


def test_a_death_that_cannot_be_told_is_a_dead_letter_all_the_same(database_url):
    mourned = []

    async def handle(_claim):
        return Dead("permission_missing", "assign the permission set")

    def mourn(claim, code, conn):
        mourned.append((claim.id, code))
        raise KeyError("a bug")

    async def main():
        async with running(database_url, {"k": handle}, mourners={"k": mourn}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            ended = await engine.wait("a", 60)
            [letter] = await engine.store.read(jobs.dead_letters)
            return ended, letter.id, letter.error_code

    assert asyncio.run(main()) == (True, "a", "permission_missing")
    assert set(mourned) == {("a", "permission_missing")}


def test_a_death_that_could_not_be_told_at_first_is_told(database_url):
    mourned = []

    async def handle(_claim):
        return Dead("permission_missing", "assign the permission set")

    def mourn(claim, code, conn):
        mourned.append(claim.id)
        if len(mourned) < 3:
            raise KeyError("not yet")
        put_setting(conn, "mourned", code)

    async def main():
        async with running(database_url, {"k": handle}, mourners={"k": mourn}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            ended = await engine.wait("a", 60)
            [letter] = await engine.store.read(jobs.dead_letters)
            return ended, letter.error_code, await engine.store.read(lambda conn: get_setting(conn, "mourned"))

    assert asyncio.run(main()) == (True, "permission_missing", "permission_missing")
