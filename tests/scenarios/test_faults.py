"""
Each fault at each call of each action: exactly one effect and the right end, or an outcome shown as unknown.

Every run draws a sample (`matrix.sample`); GATEWAY_TEST_SEED=… repeats one. The soak plays the whole product.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.app import Gateway
from gateway.errors import Rejected
from gateway.pipeline import unknown
from gateway.pipeline.accept import Answer
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import Lab, ask
from tests.scenarios.matrix import DONE_BUT_REFUSED, KINDS, Case, Kind, Step, marks, product, recorded, sample
from tests.scenarios.playing import DEADLINE, SEED, SOAK, hurry, insist, judge, rest
from tests.scenarios.stories import STORIES, Deal, Records, Story
from tests.scenarios.verdict import effects, told, unfinished

# An answer that Stripe keeps under the key and that tells nothing: whether the money moved, only a look can say.
UNKNOWN = {("POST", "/v1/refunds", kind) for kind in ("http_500_cached before", "http_429_lock_timeout before")}
# An error is kept under the key, and Stripe shows no trace of a mail: it is not mailed again, and the answer says so.
UNTOLD = {
    ("POST", "/v1/invoices/*/send", kind)
    for kind in (str(DONE_BUT_REFUSED), "http_500_cached before", "http_429_lock_timeout before")
}
# Definite answers: nothing was done, and asking again with the same key would be no use.
REFUSED = {Kind("http_400", "before")}
# The invoice is there and stays, only Stripe did not mail it: the answer says so.
NOT_MAILED = {("POST", "/v1/invoices/*/send", str(kind)) for kind in REFUSED}


def place(case: Case) -> tuple[str, str, str]:
    return case.step.method, case.step.path, str(case.kind)


class Matrix:
    """A story, played with one fault after the other, each time with a record of its own."""

    def __init__(self, lab: Lab, story: Story) -> None:
        self.lab, self.story = lab, story
        self.records = Records(lab, story)
        self.wrong: list[str] = []
        self.struck = 0

    async def play(self, choose: Callable[[list[Step]], list[Case]]) -> None:
        """Play the chosen cases; ``struck`` counts the faults that were met, ``wrong`` is what came of them."""
        gateway = await self.lab.boot(hurry)
        cases = choose(await self._clean(gateway))
        deals = await self.records.ready(gateway, len(cases))
        await rest(self.lab, gateway)
        for case, deal in zip(cases, deals, strict=True):
            try:
                await self._case(gateway, case, deal)
            except AssertionError as exc:
                self.wrong.append(f"{case}: {exc}")
                break  # what it has left behind would be blamed on the others
        await gateway.stop()

    async def _clean(self, gateway: Gateway) -> list[Step]:
        """The calls of a run without a fault."""
        [deal] = await self.records.ready(gateway, 1)
        await rest(self.lab, gateway)
        await self._as_if_just_started(gateway)
        since = await asyncio.to_thread(marks, self.lab)
        await insist(self.lab, gateway, self.story, deal)
        await judge(self.lab, gateway, self.story, deal)
        return await asyncio.to_thread(recorded, self.lab, since)

    async def _as_if_just_started(self, gateway: Gateway) -> None:
        """The next call to Salesforce logs in and describes again."""
        await asyncio.to_thread(self.lab.control, "salesforce", "POST", "sessions/expire")
        gateway.tools.salesforce.forget_describes(ORG)

    async def _case(self, gateway: Gateway, case: Case, deal: Deal) -> None:
        lab, story = self.lab, self.story
        await self._as_if_just_started(gateway)
        await asyncio.to_thread(arm, lab, case)
        answer = await insist(lab, gateway, story, deal)
        if place(case) in UNKNOWN:
            assert answer.envelope["status"] == "unknown", answer.envelope
            await self._resolve(gateway, deal, answer.action_id)
        elif place(case) in NOT_MAILED:
            assert "Send the link yourself" in answer.envelope["user_message"], answer.envelope
            await judge(lab, gateway, story, deal, mails=len(story.wanted["mail"]) - 1)
        elif case.kind in REFUSED and (case.step.method == "POST" or not answer.envelope["success"]):
            await self._refused(gateway, deal, answer)
        else:
            assert answer.envelope["status"] == "succeeded", answer.envelope
            untold = place(case) in UNTOLD
            assert ("not known whether Stripe mailed it" in answer.envelope["user_message"]) == untold, answer.envelope
            await judge(lab, gateway, story, deal, mails=len(story.wanted["mail"]) if untold else None)
        struck = not await asyncio.to_thread(lab.control, case.step.upstream, "GET", "faults")
        assert struck or case.step.nth > 1, "it struck nothing"  # two write-backs may have become one
        await asyncio.to_thread(lab.heal)
        self.struck += struck

    async def _refused(self, gateway: Gateway, deal: Deal, answer: Answer) -> None:
        """A definite no is the end of it; what it leaves is told, and the same can be asked anew."""
        assert answer.envelope["status"] in {"failed", "rejected"}, answer.envelope
        await rest(self.lab, gateway)
        assert await asyncio.to_thread(told, self.lab, deal.key) == [answer.envelope["status"]]
        await self._anew(gateway, deal)

    async def _anew(self, gateway: Gateway, deal: Deal, mails: int | None = None) -> None:
        anew = replace(deal, key=f"{deal.key}-anew")
        again = await insist(self.lab, gateway, self.story, anew)
        assert again.envelope["success"], again.envelope
        await judge(self.lab, gateway, self.story, anew, mails=mails)

    async def _resolve(self, gateway: Gateway, deal: Deal, action_id: str) -> None:
        """It is shown as unknown; an operator finds that it did not happen, and the same can be asked anew."""
        lab, story = self.lab, self.story
        await rest(lab, gateway, unknown=True)
        assert await asyncio.to_thread(told, lab, deal.key) == ["unknown"]
        assert "refund" not in await asyncio.to_thread(effects, lab, replace(story, wanted={}), deal)
        more = await ask(gateway, story.action, {"record_id": deal.record}, key=f"{deal.key}-more")
        assert more.envelope["error_code"] == "earlier_refund_unknown", more.envelope
        assert [x for x in await unfinished(gateway) if x == f"money {action_id}"], "what is unknown stays reserved"
        tools = gateway.tools
        said = unknown.Resolution(action_id, False, "operator", "not in the dashboard")
        await tools.store.write(lambda conn: unknown.order(conn, tools.sealer, said))
        await rest(lab, gateway)
        assert await asyncio.to_thread(told, lab, deal.key) == ["failed"]
        with pytest.raises(Rejected, match="not_unknown"):
            await tools.store.write(lambda conn: unknown.order(conn, tools.sealer, said))
        await self._anew(gateway, deal)


def drawn(steps: list[Step], part: int) -> list[Case]:
    """The whole product in the soak, else a sample, and beside it always what is easiest to get wrong."""
    everything = product(steps)
    if SOAK:
        return everything
    nasty = {case for case in everything if case.step.method == "POST" and case.kind == DONE_BUT_REFUSED}
    own_ends = {case for case in everything if place(case) in UNKNOWN | NOT_MAILED | UNTOLD}
    return sorted({*sample(steps, SEED, part, len(STORIES)), *nasty, *own_ends})


def arm(lab: Lab, case: Case) -> None:
    step, kind = case.step, case.kind
    match = {"sobject": step.sobject} if step.sobject else {"method": step.method, "path": step.path}
    fault = {"match": match, "kind": kind.name, "when": kind.when, "after": step.nth - 1}
    if kind.name == "slow":
        fault["seconds"] = 1.5 * DEADLINE
    lab.control(step.upstream, "POST", "faults", fault)


@pytest.mark.plain
@pytest.mark.slow
@pytest.mark.timeout(3600 if SOAK else 300)
@pytest.mark.parametrize("story", STORIES, ids=str)
def test_a_fault_at_any_call_leaves_one_effect_and_the_right_end(
    lab: Lab, story: Story, record_property: Callable[[str, object], None]
) -> None:
    matrix = Matrix(lab, story)

    asyncio.run(matrix.play(lambda steps: drawn(steps, STORIES.index(story))))

    record_property("faults", matrix.struck)
    assert matrix.wrong == []


STEPS = st.lists(
    st.builds(
        Step,
        upstream=st.sampled_from(["stripe", "salesforce"]),
        method=st.sampled_from(["GET", "POST"]),
        path=st.sampled_from(["/a", "/b", "/c", "/services/oauth2/token"]),
        sobject=st.sampled_from(["", "Opportunity"]),
    ),
    min_size=1,
    max_size=9,
    unique=True,
)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(), parts=st.lists(STEPS, min_size=1, max_size=8))
def test_a_sample_leaves_no_call_out_and_all_samples_together_no_fault(seed: int, parts: list[list[Step]]) -> None:
    samples = [sample(steps, seed, n, len(parts)) for n, steps in enumerate(parts)]

    for steps, cases in zip(parts, samples, strict=True):
        assert {case.step for case in cases} == set(steps)
    for family in set.intersection(*({step.family for step in steps} for steps in parts)):
        assert {case.kind for cases in samples for case in cases if case.step.family == family} == set(KINDS[family])


def test_a_draft_whose_lines_stripe_refuses_is_taken_back(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    line = {"description": "Frames", "amount": "100.00", "tax_rates": ["txr_doesnotexist"]}

    async def story() -> None:
        async with lab.gateway() as gateway:
            members = lab.invoice_members(lines=[line])
            answer = await ask(gateway, "send-invoice", members, key="k")

            assert (answer.envelope["status"], answer.envelope["error_code"]) == ("failed", "resource_missing")
            assert lab.of_record("invoice", lab.fleet) == []

    asyncio.run(story())
