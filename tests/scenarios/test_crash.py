"""
Killed at every point of every action: after each commit, each answer of Stripe, each answer of Salesforce, before
anybody heard of it. The next process goes on, and in the end it has happened exactly once.

The points are recorded from a clean run of the story, and each of them is died at. ``POINTS`` says what a clean run
must have: an effect that is not in it, or no longer met, fails the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa

from gateway.app import Gateway
from gateway.engine.clock import SystemClock
from gateway.engine.schema import action
from gateway.engine.store import Store
from gateway.pipeline.accept import Answer
from tests.scenarios.effects import Effects, Point, drop
from tests.scenarios.lab import Lab
from tests.scenarios.playing import A_MINUTE, PACE, SOAK, insist, judge, rest
from tests.scenarios.stories import STORIES, Deal, Records, Story, request
from tests.scenarios.verdict import unfinished

READ = "Salesforce composite"
PLANNED = ("accepted", "planned")
ENDED = ("action ended", "rows announced", "Salesforce graphs", "rows settled", "sender ended")


def done(step: str, call: str) -> tuple[str, str]:
    """A step: Stripe's answer, then the step's own row."""
    return f"Stripe {call}", f"step {step} done"


CUSTOMER = done("customer", "POST /v1/customers")
INVOICE = (
    *done("invoice", "POST /v1/invoices"),
    *done("lines", "POST /v1/invoices/{id}/add_lines"),
    "step recipient_again skipped",
    *done("finalize", "POST /v1/invoices/{id}/finalize"),
    *done("send", "POST /v1/invoices/{id}/send"),
)
VOID = done("void", "POST /v1/invoices/{id}/void")
LINK = done("payment_link", "POST /v1/payment_links")
DEACTIVATE = done("deactivate", "POST /v1/payment_links/{id}")
REFRESHED = ("numbered", "refresh ended")
POINTS: dict[str, set[str]] = {
    "create-customer": {READ, *PLANNED, *CUSTOMER, *ENDED},
    "update-customer": {
        READ,
        "Stripe GET /v1/customers/{id}",
        *PLANNED,
        *done("customer_update", "POST /v1/customers/{id}"),
        *ENDED,
    },
    "send-invoice": {READ, *PLANNED, *CUSTOMER, "action waits", "claimed", "may be sent now", *INVOICE, *ENDED},
    "send-invoice-of-a-known-customer": {"Stripe GET /v1/invoices/{id}", *PLANNED, *INVOICE, *ENDED},
    "replace-invoice": {READ, "Stripe GET /v1/invoices/{id}", *PLANNED, *VOID, *INVOICE, *ENDED, *REFRESHED},
    "create-payment-link": {READ, *PLANNED, *LINK, *ENDED},
    "replace-payment-link": {
        *(READ, "Stripe GET /v1/payment_links/{id}"),
        *(*PLANNED, *DEACTIVATE, *LINK, *ENDED, *REFRESHED),
    },
    "refund-payment": {
        *(READ, "Stripe GET /v1/invoice_payments", "Stripe GET /v1/refunds"),
        *(*PLANNED, *done("refund", "POST /v1/refunds"), *ENDED, *REFRESHED),
        *("Stripe GET /v1/payment_intents/{id}", "Stripe GET /v1/invoices/{id}"),
    },
}
# Met or not as the jobs happen to overtake each other.
SOMETIMES = {"claimed", "may be sent now", "sender snoozed", "outbox snoozed", "org known", "shown as under way"}
# The commits that are awaited are also died before: nobody may have been told of them yet.
AWAITED = {"accepted", "planned", "action ended"}


class Deaths:
    """A story, died at one point after the other, each time with a record of its own."""

    def __init__(self, lab: Lab, story: Story, tell: Callable[[str], None]) -> None:
        self.lab, self.story, self._tell = lab, story, tell
        self.records = Records(lab, story)
        self.deaths = 0

    async def all(self) -> None:
        gateway, effects = await self._boot()
        points = await self._clean(gateway, effects)
        deaths = [(point, True) for point in points]
        deaths += [(point, False) for point in points if SOAK or point.name in AWAITED]
        deals = await self.records.ready(gateway, len(deaths))
        await rest(self.lab, gateway)
        for (point, after), deal in zip(deaths, deals, strict=True):
            try:
                gateway, effects = await self._die_and_go_on(gateway, effects, point, deal, after=after)
            except AssertionError as exc:
                self._tell(f"{'after' if after else 'before'} {point}: {exc}")
                raise
        await gateway.stop()

    async def _boot(self) -> tuple[Gateway, Effects]:
        effects = Effects()
        return await self.lab.boot(effects.watch), effects

    async def _clean(self, gateway: Gateway, effects: Effects) -> Sequence[Point]:
        """What a run without a crash does."""
        [deal] = await self.records.ready(gateway, 1)
        await rest(self.lab, gateway)
        effects.arm(None)
        await insist(self.lab, gateway, self.story, deal)
        await judge(self.lab, gateway, self.story, deal)
        return tuple(effects.seen)

    async def _die_and_go_on(
        self, gateway: Gateway, effects: Effects, point: Point, deal: Deal, *, after: bool
    ) -> tuple[Gateway, Effects]:
        effects.arm(point, after=after)
        answered = await self._die(gateway, effects, deal)
        assert effects.dead or point.nth > 1 or point.name in SOMETIMES, "it was not met again"
        self.deaths += effects.dead
        await drop(gateway)
        if answered:
            assert await asyncio.to_thread(ended, self.lab, deal), "the caller was told of an end that was not kept"
        gateway, effects = await self._boot()
        await insist(self.lab, gateway, self.story, deal)  # the caller asks again, as Apex would
        await judge(self.lab, gateway, self.story, deal)
        return gateway, effects

    async def _die(self, gateway: Gateway, effects: Effects, deal: Deal) -> bool:
        """Ask, and go on until the process is dead (or has done all of it); whether the caller got an answer."""
        asking = asyncio.create_task(request(gateway, self.story, deal, 30.0))
        while not effects.dead:
            if asking.done():
                if not await unfinished(gateway):
                    break
                await asyncio.to_thread(self.lab.passes, gateway, A_MINUTE)
            await asyncio.sleep(PACE / 4)
        asking.cancel()
        [answer] = await asyncio.gather(asking, return_exceptions=True)
        return isinstance(answer, Answer) and not answer.running


def ended(lab: Lab, deal: Deal) -> bool:
    """Whether the ledger that the dead process has left says that the action has ended."""
    store = Store.open(lab.database, clock=SystemClock(lab.ahead))
    try:
        row = store._read(lambda conn: conn.execute(sa.select(action).where(action.c.request_key == deal.key)).one())
        return row.status == "succeeded" and row.envelope is not None
    finally:
        store.close()


@pytest.mark.plain
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", STORIES, ids=str)
def test_a_process_that_dies_at_any_point_leaves_exactly_one_effect(
    lab: Lab, story: Story, record_property: Callable[[str, object], None]
) -> None:
    wrong: list[str] = []
    deaths = Deaths(lab, story, wrong.append)

    asyncio.run(deaths.all())

    record_property("crashes", deaths.deaths)
    assert wrong == []


@pytest.mark.plain
@pytest.mark.parametrize("story", STORIES, ids=str)
def test_every_effect_of_a_clean_run_is_a_point_with_a_name(sqlite_lab: Lab, story: Story) -> None:
    lab = sqlite_lab

    async def clean() -> set[str]:
        effects = Effects()
        gateway = await lab.boot(effects.watch)
        [deal] = await Records(lab, story).ready(gateway, 1)
        await rest(lab, gateway)
        effects.arm(None)
        await insist(lab, gateway, story, deal)
        await judge(lab, gateway, story, deal)
        await gateway.stop()
        return {point.name for point in effects.seen}

    met = asyncio.run(clean())

    assert met - SOMETIMES == POINTS[story.name] - SOMETIMES
