"""A job that died with a plan and could not tell of it: its action is in doubt as any other is."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from gateway.app import Gateway
from gateway.engine import jobs
from gateway.engine.database import transaction
from tests.scenarios.lab import MACHINE, PERSON, Lab, ask, tell, until
from tests.scenarios.test_hard_cases import paid
from tests.scenarios.test_unknown import (
    CUSTOMER,
    INVOICE,
    NOTHING,
    PAYMENT_LINK,
    Dying,
    dies,
    looked_up,
    resolved,
    status_of,
)

REFUND = Dying(
    "refund-payment",
    "refund",
    "/v1/refunds",
    "refund",
    lambda lab: {"record_id": lab.fleet, "amount": "10.00"},
    lambda lab, _: NOTHING,
    caller=PERSON,
)
MUTE = {
    "sqlite": "CREATE TRIGGER untold BEFORE UPDATE ON action WHEN NEW.status = 'unknown' "
    "BEGIN SELECT RAISE(ABORT, 'not now'); END",
    "postgresql": "ALTER TABLE action ADD CONSTRAINT untold CHECK (status <> 'unknown')",
}
UNMUTE = {"sqlite": "DROP TRIGGER untold", "postgresql": "ALTER TABLE action DROP CONSTRAINT untold"}


def run(lab: Lab, statement: dict[str, str]) -> None:
    with transaction(lab.database) as conn:
        conn.exec_driver_sql(statement[conn.dialect.name])


async def dead_untold(lab: Lab, gateway: Gateway, dying: Dying) -> str:
    """Dead at a moment when the database takes no news of it."""
    run(lab, MUTE)
    action_id = await dies(lab, gateway, dying)
    run(lab, UNMUTE)
    assert status_of(lab, action_id) == "pending"
    return action_id


async def tried_again(lab: Lab, gateway: Gateway, action_id: str) -> None:
    """As `gateway dead replay` does."""

    def replay(conn: Connection) -> None:
        assert jobs.replay(conn, action_id) is not None

    await gateway.tools.store.write(replay)
    gateway.tools.engine.poke()
    await until(lambda: status_of(lab, action_id) != "pending", what="its end, or its death told")


@pytest.mark.parametrize("dying", [INVOICE, PAYMENT_LINK, CUSTOMER], ids=lambda dying: dying.action)
def test_nothing_equal_goes_out_beside_it_until_it_was_tried_again(lab: Lab, dying: Dying) -> None:
    record = lab.account if dying is CUSTOMER else lab.fleet

    async def story(gateway: Gateway) -> None:
        action_id = await dead_untold(lab, gateway, dying)
        [made] = [x["id"] for x in lab.of_record(dying.kind, record)]

        refused = await ask(gateway, dying.action, dying.members(lab), key="k2", caller=MACHINE)

        assert (refused.envelope["status"], refused.envelope["error_code"]) == ("rejected", "earlier_action_unknown")
        assert f"gateway dead replay {action_id}" in refused.envelope["user_message"]
        lab.heal()
        await tried_again(lab, gateway, action_id)
        assert (await looked_up(lab, gateway, action_id))["stripe_id"] == made
        again = await ask(gateway, dying.action, dying.members(lab), key="k2", caller=MACHINE)
        assert again.envelope["stripe_id"] == made
        assert [x["id"] for x in lab.of_record(dying.kind, record)] == [made]

    tell(lab, story)


@pytest.mark.plain  # a flow would send an invoice of the record first
def test_no_invoice_begins_that_needs_its_customer(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        action_id = await dead_untold(lab, gateway, CUSTOMER)

        refused = await ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE)

        assert refused.envelope["error_code"] == "earlier_action_unknown"
        assert f"gateway dead replay {action_id}" in refused.envelope["user_message"]
        assert len(lab.objects("customer")) == 1
        lab.heal()
        await tried_again(lab, gateway, action_id)
        await looked_up(lab, gateway, action_id)
        sent = await ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE)
        assert sent.envelope["success"], sent.envelope

    tell(lab, story)


def test_no_other_refund_of_the_payment_goes_out_either(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        await paid(lab, gateway)
        action_id = await dead_untold(lab, gateway, REFUND)
        lab.heal()

        refused = await ask(gateway, "refund-payment", REFUND.members(lab), key="k2")

        assert refused.envelope["error_code"] == "earlier_refund_unknown", refused.envelope
        assert f"gateway dead replay {action_id}" in refused.envelope["user_message"]
        assert lab.objects("refund") == []
        await tried_again(lab, gateway, action_id)
        await resolved(lab, gateway, action_id, happened=False)
        again = await ask(gateway, "refund-payment", REFUND.members(lab), key="k2")
        assert again.envelope["success"], again.envelope

    tell(lab, story)
