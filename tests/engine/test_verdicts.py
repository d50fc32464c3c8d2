"""What becomes of a job by its handler's verdict: retried, put to rest, waiting, stirred, dead."""

import asyncio

import pytest

from gateway.engine import jobs, lanes
from gateway.engine.retry import RetryPolicy
from gateway.engine.settings import get_setting, put_setting
from gateway.engine.worker import Dead, Done, Job, Retry, Snooze
from gateway.errors import Unavailable
from tests.support.engine import enter, running, until, wait_gone


def states(engine):
    return engine.store.read(lambda conn: {job_id: lanes.state_of(conn, job_id) for job_id in ("a", "b", "c")})


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


def test_a_dead_letter_is_replayed_with_what_is_left_of_its_budget(database_url):
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
    assert (replayed, again) == (1, None)


def test_what_has_used_up_its_budget_gets_one_attempt_by_hand_and_is_dead_again(database_url):
    attempts = []

    async def handle(claim):
        attempts.append(claim.attempts)
        return Retry("upstream_away", "no answer")

    async def main():
        policies = {"k": RetryPolicy(first=0.01, cap=0.01, attempts=3)}
        async with running(database_url, {"k": handle}, policies=policies) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await engine.wait("a", 5)
            used = await engine.store.write(lambda conn: jobs.replay(conn, "a"))
            engine.poke()
            await until(lambda: engine.counters.dead == 2)
            [dead] = await engine.store.read(jobs.dead_letters)
            return used, dead

    used, dead = asyncio.run(main())

    assert attempts == [0, 1, 2, 3]
    assert (used, dead.attempts) == (3, 4)


def test_what_waits_for_its_next_attempt_makes_it_now_by_hand_and_only_once(database_url):
    attempts = []

    async def handle(claim):
        attempts.append(claim.attempts)
        return Done() if claim.attempts else Retry("upstream_away", "no answer", after=3600.0)

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await until(lambda: engine.counters.retried == 1)
            used = await engine.store.write(lambda conn: jobs.replay(conn, "a"))
            engine.poke()
            await wait_gone(engine, "a")
            return used

    assert asyncio.run(main()) == 1
    assert attempts == [0, 1]


def test_what_runs_is_not_replayed(database_url):
    async def main():
        let_go = asyncio.Event()

        async def handle(claim):
            await let_go.wait()
            return Done()

        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("a", "k", "lane"))
            await until(lambda: engine.running == 1)
            running_one = await engine.store.write(lambda conn: jobs.replay(conn, "a"))
            let_go.set()
            await wait_gone(engine, "a")
            return running_one

    assert asyncio.run(main()) is None


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
