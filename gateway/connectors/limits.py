"""
How fast Stripe may be called: token buckets per account and endpoint, a ceiling on calls in flight, priorities.

Stripe: docs.stripe.com/rate-limits (25 requests a second per endpoint; 100 in live mode, 25 in a sandbox per account).
Processes that share a database share these limits: each takes its part (docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.connectors import Clock
from gateway.errors import Throttled


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls a second, burst and calls in flight of one account; ``kept`` is the share kept for interactive calls."""

    endpoint: float = 25.0
    live: float = 100.0
    test: float = 25.0
    burst: float = 5.0
    in_flight: int = 48
    kept: float = 0.2

    @property
    def least_burst(self) -> float:
        """What a part of the burst must hold, or background calls, which leave ``kept`` of it, would never go."""
        return 1 / (1 - self.kept)

    def part(self, processes: int) -> Rates:
        """One of so many processes' share."""
        return Rates(
            self.endpoint / processes,
            self.live / processes,
            self.test / processes,
            max(min(self.burst, self.least_burst), self.burst / processes),
            max(1, self.in_flight // processes),
            self.kept,
        )


@dataclass(slots=True)
class Bucket:
    """Tokens that come back at ``rate`` a second, at most ``burst`` of them."""

    rate: float
    burst: float
    tokens: float
    filled: float

    def level(self, now: float) -> float:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        return self.tokens

    def wait(self, now: float, needed: float) -> float:
        """Seconds until ``needed`` tokens are there."""
        return max(0.0, (needed - self.level(now)) / self.rate)

    def resize(self, rate: float, burst: float, now: float) -> None:
        """From now on another rate."""
        self.level(now)
        self.rate, self.burst, self.tokens = rate, burst, min(self.tokens, burst)


@dataclass(slots=True, eq=False)
class Waiter:
    priority: int
    endpoint: str
    granted: asyncio.Future[None]


@dataclass(slots=True)
class Account:
    """The state of one Stripe account; ``rates`` is this process's part, ``waiting`` is in the order of asking."""

    live: bool
    processes: int
    rates: Rates
    whole: Bucket
    endpoints: dict[str, Bucket] = field(default_factory=dict)
    waiting: list[Waiter] = field(default_factory=list)
    in_flight: int = 0
    ceiling: float = 0.0
    timer: asyncio.TimerHandle | None = None


class Limiter:
    """
    ``await acquire(...)`` before a call, ``release(...)`` after it, ``slow_down(...)`` when Stripe said 429.

    Lower priority numbers go first (0 is interactive). Background calls leave one token of the burst and a fifth of
    the calls in flight to interactive ones, so that a batch keeps its full rate while nobody clicks. ``processes``
    tells how many share the limits now.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        rates: Rates | None = None,
        enabled: bool = True,
        processes: Callable[[], int] = lambda: 1,
    ) -> None:
        self._clock = clock
        self._processes = processes
        self._rates = rates or Rates()
        self._enabled = enabled
        self._accounts: dict[str, Account] = {}

    async def acquire(self, account: str, endpoint: str, *, live: bool, priority: int, patience: float) -> None:
        """Wait for leave to call, at most ``patience`` seconds; nothing has been sent when this raises."""
        if not self._enabled:
            return
        state = self._account(account, live=live)
        waiter = Waiter(priority, endpoint, asyncio.get_running_loop().create_future())
        state.waiting.append(waiter)
        self._grant(state)
        if waiter.granted.done():
            return
        try:
            async with asyncio.timeout(patience):
                await waiter.granted
        except TimeoutError as exc:
            self._withdraw(state, waiter)
            raise Throttled(
                "stripe_busy", "The calls to this Stripe account are queued; it goes on by itself."
            ) from exc
        except asyncio.CancelledError:
            self._withdraw(state, waiter)
            raise

    def release(self, account: str) -> None:
        """The call of this account has ended."""
        if not self._enabled:
            return
        state = self._accounts[account]
        state.in_flight -= 1
        # A ceiling that was halved grows back by one per ceiling's worth of calls.
        state.ceiling = min(float(state.rates.in_flight), state.ceiling + 1 / state.ceiling)
        self._grant(state)

    def slow_down(self, account: str, endpoint: str, reason: str) -> None:
        """Obey a 429: ``reason`` is the header ``Stripe-Rate-Limited-Reason`` (endpoint-rate, global-concurrency …)."""
        state = self._accounts.get(account)
        if state is None:
            return
        now = self._clock.monotonic()
        if reason.endswith("concurrency"):
            state.ceiling = max(min(4.0, state.rates.in_flight), state.ceiling / 2)
        bucket = state.whole if reason.startswith("global") else self._endpoint(state, endpoint, now)
        bucket.level(now)
        bucket.tokens = min(bucket.tokens, 0.0)

    def _withdraw(self, state: Account, waiter: Waiter) -> None:
        if waiter in state.waiting:
            state.waiting.remove(waiter)
        else:  # granted in the moment it gave up
            state.in_flight -= 1
            self._grant(state)

    def _account(self, account: str, *, live: bool) -> Account:
        state = self._accounts.get(account)
        if state is None:
            processes, now = self._processes(), self._clock.monotonic()
            part = self._rates.part(processes)
            whole = Bucket(part.live if live else part.test, part.burst, part.burst, now)
            state = Account(live, processes, part, whole, ceiling=float(part.in_flight))
            self._accounts[account] = state
        return state

    def _take_part(self, state: Account, now: float) -> None:
        """A process came or went: this one's share changes at once."""
        processes = self._processes()
        if processes == state.processes:
            return
        part = self._rates.part(processes)
        state.ceiling = max(1.0, state.ceiling * part.in_flight / state.rates.in_flight)
        state.processes, state.rates = processes, part
        state.whole.resize(part.live if state.live else part.test, part.burst, now)
        for bucket in state.endpoints.values():
            bucket.resize(part.endpoint, part.burst, now)

    def _endpoint(self, state: Account, endpoint: str, now: float) -> Bucket:
        bucket = state.endpoints.get(endpoint)
        if bucket is None:
            part = state.rates
            bucket = state.endpoints[endpoint] = Bucket(part.endpoint, part.burst, part.burst, now)
        return bucket

    def _grant(self, state: Account) -> None:
        """Let through whoever may go now, the most urgent first, and set a timer for the next."""
        now, soonest = self._clock.monotonic(), float("inf")
        self._take_part(state, now)
        for waiter in sorted(
            (each for each in state.waiting if not each.granted.done()), key=lambda each: each.priority
        ):
            if state.in_flight >= self._room(state, waiter.priority):
                break  # a release grants again
            wait = self._wait(state, waiter, now)
            if wait > 0:
                soonest = min(soonest, wait)
                continue
            self._take(state, waiter, now)
        self._arm(state, soonest)

    def _room(self, state: Account, priority: int) -> float:
        return max(1.0, state.ceiling if priority == 0 else state.ceiling * (1 - self._rates.kept))

    def _wait(self, state: Account, waiter: Waiter, now: float) -> float:
        needed = 1.0 if waiter.priority == 0 else 1.0 + state.rates.kept * state.rates.burst
        endpoint = self._endpoint(state, waiter.endpoint, now)
        return max(state.whole.wait(now, needed), endpoint.wait(now, needed))

    def _take(self, state: Account, waiter: Waiter, now: float) -> None:
        state.whole.tokens -= 1
        self._endpoint(state, waiter.endpoint, now).tokens -= 1
        state.in_flight += 1
        state.waiting.remove(waiter)
        waiter.granted.set_result(None)

    def _arm(self, state: Account, seconds: float) -> None:
        if state.timer is not None:
            state.timer.cancel()
            state.timer = None
        if seconds < float("inf"):
            state.timer = asyncio.get_running_loop().call_later(seconds, self._grant, state)
