"""Stripe's rate limits, obeyed before Stripe has to say so."""

from __future__ import annotations

import asyncio

import pytest

from gateway.connectors.limits import Limiter, Rates
from gateway.errors import Throttled
from tests.support.upstreams import SteppedClock, run

FAST = Rates(endpoint=1e6, live=1e6, test=1e6, burst=1000.0)


class HandClock:
    """Time stands still until the test moves it."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def ask(limiter: Limiter, endpoint: str = "e", priority: int = 0, account: str = "acct_1") -> None:
    await limiter.acquire(account, endpoint, live=False, priority=priority, patience=60)


def granted(tasks: list[asyncio.Task[None]]) -> int:
    return sum(task.done() for task in tasks)


def test_a_burst_is_five_and_then_the_rate_decides() -> None:
    async def main() -> None:
        clock = HandClock()
        limiter = Limiter(clock)
        tasks = [asyncio.create_task(ask(limiter)) for _ in range(20)]

        await settle()
        assert granted(tasks) == 5

        clock.time += 0.2  # 25 a second
        limiter.release("acct_1")
        await settle()
        assert granted(tasks) == 10
        for task in tasks:
            task.cancel()

    run(main())


def test_endpoints_share_the_account_and_accounts_share_nothing() -> None:
    async def main() -> None:
        limiter = Limiter(HandClock())
        tasks = [asyncio.create_task(ask(limiter, f"e{n}")) for n in range(9)]
        other = asyncio.create_task(ask(limiter, account="acct_2"))

        await settle()

        assert granted(tasks) == 5
        assert other.done()
        for task in tasks:
            task.cancel()

    run(main())


def test_background_calls_leave_the_last_token_to_interactive_ones() -> None:
    async def main() -> None:
        limiter = Limiter(HandClock())
        batch = [asyncio.create_task(ask(limiter, f"e{n}", priority=2)) for n in range(9)]
        await settle()
        click = asyncio.create_task(ask(limiter))
        await settle()

        assert granted(batch) == 4
        assert click.done()
        for task in batch:
            task.cancel()

    run(main())


def test_the_more_urgent_goes_first_whoever_asked_earlier() -> None:
    async def main() -> list[int]:
        clock, order = HandClock(), []
        limiter = Limiter(clock, rates=Rates(burst=1.0, kept=0.0))
        await ask(limiter)

        async def one(priority: int) -> None:
            await ask(limiter, priority=priority)
            order.append(priority)

        tasks = [asyncio.create_task(one(priority)) for priority in (3, 1, 2, 0)]
        await settle()
        for _ in tasks:
            clock.time += 0.04
            limiter.release("acct_1")
            await settle()
        return order

    assert run(main()) == [0, 1, 2, 3]


def test_calls_in_flight_are_bounded_and_a_fifth_is_kept() -> None:
    async def main() -> None:
        limiter = Limiter(HandClock(), rates=FAST)
        batch = [asyncio.create_task(ask(limiter, priority=2)) for _ in range(60)]
        await settle()
        clicks = [asyncio.create_task(ask(limiter)) for _ in range(60)]
        await settle()

        assert granted(batch) == 39  # 0.8 × 48 = 38.4
        assert granted(batch) + granted(clicks) == 48
        for task in batch + clicks:
            task.cancel()

    run(main())


def test_too_much_concurrency_halves_the_calls_in_flight_and_success_brings_them_back() -> None:
    async def main() -> None:
        limiter = Limiter(HandClock(), rates=FAST)
        await ask(limiter)
        limiter.slow_down("acct_1", "e", "endpoint-concurrency")
        assert limiter._accounts["acct_1"].ceiling == 24

        for _ in range(48 * 24):
            limiter.release("acct_1")
            limiter._accounts["acct_1"].in_flight += 1

        assert limiter._accounts["acct_1"].ceiling == pytest.approx(48, abs=1)

    run(main())


def test_a_rate_429_empties_the_bucket_it_names() -> None:
    async def main() -> None:
        limiter = Limiter(HandClock())
        await ask(limiter)
        limiter.slow_down("acct_1", "e", "endpoint-rate")
        same = asyncio.create_task(ask(limiter))
        other = asyncio.create_task(ask(limiter, "another"))
        await settle()

        assert not same.done()
        assert other.done()
        same.cancel()

    run(main())


def test_who_runs_out_of_patience_is_told_that_nothing_was_sent() -> None:
    async def main() -> None:
        limiter = Limiter(HandClock(), rates=Rates(burst=1.0, kept=0.0))
        await ask(limiter)

        with pytest.raises(Throttled):
            await limiter.acquire("acct_1", "e", live=False, priority=0, patience=0.01)

        assert limiter._accounts["acct_1"].waiting == []
        assert limiter._accounts["acct_1"].in_flight == 1

    run(main())


def test_a_cancelled_wait_takes_no_place() -> None:
    async def main() -> None:
        clock = HandClock()
        limiter = Limiter(clock, rates=Rates(burst=1.0, kept=0.0))
        await ask(limiter)
        waiting = asyncio.create_task(ask(limiter))
        await settle()
        waiting.cancel()
        clock.time += 1
        limiter.release("acct_1")  # would grant in the same turn
        await settle()

        assert waiting.cancelled()
        assert limiter._accounts["acct_1"].in_flight == 0

    run(main())


def test_real_time_alone_lets_the_next_through() -> None:
    async def main() -> None:
        limiter = Limiter(SteppedClock(), rates=Rates(test=200.0, endpoint=200.0, burst=1.0, kept=0.0))

        for _ in range(5):
            await ask(limiter)

        assert limiter._accounts["acct_1"].in_flight == 5

    run(main())


def test_switched_off_it_counts_nothing() -> None:
    async def main() -> None:
        limiter = Limiter(HandClock(), enabled=False)

        for _ in range(100):
            await ask(limiter)
        limiter.release("acct_1")

        assert limiter._accounts == {}

    run(main())


class Fleet:
    """So many processes, each with its own limiter; whoever wants to call does so as soon as it may."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self.clock = HandClock()
        self.limiters = [Limiter(self.clock, processes=lambda: self.processes) for _ in range(processes)]
        self.tasks: list[asyncio.Task[None]] = []

    def want(self, calls: int, *, priority: int = 0, live: bool = False, endpoint: str = "e") -> None:
        for limiter in self.limiters:
            for _ in range(calls):
                wish = limiter.acquire("acct_1", endpoint, live=live, priority=priority, patience=600)
                self.tasks.append(asyncio.create_task(wish))

    async def pass_time(self, seconds: float) -> int:
        """Calls that went out, each answered at once."""
        before = granted(self.tasks)
        for _ in range(round(seconds / 0.04)):
            self.clock.time += 0.04
            for limiter in self.limiters:
                for state in limiter._accounts.values():
                    state.in_flight = 0
                    limiter._grant(state)
            await settle()
        return granted(self.tasks) - before

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()


@pytest.mark.parametrize("processes", [1, 2, 8])
@pytest.mark.parametrize("priority", [0, 2])
def test_all_processes_together_keep_to_the_rate_of_the_account(processes: int, priority: int) -> None:
    async def main() -> int:
        fleet = Fleet(processes)
        fleet.want(160 // processes, priority=priority)
        await fleet.pass_time(0.4)
        sent = await fleet.pass_time(4.0)
        fleet.stop()
        return sent

    assert run(main()) == pytest.approx(100, abs=processes)


def test_in_live_mode_an_endpoint_has_25_a_second_and_the_account_100() -> None:
    async def main() -> tuple[int, int]:
        one, many = Fleet(2), Fleet(2)
        one.want(80, live=True)
        for n in range(6):
            many.want(40, live=True, endpoint=f"e{n}")
        found = []
        for fleet in (one, many):
            await fleet.pass_time(0.4)
            found.append(await fleet.pass_time(2.0))
            fleet.stop()
        return found[0], found[1]

    assert run(main()) == (pytest.approx(50, abs=2), pytest.approx(200, abs=8))


def test_what_a_process_leaves_its_peers_take_over_at_once() -> None:
    async def main() -> tuple[int, int]:
        fleet = Fleet(4)
        del fleet.limiters[1:]
        fleet.want(200)
        await fleet.pass_time(0.4)
        beside_peers = await fleet.pass_time(4.0)
        fleet.processes = 1
        alone = await fleet.pass_time(4.0)
        fleet.stop()
        return beside_peers, alone

    assert run(main()) == (pytest.approx(25, abs=2), pytest.approx(100, abs=4))


def test_the_calls_in_flight_are_shared_and_each_of_very_many_processes_still_gets_one() -> None:
    async def main(processes: int) -> int:
        limiter = Limiter(HandClock(), rates=FAST, processes=lambda: processes)
        tasks = [asyncio.create_task(ask(limiter)) for _ in range(60)]
        await settle()
        for task in tasks:
            task.cancel()
        return granted(tasks)

    assert [run(main(processes)) for processes in (1, 2, 100)] == [48, 24, 1]


def test_while_a_batch_runs_at_full_rate_a_click_is_the_very_next_call() -> None:
    async def main() -> int:
        fleet = Fleet(2)
        del fleet.limiters[1:]
        fleet.want(100, priority=2)
        await fleet.pass_time(1.0)
        click = asyncio.create_task(ask(fleet.limiters[0]))
        await settle()
        meanwhile = 0
        while not click.done():
            meanwhile += await fleet.pass_time(0.04)
        fleet.stop()
        return meanwhile

    assert run(main()) == 0
