"""A person's word on an outcome nobody knows: whom Stripe keeps waiting, and where it will not tell at all."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gateway.app import Gateway
from gateway.engine.database import transaction
from gateway.engine.schema import job
from gateway.errors import Rejected
from tests.scenarios.lab import MACHINE, Lab, ask, in_time, tell, until
from tests.scenarios.outage import US, back, closed_now, move, open_now
from tests.scenarios.test_hard_cases import state_of
from tests.scenarios.test_repeats import renamed
from tests.scenarios.test_unknown import CUSTOMER, INVOICE, LINK, dead, looked_up, said, status_of, there, told

NO_WORD = "An operator confirmed that it happened. Stripe would not tell of it"


async def ended(lab: Lab, action_id: str) -> None:
    await until(lambda: status_of(lab, action_id) != "unknown", what="the resolution")


def parked(lab: Lab, job_id: str) -> bool:
    with transaction(lab.database, readonly=True) as conn:
        row = conn.execute(sa.select(job.c.scope, job.c.state).where(job.c.id == job_id)).one()
    return row.scope == US and row.state == "ready"


async def asked_elsewhere(lab: Lab, gateway: Gateway) -> None:
    """Somebody else's request meets what Stripe has, and opens the circuit."""
    other = next(record for record in lab.opportunities.values() if record != lab.fleet)
    await ask(gateway, "create-payment-link", {"record_id": other, **LINK}, key="other", caller=MACHINE, wait=0)
    await open_now(gateway)


def test_a_persons_word_waits_until_stripe_can_be_asked_and_the_latest_one_counts(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, INVOICE, shown=False)
        job_id = f"resolve:{action_id}"
        await said(gateway, action_id, happened=True)
        await until(lambda: state_of(lab, job_id) == "held", what="it waits for Stripe")
        await said(gateway, action_id, happened=False)
        await until(lambda: state_of(lab, job_id) == "held", what="it waits again")
        assert status_of(lab, action_id) == "unknown"

        end = await looked_up(lab, gateway, action_id)

        assert (end["status"], end["error_code"]) == ("failed", "did_not_happen")
        with pytest.raises(Rejected, match="not_unknown"):
            await said(gateway, action_id, happened=True)

    tell(lab, story)


def test_a_persons_word_stands_where_stripe_refuses_to_tell(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, INVOICE, shown=False)
        lab.heal()
        lab.fault("stripe", "http_400", "/v1/invoices*", method="GET", times=-1)

        await said(gateway, action_id, happened=False)
        await until(lambda: status_of(lab, action_id) != "unknown", what="the resolution")

        assert (await told(gateway, action_id))["error_code"] == "did_not_happen"

    tell(lab, story)


def test_the_latest_word_counts_while_the_circuit_is_open_and_the_look_up_waits_with_it(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, INVOICE, shown=False)
        resolve = f"resolve:{action_id}"
        lab.stripe_server.stop()
        await asked_elsewhere(lab, gateway)
        move(lab, gateway, 61)
        await until(lambda: parked(lab, f"lookup:{action_id}"), what="the look-up waits for the circuit")

        await said(gateway, action_id, happened=True)
        await until(lambda: state_of(lab, resolve) == "held", what="the word waits for Stripe")
        await said(gateway, action_id, happened=False)
        await until(lambda: state_of(lab, resolve) == "held", what="the later word waits")
        assert status_of(lab, action_id) == "unknown"

        back(lab, 61)
        lab.heal()
        await in_time(lab, gateway, lambda: status_of(lab, action_id) != "unknown", "the resolution")
        assert (await told(gateway, action_id))["error_code"] == "did_not_happen"
        await in_time(lab, gateway, lambda: state_of(lab, f"lookup:{action_id}") is None, "the end of the look-up")

    tell(lab, story)


@pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])
def test_a_persons_word_stands_where_stripe_does_not_take_the_key(lab: Lab, *, happened: bool) -> None:
    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, INVOICE, shown=False)
        lab.heal()
        lab.fault("stripe", "http_401", "*", times=-1)
        await asked_elsewhere(lab, gateway)

        await said(gateway, action_id, happened=happened)
        await ended(lab, action_id)

        end = await told(gateway, action_id)
        if happened:
            assert (end["status"], end["stripe_id"], end["number"]) == ("succeeded", None, None)
            assert end["user_message"].startswith(NO_WORD)
        else:
            assert (end["status"], end["error_code"]) == ("failed", "did_not_happen")
        lab.heal()
        await closed_now(gateway)

    tell(lab, story)


@pytest.mark.plain  # a flow would send an invoice of the record first
def test_an_account_is_free_again_though_the_key_may_not_read_its_customers(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, CUSTOMER, shown=False)
        lab.heal()
        lab.fault("stripe", "http_403", "/v1/customers*", method="GET", times=-1)

        await said(gateway, action_id, happened=False)
        await ended(lab, action_id)
        lab.heal()
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE)

        assert (await told(gateway, action_id))["error_code"] == "did_not_happen"
        assert sent.envelope["success"], sent.envelope
        assert len(lab.of_record("customer", lab.account)) == 1

    tell(lab, story)


@pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])
@pytest.mark.parametrize("refusal", ["http_400", "http_403"])
def test_what_is_known_to_be_done_ends_so_though_stripe_will_not_show_it(
    lab: Lab, refusal: str, *, happened: bool
) -> None:
    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, INVOICE)
        [made] = there(lab, "invoice")
        lab.heal()
        lab.fault("stripe", refusal, "/v1/invoices/*", method="GET", times=-1, after=1)  # state first, then the object

        await said(gateway, action_id, happened=happened)
        await ended(lab, action_id)

        end = await told(gateway, action_id)
        assert (end["status"], end["stripe_id"], end["number"]) == ("succeeded", made, None)
        assert "Stripe would not show what came of it" in end["user_message"]
        assert ("Stripe shows that it did" in end["user_message"]) == (not happened)

    tell(lab, story)


@pytest.mark.plain  # what flows ask for has no entity any more
@pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])
def test_a_persons_word_stands_where_the_entity_is_gone_for_good(lab: Lab, *, happened: bool) -> None:
    found: list[str] = []

    async def died(gateway: Gateway) -> None:
        found.append(await dead(lab, gateway, INVOICE, shown=False))

    async def without(gateway: Gateway) -> None:
        await said(gateway, found[0], happened=happened)
        await ended(lab, found[0])

        end = await told(gateway, found[0])
        if happened:
            assert (end["status"], end["stripe_id"]) == ("succeeded", None)
            assert end["user_message"].startswith(NO_WORD)
        else:
            assert (end["status"], end["error_code"]) == ("failed", "did_not_happen")

    tell(lab, died)
    lab.heal()
    renamed(lab)
    tell(lab, without)
