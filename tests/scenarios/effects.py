"""Where a process can die: at every commit and every answer of an upstream, each by its name."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.app import Gateway

# The commits on an action's way, by the function that asks for them. A new one must be named here: the crash tests
# fail on a commit without a name.
COMMITS = {
    "accept.submit": "accepted",
    "settle.settle": "planned",
    "numbers.next_number": "numbered",
    "unsent.take_back.commit": "may be sent now",
    "attempt.next_generation.commit": "next key",
    "rechunk.rechunk.commit": "planned again",
    "underway.told_to_ask_again": "shown as under way",
    "outbox._drain": "org known",
    "outbox._take_up": "rows taken up",
    "outbox.wake": "outbox stirred",
    "pump.claim_turns": "claimed",
    "sender._take_up": "sender taken up",
    "sender._send": "rows announced",
    "sender._store": "rows settled",
    "sender._refused": "rows not sent",
    "sender._unclear": "rows unclear",
    "sender._without_answer": "rows unclear",
    "sender._close_circuit": "circuit closed",
}
# Comes by the clock and belongs to no action.
UPKEEP = {"clock.remember", "schedule.age_out_all", "schedule.seal_audit", "pump.drop_orphans", "turns.fall_back"}
UPKEEP |= {"worker.start", "alarms.look"}

_ID = re.compile(r"(?<=/)[a-z]+_[0-9a-zA-Z]*[0-9A-Z][0-9a-zA-Z]*")


class Crash(BaseException):
    """The process died at this point."""


@dataclass(frozen=True)
class Point:
    """The ``nth`` time that something happens; from 1."""

    name: str
    nth: int

    def __str__(self) -> str:
        return self.name if self.nth == 1 else f"{self.name} ({self.nth})"


class Effects:
    """Tells every effect of a gateway by name, and kills the process after (or before) the one it is armed for."""

    def __init__(self) -> None:
        self.seen: list[Point] = []
        self.target: Point | None = None
        self.after = True
        self.dead = False
        self._counts: Counter[str] = Counter()

    def arm(self, target: Point | None, *, after: bool = True) -> None:
        """Count anew from here; None: only watch."""
        self.seen, self._counts = [], Counter()
        self.target, self.after = target, after

    def watch(self, gateway: Gateway) -> None:
        tools = gateway.tools
        tools.store.write_soon = self._unawaited(tools.store.write_soon)  # type: ignore[method-assign]
        tools.store.write = self._watched(_commit, tools.store.write)  # type: ignore[method-assign]
        tools.stripe.call = self._watched(_stripe, tools.stripe.call)  # type: ignore[method-assign]
        for name in ("graphs", "update_many", "composite"):
            effect = getattr(tools.salesforce, name)
            setattr(tools.salesforce, name, self._watched(partial(_salesforce, name), effect))

    def _watched(
        self, name_of: Callable[..., str | None], effect: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        async def watched(*args: Any, **kwargs: Any) -> Any:
            mine = self._meet(name_of(*args, **kwargs))
            result = await effect(*args, **kwargs)
            if mine:
                self._die()
            if self.dead:
                raise Crash
            return result

        return watched

    def _unawaited(self, effect: Callable[..., None]) -> Callable[..., None]:
        def watched(fn: Callable[..., object], *args: Any) -> None:
            mine = self._meet(_row(fn))
            effect(fn, *args)  # committed while the process goes down
            if mine:
                self._die()
                raise Crash

        return watched

    def _die(self) -> None:
        self.dead = True

    def _meet(self, name: str | None) -> bool:
        """Whether the process is to die after this one; raises Crash where it is dead already, or dies before."""
        if self.dead:
            raise Crash
        if name is None:
            return False
        self._counts[name] += 1
        point = Point(name, self._counts[name])
        self.seen.append(point)
        if point == self.target and not self.after:
            self._die()
            raise Crash
        return point == self.target


def _commit(fn: Callable[..., object], *_: object) -> str | None:
    function: Any = getattr(fn, "func", fn)  # a partial of it
    owner = function.__qualname__.replace(".<locals>", "").removesuffix(".<lambda>").removesuffix(".look")
    place = (
        f"{function.__module__.rpartition('.')[2]}.{owner if owner.endswith('.commit') else owner.rpartition('.')[2]}"
    )
    if place in UPKEEP:
        return None
    if owner == "Engine._commit.commit":
        told = inspect.getclosurevars(function).nonlocals
        return f"{told['claim'].kind} {_VERDICTS[type(told['verdict']).__name__]}"
    return COMMITS.get(place, f"unnamed: {place}")


_VERDICTS = {"Done": "ended", "WaitFor": "waits", "Snooze": "snoozed", "Retry": "retried", "Dead": "died"}


def _row(fn: Callable[..., object]) -> str:
    [row] = inspect.getclosurevars(fn).nonlocals.values()
    return f"step {row.name} {row.state}"


def _stripe(_: str, method: str, path: str, *__: object, **___: object) -> str:
    return f"Stripe {method.upper()} {_ID.sub('{id}', path)}"


def _salesforce(name: str, *_: object, **__: object) -> str:
    return f"Salesforce {name}"


async def drop(gateway: Gateway) -> None:
    """The process is gone: tasks vanish, the file lock and connections go, nothing is said to the database."""
    tools = gateway.tools
    await gateway.schedule.stop()
    await tools.engine.abandon()
    await tools.stripe.close(0.1)
    await tools.salesforce.close(0.1)
    await asyncio.to_thread(tools.store.close)
