"""A pause holds what has not begun until it is lifted, and never longer."""

import asyncio

from gateway.engine import lanes, pauses
from gateway.engine.circuit import close_circuit, open_circuit
from gateway.engine.worker import Done, Job, Snooze
from tests.support.engine import enter, running, until, wait_gone

SCOPE = "action:send-invoice"


def begin(engine):
    return engine.store.write(lambda conn: pauses.begin(conn, SCOPE, "ops", "why"))


def end(engine):
    return engine.store.write(lambda conn: pauses.end(conn, SCOPE, {"outbox": 86400.0}, 900.0))


class Careful:
    """A handler that asks the engine first, as an action does."""

    def __init__(self, *, keep_lane=False):
        self.engine = None
        self.ran = []
        self.keep_lane = keep_lane

    async def handle(self, claim):
        if claim.id.startswith("p") and SCOPE in self.engine.pauses:
            return Snooze(0.0, paused_by=SCOPE, keep_lane=self.keep_lane)
        self.ran.append((claim.id, claim.attempts))
        return Done()


async def resting(engine, *job_ids):
    held = await engine.store.read(pauses.held)
    return held.get(SCOPE, 0) == len(job_ids)


async def all_rest(engine, *job_ids):
    async with asyncio.timeout(10):
        while not await resting(engine, *job_ids):  # noqa: ASYNC110 - looks at the database
            await asyncio.sleep(0.02)


def test_what_rests_leaves_its_lane_and_returns_unattempted(database_url):
    careful = Careful()

    async def main():
        async with running(database_url, {"k": careful.handle}) as engine:
            careful.engine = engine
            await begin(engine)
            await until(lambda: SCOPE in engine.pauses)
            await enter(engine, Job("p1", "k", "lane"), Job("other", "k", "lane"), Job("p2", "k", "lane"))
            await wait_gone(engine, "other")
            await all_rest(engine, "p1", "p2")
            released = await end(engine)
            await asyncio.gather(wait_gone(engine, "p1"), wait_gone(engine, "p2"))
            return released

    assert asyncio.run(main()) == 2
    assert careful.ran[0] == ("other", 0)
    assert sorted(careful.ran[1:]) == [("p1", 0), ("p2", 0)]


def test_what_has_a_plan_keeps_its_lane(database_url):
    careful = Careful(keep_lane=True)

    async def main():
        async with running(database_url, {"k": careful.handle}) as engine:
            careful.engine = engine
            await begin(engine)
            await until(lambda: SCOPE in engine.pauses)
            await enter(engine, Job("p1", "k", "lane"), Job("next", "k", "lane"))
            await all_rest(engine, "p1")
            await end(engine)
            await wait_gone(engine, "next")

    asyncio.run(main())
    assert careful.ran == [("p1", 0), ("next", 0)]


def test_a_pause_that_was_lifted_before_the_job_was_put_down_does_not_hold_it(database_url):
    """Its process had not heard yet: nobody would ever come back for it."""
    tries = []

    async def handle(claim):
        tries.append(claim.id)
        return Snooze(0.0, paused_by=SCOPE) if len(tries) == 1 else Done()

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, Job("p1", "k", "lane"))
            await wait_gone(engine, "p1")

    asyncio.run(main())
    assert tries == ["p1", "p1"]


def test_a_circuit_that_closes_wakes_nobody_who_rests_for_the_operator(database_url):
    careful = Careful(keep_lane=True)

    async def main():
        async with running(database_url, {"k": careful.handle}) as engine:
            careful.engine = engine
            await begin(engine)
            await until(lambda: SCOPE in engine.pauses)
            await enter(engine, Job("p1", "k", "lane", scope="stripe:us"))
            await all_rest(engine, "p1")
            started = engine.slots.started
            await engine.store.write(lambda conn: open_circuit(conn, "stripe:us", "x", "y"))
            await engine.store.write(lambda conn: close_circuit(conn, "stripe:us"))
            await enter(engine, Job("later", "k", "elsewhere"))
            await wait_gone(engine, "later")
            return engine.slots.started - started, await engine.store.read(lambda c: lanes.state_of(c, "p1"))

    assert asyncio.run(main()) == (1, "waiting")


def test_pausing_twice_keeps_when_it_began_and_takes_the_new_reason(database_url):
    async def main():
        async with running(database_url, {}) as engine:
            await begin(engine)
            [first] = await engine.store.read(pauses.standing)
            await engine.store.write(lambda conn: pauses.begin(conn, SCOPE, "somebody else", "another"))
            [second] = await engine.store.read(pauses.standing)
            return first, second, await end(engine), await end(engine)

    first, second, released, again = asyncio.run(main())

    assert (second.since, second.actor, second.reason) == (first.since, "somebody else", "another")
    assert (released, again) == (0, None)


def test_a_process_whose_slots_are_all_taken_still_hears_of_it(database_url):
    async def main():
        let_go = asyncio.Event()

        async def handle(_claim):
            await let_go.wait()
            return Done()

        async with running(database_url, {"k": handle}, concurrency=1) as engine:
            await enter(engine, Job("busy", "k", "lane"))
            await until(lambda: engine.running == 1)
            await begin(engine)
            await until(lambda: SCOPE in engine.pauses)
            let_go.set()
            await wait_gone(engine, "busy")

    asyncio.run(main())
