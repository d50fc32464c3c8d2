"""Whole-upstream faults: jobs wait unattempted, one probe a minute, and a mended upstream lets them all run."""

import asyncio

from gateway.engine import jobs, lanes
from gateway.engine.circuit import Outbreaks, close_circuit, open_circuit, open_circuits
from gateway.engine.clock import SystemClock
from gateway.engine.worker import Dead, Done, Job, Snooze
from gateway.errors import Misconfigured
from tests.support.engine import running, until, wait_gone

US = "stripe:us"


class Upstream:
    """A handler whose upstream is down until it is mended."""

    def __init__(self):
        self.down = True
        self.calls = []

    async def handle(self, claim):
        self.calls.append((claim.id, claim.attempts))
        if self.down:
            raise Misconfigured("key_invalid", "the key of us was rolled", scope=US)
        return Done()


def enter(engine, *job_ids, scope=US):
    entered = [Job(job_id, "k", f"lane {job_id}", scope=scope) for job_id in job_ids]
    return engine.store.write(lambda conn: [engine.enqueue(conn, job) for job in entered])


async def opened_circuit(engine):
    await enter(engine, "a")
    await until(lambda: engine.open_scopes == {US})


def test_an_open_circuit_keeps_its_jobs_waiting_unattempted(database_url):
    upstream = Upstream()

    async def main():
        async with running(database_url, {"k": upstream.handle}) as engine:
            await opened_circuit(engine)
            await enter(engine, "b", "c")
            await enter(engine, "elsewhere", scope="stripe:de")
            await until(lambda: len(upstream.calls) == 2)
            await asyncio.sleep(0.2)
            [circuit] = await engine.store.read(open_circuits)
            return circuit, await engine.store.read(lambda conn: [lanes.state_of(conn, job_id) for job_id in "abc"])

    circuit, states = asyncio.run(main())

    assert [job_id for job_id, _ in upstream.calls] == ["a", "elsewhere"]
    assert states == ["waiting", "ready", "ready"]
    assert (circuit.scope, circuit.error_code) == (US, "key_invalid")
    assert 59 < circuit.next_probe - circuit.since < 61


def test_one_probe_a_minute_goes_out_and_uses_no_attempt(database_url):
    upstream, clock = Upstream(), SystemClock()

    async def main():
        async with running(database_url, {"k": upstream.handle}, clock=clock) as engine:
            await opened_circuit(engine)
            await enter(engine, "b", "c")
            for minute in range(1, 4):
                clock.offset += 61.0
                engine.poke()
                await until(lambda minute=minute: len(upstream.calls) == 1 + minute and engine.running == 0)
                await asyncio.sleep(0.1)
            [circuit] = await engine.store.read(open_circuits)
            return circuit

    circuit = asyncio.run(main())

    assert len(upstream.calls) == 4
    assert {attempts for _, attempts in upstream.calls} == {0}
    assert circuit.next_probe - circuit.since > 180


def test_a_probe_that_passes_closes_the_circuit_and_all_jobs_run(database_url):
    upstream, clock = Upstream(), SystemClock()

    async def main():
        async with running(database_url, {"k": upstream.handle}, clock=clock) as engine:
            await opened_circuit(engine)
            await enter(engine, "b", "c")
            upstream.down = False
            clock.offset += 61.0
            engine.poke()
            await asyncio.gather(*(wait_gone(engine, job_id) for job_id in "abc"))
            return await engine.store.read(open_circuits)

    assert asyncio.run(main()) == []


def test_closing_by_hand_lets_the_jobs_run_at_once(database_url):
    upstream = Upstream()

    async def main():
        async with running(database_url, {"k": upstream.handle}) as engine:
            await opened_circuit(engine)
            upstream.down = False
            closed = await engine.store.write(lambda conn: close_circuit(conn, US))
            again = await engine.store.write(lambda conn: close_circuit(conn, US))
            await wait_gone(engine, "a")
            return closed, again

    assert asyncio.run(main()) == (True, False)


def test_a_job_may_be_parked_by_another_scope_than_it_came_with(database_url):
    seen = []

    async def handle(claim):
        seen.append(claim.scope)
        if len(seen) > 1:
            return Done()
        park = "salesforce:00D"
        return Snooze(0.01, "login_failed", scope=park, commit=lambda conn: open_circuit(conn, park, "x", "y"))

    async def main():
        async with running(database_url, {"k": handle}) as engine:
            await enter(engine, "a")
            await until(lambda: engine.open_scopes == {"salesforce:00D"})
            await asyncio.sleep(0.1)
            still = list(seen)
            await engine.store.write(lambda conn: close_circuit(conn, "salesforce:00D"))
            await wait_gone(engine, "a")
            return still

    assert asyncio.run(main()) == [US]
    assert seen == [US, "salesforce:00D"]


def test_the_same_permanent_error_on_many_lanes_parks_them_instead_of_burying_them(database_url):
    async def handle(_claim):
        return Dead("package_missing", "install the package")

    async def main():
        async with running(database_url, {"k": handle}, concurrency=1) as engine:
            await enter(engine, *(f"j{n}" for n in range(40)))
            await until(lambda: US in engine.open_scopes)
            await asyncio.sleep(0.1)
            return await engine.store.read(jobs.dead_groups), await engine.store.read(open_circuits)

    [group], [circuit] = asyncio.run(main())

    assert (group.error_code, group.count) == ("package_missing", 19)
    assert (circuit.scope, circuit.error_code) == (US, "package_missing")


def test_an_outbreak_is_many_lanes_within_a_minute_not_one_lane_or_a_long_time():
    one_lane, slow, quick = Outbreaks(), Outbreaks(), Outbreaks()

    assert not any(one_lane.note(US, "x", "same", at) for at in range(50))
    assert not any(slow.note(US, "x", f"lane{n}", n * 10.0) for n in range(50))
    assert [quick.note(US, "x", f"lane{n}", n * 1.0) for n in range(20)] == [False] * 19 + [True]
    assert not quick.note(US, "another", "lane", 20.0)
