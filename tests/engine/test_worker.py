"""Jobs from entry to end on both databases: lanes, verdicts, waiting, dirtiness, budgets."""

import asyncio
from collections import Counter

import pytest

from gateway.engine import jobs, lanes
from gateway.engine.lanes import NEVER
from gateway.engine.retry import RetryPolicy
from gateway.engine.settings import get_setting, put_setting
from gateway.engine.worker import Dead, Done, Job, Retry, Snooze, WaitFor
from gateway.errors import Unavailable
from tests.support.engine import running, until, wait_gone


def enter(engine, *entered, here=True):
    """One write for all of them; what `enqueue` answered for each."""
    return engine.store.write(lambda conn: [engine.enqueue(conn, job, here=here) for job in entered])


def states(engine):
    return engine.store.read(lambda conn: {job_id: lanes.state_of(conn, job_id) for job_id in ("a", "b", "c")})


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

    async def handle(claim):
        runs.append(claim.id)
        await asyncio.sleep(0.02)
        return Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            answers = await asyncio.gather(*(enter(engine, Job("a", "k", f"lane{n}")) for n in range(20)))
            await engine.wait("a", 5)
            return sum(claim is not None for [claim] in answers)

    assert asyncio.run(main()) == 1
    assert runs == ["a"]


def test_a_caller_that_is_cancelled_leaves_a_running_job(database_url):
    async def handle(_claim):
        return Done()

    async def main():
        async with running(database_url, {"k": handle}, poll=60.0) as engine:
            caller = asyncio.create_task(enter(engine, Job("a", "k", "lane")))
            await asyncio.sleep(0)
            caller.cancel()
            return await engine.wait("a", 5)

    assert asyncio.run(main())


def test_retries_keep_the_lane_and_end_in_death_when_the_budget_is_used_up(database_url):
    ran = []

    async def handle(claim):
        ran.append((claim.id, claim.attempts, claim.error_code))
        if claim.id == "b":
            return Done()
        return Retry("upstream_away", "no answer", exhausted=lambda conn: put_setting(conn, "gave up", claim.id))

    async def main():
        policies = {"k": RetryPolicy(first=0.01, cap=0.01, attempts=3)}
        async with running(database_url, {"k": handle}, policies=policies) as engine:
            await enter(engine, Job("a", "k", "lane"), Job("b", "k", "lane"))
            assert await engine.wait("b", 5)
            [dead] = await engine.store.read(jobs.dead_letters)
            return dead, await engine.store.read(lambda conn: get_setting(conn, "gave up")), engine.counters.dead

    dead, gave_up, deaths = asyncio.run(main())

    assert ran == [("a", 0, None), ("a", 1, "upstream_away"), ("a", 2, "upstream_away"), ("b", 0, None)]
    assert (dead.id, dead.attempts, dead.error_code, dead.error) == ("a", 3, "upstream_away", "no answer")
    assert (gave_up, deaths) == ("a", 1)


def test_a_replayed_dead_letter_has_a_fresh_budget(database_url):
    mended = []

    async def handle(_claim):
        return Done() if mended else Dead("permission_missing", "assign the permission set")

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await engine.wait("a", 5)
            [group] = await engine.store.read(jobs.dead_groups)
            mended.append(True)
            replayed = await engine.store.write(lambda conn: jobs.replay(conn, "a"))
            again = await engine.store.write(lambda conn: jobs.replay(conn, "nothing"))
            await wait_gone(engine, "a")
            return group, replayed, again

    group, replayed, again = asyncio.run(main())

    assert (group.kind, group.error_code, group.count) == ("k", "permission_missing", 1)
    assert (replayed, again) == (True, False)


def test_a_snooze_that_keeps_its_lane_is_not_overtaken(database_url):
    order = []

    async def handle(claim):
        order.append((claim.id, claim.attempts))
        return Snooze(0.02) if order == [("a", 0)] else Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"), Job("b", "k", "lane"))
            await engine.wait("b", 5)

    asyncio.run(main())

    assert order == [("a", 0), ("a", 0), ("b", 0)]


def test_a_snooze_that_leaves_its_lane_rejoins_at_the_end(database_url):
    order = []

    async def handle(claim):
        order.append(claim.id)
        return Snooze(0.02, keep_lane=False) if order == ["a"] else Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"), Job("b", "k", "lane"), Job("c", "k", "lane"))
            await wait_gone(engine, "a")

    asyncio.run(main())

    assert order == ["a", "b", "c", "a"]


def test_a_held_job_leaves_its_lane_free_until_it_is_released(database_url):
    order = []

    async def handle(claim):
        order.append(claim.id)
        return Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane", state="held"), Job("b", "k", "lane"))
            await engine.wait("b", 5)
            before = await states(engine)
            await engine.store.write(lambda conn: jobs.release(conn, "a"))
            engine.poke()
            await engine.wait("a", 5)
            return before

    assert asyncio.run(main()) == {"a": "held", "b": None, "c": None}
    assert order == ["b", "a"]


def test_a_delayed_job_runs_when_it_is_due_and_can_be_cancelled_before(database_url):
    ran = []

    async def handle(claim):
        ran.append(claim.id)
        return Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            at = engine.store.clock.now()
            await enter(engine, Job("a", "k", "lane", due=at + 0.1), Job("b", "k", "lane", due=at + 3600))
            cancelled = await engine.store.write(lambda conn: jobs.remove(conn, "b"))
            ended = await engine.wait("a", 5)
            return cancelled, ended

    assert asyncio.run(main()) == (True, True)
    assert ran == ["a"]


def test_waiting_for_a_job_gives_up_the_slot_and_wakes_with_its_end(database_url):
    order = []

    async def main():
        go = asyncio.Event()

        async def customer(claim):
            await go.wait()
            order.append(claim.id)
            return Done()

        async def action(claim):
            order.append(claim.id)
            return WaitFor("customer") if order.count(claim.id) == 1 else Done()

        async with running(database_url, {"c": customer, "a": action}, concurrency=2, poll=60.0) as engine:
            await enter(engine, Job("customer", "c", "customers"))
            for n in range(6):  # more than slots: each must have given up its own
                await enter(engine, Job(f"a{n}", "a", f"record{n}"), here=n == 0)
            await until(lambda: len(order) >= 6)
            go.set()
            return await asyncio.gather(*(engine.wait(f"a{n}", 5) for n in range(6)))

    assert asyncio.run(main()) == [True] * 6
    assert order[6] == "customer"


def test_waiting_for_a_job_that_has_ended_or_never_was_goes_on_at_once(database_url):
    rounds = []

    async def handle(claim):
        rounds.append(claim.attempts)
        return WaitFor("long gone") if len(rounds) == 1 else Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            return await engine.wait("a", 5)

    assert asyncio.run(main())
    assert rounds == [0, 0]


def test_a_wake_is_never_lost_between_the_look_and_the_sleep(database_url):
    async def quick(_claim):
        return Done()

    waited = set()

    async def waiter(claim):
        if claim.id in waited:
            return Done()
        waited.add(claim.id)
        return WaitFor(f"t{claim.id}")

    async def main():
        async with running(database_url, {"t": quick, "w": waiter}) as engine:
            for n in range(60):
                await enter(engine, Job(f"t{n}", "t", f"t{n}"), Job(f"{n}", "w", f"w{n}"))
            return [await engine.wait(f"{n}", 10) for n in range(60)]

    assert all(asyncio.run(main()))


def test_what_comes_in_while_it_runs_makes_it_run_once_more(database_url):
    runs = []

    async def main():
        started, go = asyncio.Event(), asyncio.Event()

        async def handle(claim):
            runs.append(claim.id)
            started.set()
            await go.wait()
            return Done()

        async with running(database_url, {"k": handle}) as engine:

            def stir(conn):
                engine.stir(conn, Job("sender", "k", "sf"))

            await engine.store.write(stir)
            await started.wait()
            for _ in range(5):
                await engine.store.write(stir)
            go.set()
            await wait_gone(engine, "sender")

    asyncio.run(main())

    assert runs == ["sender", "sender"]


def test_stirring_brings_a_resting_job_forward_but_not_one_that_rests_because_it_failed(database_url):
    runs = []

    async def handle(claim):
        runs.append(claim.id)
        if len(runs) == 1:
            return Snooze(3600)
        return Snooze(3600, "salesforce_away", "no answer")

    async def main():
        async with running(database_url, {"k": handle}) as engine:

            async def stir():
                await engine.store.write(lambda conn: engine.stir(conn, Job("sender", "k", "sf")))

            await stir()
            await until(lambda: len(runs) == 1 and engine.running == 0)
            await stir()
            await until(lambda: len(runs) == 2 and engine.running == 0)
            await stir()
            await asyncio.sleep(0.2)
            return await engine.store.read(lambda conn: lanes.state_of(conn, "sender"))

    assert asyncio.run(main()) == "waiting"
    assert runs == ["sender", "sender"]


def test_stirring_revives_a_dead_job(database_url):
    runs = []

    async def handle(_claim):
        runs.append(1)
        return Dead("no", "no") if len(runs) == 1 else Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:

            def stir(conn):
                engine.stir(conn, Job("r", "k", "l"))

            await engine.store.write(stir)
            await engine.wait("r", 5)
            await engine.store.write(stir)
            await wait_gone(engine, "r")

    asyncio.run(main())

    assert len(runs) == 2


@pytest.mark.parametrize(
    ("raised", "code"), [(Unavailable("stripe_away", "no answer"), "stripe_away"), (KeyError("x"), "internal_error")]
)
def test_what_a_handler_raises_is_tried_again_within_the_budget(database_url, raised, code):
    async def handle(_claim):
        raise raised

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await engine.wait("a", 5)
            return await engine.store.read(jobs.dead_letters)

    [dead] = asyncio.run(main())

    assert (dead.error_code, dead.attempts) == (code, 3)
    assert "x" not in (dead.error or "").split("'")  # the words of an unforeseen error may hold anything


def test_a_kind_without_a_handler_is_a_dead_letter(database_url):
    async def main():
        async with running(database_url, {}) as engine:
            await enter(engine, Job("a", "tomorrow", "lane"))
            await engine.wait("a", 5)
            return await engine.store.read(jobs.dead_letters)

    [dead] = asyncio.run(main())

    assert dead.error_code == "unknown_kind"


def test_a_verdict_whose_own_commit_fails_does_not_end_the_job(database_url):
    tries = []

    async def handle(_claim):
        tries.append(1)

        def commit(conn):
            put_setting(conn, "half", "done")
            if len(tries) < 2:
                raise ValueError("a bug")

        return Done(commit)

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await wait_gone(engine, "a")
            return engine.counters.retried, engine.counters.done

    assert asyncio.run(main()) == (1, 1)


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
