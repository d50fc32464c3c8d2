"""Jobs that wait for other jobs, and level-triggered jobs that are stirred while they run or rest."""

import asyncio

from gateway.engine import lanes
from gateway.engine.worker import Dead, Done, Job, Snooze, WaitFor
from tests.support.engine import enter, running, until, wait_gone


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
