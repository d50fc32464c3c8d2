"""What nobody knows yet keeps its record: nothing equal beside it, until Stripe or a person tells what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.engine import jobs, ledger
from gateway.engine.database import transaction
from gateway.errors import Rejected
from gateway.pipeline import unknown
from gateway.pipeline.answers import state
from gateway.pipeline.keys import customer_base, step_key
from gateway.pipeline.preview import preview
from gateway.pipeline.work import Patience
from gateway.records import Caller
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import BILLED, MACHINE, Lab, ask, in_time, submission, tell, truth, until
from tests.scenarios.test_hard_cases import at_stripe, hours_pass, put_down, state_of

LINK = {"amount": "50.00", "currency": "USD", "description": "Deposit"}
ITEM = {
    "line_items[0][quantity]": 1,
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": 5000,
    "line_items[0][price_data][product_data][name]": "Deposit",
}


@dataclass(frozen=True)
class Dying:
    """An action whose step is turned away until somebody's script does it under our key: ours then dies for good."""

    action: str
    step: str
    call: str  # path of the step, as a pattern
    kind: str
    members: Callable[[Lab], dict[str, Any]]
    elsewhere: Callable[[Lab, str], tuple[str, dict[str, Any]]]  # the script's call: path and form
    base: Callable[[Lab, str], str] = lambda _, action_id: action_id
    caller: Caller = MACHINE


def ours(lab: Lab, action_id: str, step: str, record: str) -> dict[str, Any]:
    told = {"sf_org_id": ORG, "sf_record_id": record, "gw_action_id": action_id, "gw_step": step}
    return {f"metadata[{name}]": value for name, value in told.items()}


INVOICE = Dying(
    "send-invoice",
    "finalize",
    "/v1/invoices/*/finalize",
    "invoice",
    lambda lab: lab.invoice_members(),
    lambda lab, _: (f"/v1/invoices/{lab.objects('invoice')[0]['id']}/finalize", {"auto_advance": "true"}),
)
PAYMENT_LINK = Dying(
    "create-payment-link",
    "payment_link",
    "/v1/payment_links",
    "payment_link",
    lambda lab: {"record_id": lab.fleet, **LINK},
    lambda lab, action_id: ("/v1/payment_links", {**ITEM, **ours(lab, action_id, "payment_link", lab.fleet)}),
)
CUSTOMER = Dying(
    "create-customer",
    "customer",
    "/v1/customers",
    "customer",
    lambda lab: {"record_id": lab.account, "recipient_email": BILLED},
    lambda lab, action_id: (
        "/v1/customers",
        {"email": BILLED, "name": "Harbor Cycles", **ours(lab, action_id, "customer", lab.account)},
    ),
    lambda lab, _: customer_base(ORG, lab.account, 1),
)
NOTHING = ("/v1/customers", {"name": "Something else under our key"})


async def dead(lab: Lab, gateway: Gateway, dying: Dying, *, shown: bool = True) -> str:
    """The action, dead and of unknown outcome; Stripe has it (``shown``), and cannot be asked before `looked_up`."""
    action_id = await dies(lab, gateway, dying, shown=shown)
    await until(lambda: status_of(lab, action_id) == "unknown", what="its death")
    return action_id


async def dies(lab: Lab, gateway: Gateway, dying: Dying, *, shown: bool = True) -> str:
    """As `dead`, whether or not its end could be told."""
    if dying is not CUSTOMER:
        await ask(gateway, "create-customer", CUSTOMER.members(lab), key="c")
    quick, gateway.tools.patience = gateway.tools.patience, Patience(tries=(), first=600, longest=600)
    lab.fault("stripe", "http_503", dying.call, method="POST", times=-1)
    asked = await ask(gateway, dying.action, dying.members(lab), key="k", caller=dying.caller, wait=0)
    await until(lambda: put_down(lab, asked.action_id), what="it was put down")
    lab.heal()
    base = dying.base(lab, asked.action_id)
    key = step_key(entity="us", mode="test", base=base, step=dying.step, generation=1)
    at_stripe(lab, *(dying.elsewhere(lab, asked.action_id) if shown else NOTHING), key)
    lab.fault("stripe", "http_503", f"/v1/{dying.kind}s*", method="GET", times=-1)
    hours_pass(lab, gateway, 0.2)
    await until(lambda: state_of(lab, asked.action_id) == "dead", what="the dead letter")
    gateway.tools.patience = quick
    return asked.action_id


def status_of(lab: Lab, action_id: str) -> str:
    with transaction(lab.database, readonly=True) as conn:
        row = ledger.by_id(conn, action_id)
    assert row is not None
    return str(row.status)


async def looked_up(lab: Lab, gateway: Gateway, action_id: str) -> dict[str, Any]:
    """What it ends with once Stripe can be asked."""
    lab.heal()
    await in_time(lab, gateway, lambda: status_of(lab, action_id) != "unknown", "the look-up")
    return await told(gateway, action_id)


async def told(gateway: Gateway, action_id: str) -> dict[str, Any]:
    found = await state(gateway.tools, action_id)
    assert found is not None
    return found[1]


async def said(gateway: Gateway, action_id: str, *, happened: bool) -> None:
    word = unknown.Resolution(action_id, happened, "operator", "seen in the dashboard")
    await gateway.tools.store.write(lambda conn: unknown.order(conn, gateway.tools.sealer, word))
    gateway.tools.engine.poke()


async def resolved(lab: Lab, gateway: Gateway, action_id: str, *, happened: bool) -> dict[str, Any]:
    """What it ends with once a person has spoken; Stripe can be asked."""
    lab.heal()
    await said(gateway, action_id, happened=happened)
    await until(lambda: status_of(lab, action_id) != "unknown", what="the resolution")
    return await told(gateway, action_id)


def there(lab: Lab, kind: str) -> list[str]:
    return [x["id"] for x in lab.of_record(kind, lab.fleet)]


@pytest.mark.parametrize("dying", [INVOICE, PAYMENT_LINK], ids=lambda dying: dying.action)
def test_nothing_equal_is_made_beside_what_nobody_knows_yet(lab: Lab, dying: Dying) -> None:
    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, dying)
        [made] = there(lab, dying.kind)

        equal = await ask(gateway, dying.action, dying.members(lab), key="k2", caller=MACHINE)
        shown = await preview(gateway.tools, submission(dying.action, dying.members(lab)))

        assert (equal.envelope["status"], equal.envelope["error_code"]) == ("rejected", "earlier_action_unknown")
        assert f"gateway actions resolve {action_id}" in equal.envelope["user_message"]
        assert equal.envelope["user_message"] in shown.summary["warnings"]
        assert there(lab, dying.kind) == [made]
        found = await looked_up(lab, gateway, action_id)
        assert (found["status"], found["stripe_id"]) == ("succeeded", made)
        again = await ask(gateway, dying.action, dying.members(lab), key="k2", caller=MACHINE)
        assert (again.envelope["stripe_id"], again.envelope["replayed"]) == (made, True)
        assert there(lab, dying.kind) == [made]

    tell(lab, story)


@pytest.mark.parametrize("more", [{}, {"replace": True}], ids=["other content", "in its place"])
def test_no_other_invoice_goes_out_either_unless_a_further_one_is_meant(lab: Lab, more: dict[str, bool]) -> None:
    other = lab.invoice_members(lines=[{"description": "Bell", "amount": "77.00"}])

    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, INVOICE)

        refused = await ask(gateway, "send-invoice", {**other, **more}, key="k2", caller=MACHINE)
        further = await ask(gateway, "send-invoice", {**other, "additional": True}, key="k3", caller=MACHINE)

        assert refused.envelope["error_code"] == "earlier_action_unknown", refused.envelope
        assert further.envelope["success"], further.envelope
        assert (await looked_up(lab, gateway, action_id))["success"]
        assert sorted(x["total"] for x in lab.of_record("invoice", lab.fleet)) == [7700, 397800]
        await until(lambda: not list(truth(lab, lab.fleet)), what="the write-back")

    tell(lab, story)


def test_an_unknown_invoice_keeps_nothing_of_another_kind_from_its_record(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await dead(lab, gateway, INVOICE)

        link = await ask(gateway, "create-payment-link", PAYMENT_LINK.members(lab), key="l")

        assert link.envelope["success"], link.envelope

    tell(lab, story)


@pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])
@pytest.mark.parametrize("dying", [INVOICE, PAYMENT_LINK], ids=lambda dying: dying.action)
def test_whatever_a_person_says_the_end_is_what_stripe_shows(sqlite_lab: Lab, dying: Dying, *, happened: bool) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, dying)
        [made] = there(lab, dying.kind)

        end = await resolved(lab, gateway, action_id, happened=happened)
        again = await ask(gateway, dying.action, dying.members(lab), key="k2", caller=MACHINE)

        assert (end["status"], end["stripe_id"]) == ("succeeded", made)
        assert ("Stripe shows that it did" in end["user_message"]) == (not happened)
        assert ("An operator confirmed that it happened" in end["user_message"]) == happened
        assert (again.envelope["stripe_id"], again.envelope["replayed"]) == (made, True)
        assert there(lab, dying.kind) == [made]
        assert await gateway.tools.store.read(jobs.dead_letters) == []
        rows = "Stripe_Invoice__c" if dying is INVOICE else "Stripe_Payment_Link__c"
        await until(lambda: [x["Stripe_Id__c"] for x in lab.records(rows)] == [made], what="the row in Salesforce")

    tell(lab, story)


def test_what_only_a_person_knows_to_have_happened_is_told_without_a_number(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, INVOICE, shown=False)

        end = await resolved(lab, gateway, action_id, happened=True)

        assert (end["status"], end["stripe_id"], end["number"]) == ("succeeded", None, None)
        assert end["user_message"].startswith("An operator confirmed that it happened. Stripe shows nothing of it")

    tell(lab, story)


@pytest.mark.plain  # a flow would send an invoice of the record first
def test_no_second_customer_is_made_while_nobody_knows_of_the_first(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, CUSTOMER)
        [made] = [x["id"] for x in lab.objects("customer")]

        answers = await asyncio.gather(
            ask(gateway, "create-customer", CUSTOMER.members(lab), key="c2"),
            ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE),
        )
        with pytest.raises(Rejected, match="earlier_action_unknown"):
            await preview(gateway.tools, submission("send-invoice", lab.invoice_members()))

        assert {(x.envelope["status"], x.envelope["error_code"]) for x in answers} == {
            ("rejected", "earlier_action_unknown")
        }
        assert (await looked_up(lab, gateway, action_id))["stripe_id"] == made
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE)
        assert sent.envelope["success"], sent.envelope
        assert [x["customer"] for x in lab.of_record("invoice", lab.fleet)] == [made]
        assert [x["id"] for x in lab.objects("customer")] == [made]

    tell(lab, story)


def test_a_customer_that_a_person_knows_was_not_made_is_made_by_the_next_request(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        action_id = await dead(lab, gateway, CUSTOMER, shown=False)

        end = await resolved(lab, gateway, action_id, happened=False)
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE)

        assert (end["status"], end["error_code"]) == ("failed", "did_not_happen")
        assert sent.envelope["success"], sent.envelope
        assert len(lab.of_record("customer", lab.account)) == 1

    tell(lab, story)
