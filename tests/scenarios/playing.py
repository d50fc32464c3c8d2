"""Playing a story to its end: insist like a caller, let time pass, wait until everything is at rest, then judge."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from gateway.app import Gateway
from gateway.pipeline.accept import Answer
from tests.scenarios.lab import Lab
from tests.scenarios.stories import Deal, Story, request
from tests.scenarios.verdict import differences, effects, told, unfinished

SECONDS = 60.0  # until something that must come by itself counts as stuck; only a broken test waits that long
A_MINUTE, LONGER = 61.0, 200.0  # until a circuit is probed; until a send without an answer is made again
PACE = 0.2  # real seconds from leap to leap
LEAPS = 12  # of either: a request that could not start expires after a quarter of an hour
DEADLINE = 0.4  # seconds of one call: the gateway's own are 25 and more, and some faults never answer

SOAK = bool(os.environ.get("GATEWAY_SOAK"))
SEED = int(os.environ["GATEWAY_TEST_SEED"])  # drawn by tests/conftest.py where it is not given


def hurry(gateway: Gateway) -> None:
    """A gateway that gives up on a call sooner."""
    stripe, salesforce = gateway.tools.stripe, gateway.tools.salesforce
    call, ask = stripe.call, salesforce._ask

    async def call_soon(*args: Any, **more: Any) -> Any:
        return await call(*args, **{**more, "deadline": DEADLINE})

    async def ask_soon(org: str, what: Any, endpoint: str, deadline: float) -> Any:
        return await ask(org, what, endpoint, min(deadline, DEADLINE))

    stripe.call = call_soon  # type: ignore[method-assign]
    salesforce._ask = ask_soon  # type: ignore[method-assign]


async def insist(lab: Lab, gateway: Gateway, story: Story, deal: Deal) -> Answer:
    """The same request with the same key until there is an end."""
    end, leaps = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        answer = await request(gateway, story, deal, 0.5)
        if not answer.running:
            return answer
        if leaps < LEAPS:
            leaps += 1
            await asyncio.to_thread(lab.passes, gateway, A_MINUTE)
    raise AssertionError(f"no end: {answer.envelope}; {await unfinished(gateway)}")


async def rest(lab: Lab, gateway: Gateway, *, unknown: bool = False) -> None:
    """Until nothing is left to do, while time passes."""
    end, leap = time.monotonic() + SECONDS, 0.0
    while left := await unfinished(gateway, unknown=unknown):
        assert time.monotonic() < end, f"stuck: {left}"
        if time.monotonic() > leap:  # not all at once: what is under way must come to its own pause first
            leap = time.monotonic() + PACE
            await asyncio.to_thread(lab.passes, gateway, LONGER)
            gateway.tools.engine.poke()
        await asyncio.sleep(0.03)


async def judge(
    lab: Lab, gateway: Gateway, story: Story, deal: Deal, *, key: str | None = None, mails: int | None = None
) -> None:
    """
    Exactly one effect, told to Salesforce, and nothing left over. ``key`` is the request's where it is not the
    record's own; ``mails`` is for the one effect Stripe keeps no trace of: at most so many, if not as the story says.
    """
    await rest(lab, gateway)
    await asyncio.to_thread(_judge, lab, story, deal, key or deal.key, mails)


def _judge(lab: Lab, story: Story, deal: Deal, key: str, mails: int | None) -> None:
    found, wanted = effects(lab, story, deal), dict(story.wanted)
    if mails is not None:
        assert len(found.pop("mail")) <= mails
        wanted.pop("mail")
    assert found == wanted, f"at Stripe: {found}"
    assert not (wrong := list(differences(lab, story, deal))), wrong
    assert told(lab, key) == ["succeeded"], f"Salesforce shows {told(lab, key)}"
