"""Refunds of one payment, whichever records they start from: one at a time, each over what the last one left."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from gateway.app import Gateway
from gateway.pipeline import unknown
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import Lab, ask, tell, until


async def shared_payment(lab: Lab, gateway: Gateway) -> tuple[str, str, str]:
    """A paid invoice of one record whose charge names another: both may refund it. The records, and the charge."""
    await ask(gateway, "send-invoice", lab.invoice_members(), key="invoice")
    lab.pay(lab.of_record("invoice", lab.fleet)[0])
    other = next(record for record in lab.opportunities.values() if record != lab.fleet)
    [charge] = lab.stripe_world.rows_of("charge") or []
    charge["metadata"] = {"sf_org_id": ORG, "sf_record_id": other}
    return lab.fleet, other, charge["id"]


def refunded(lab: Lab) -> list[int]:
    return sorted(x["amount"] for x in lab.objects("refund"))


def test_refunds_of_one_payment_from_two_records_at_once_never_exceed_it(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        one, other, charge = await shared_payment(lab, gateway)
        paid = lab.objects("charge")[0]["amount"]
        part = str(Decimal(paid) / 100 * 2 / 5)

        answers = await asyncio.gather(
            *(
                ask(gateway, "refund-payment", {"record_id": record, "charge": charge, "amount": part}, key=f"{n}")
                if record == other
                else ask(gateway, "refund-payment", {"record_id": record, "amount": part}, key=f"{n}")
                for n, record in enumerate([one, other] * 4)
            )
        )

        ends = sorted(answer.envelope["error_code"] or answer.envelope["status"] for answer in answers)
        assert ends == ["refund_too_large"] * 6 + ["succeeded"] * 2
        assert len(refunded(lab)) == 2
        assert sum(refunded(lab)) <= paid

    tell(lab, story)


def test_a_refund_waits_for_one_of_the_same_payment_whose_answer_was_lost(lab: Lab) -> None:
    """Whoever repeats it from another record gets what is left, not a second time what nobody knew of yet."""

    async def story(gateway: Gateway) -> None:
        one, other, charge = await shared_payment(lab, gateway)
        paid = lab.objects("charge")[0]["amount"]
        lab.fault("stripe", "drop_after", "/v1/refunds", method="POST", times=-1)
        first = await ask(gateway, "refund-payment", {"record_id": one, "amount": "100.00"}, key="first", wait=0)
        await until(lambda: refunded(lab) == [10000], what="the refund whose answer was lost")
        rest = await ask(gateway, "refund-payment", {"record_id": other, "charge": charge}, key="rest", wait=0.5)
        assert rest.running
        assert refunded(lab) == [10000]

        lab.heal()
        assert await gateway.tools.engine.wait(first.action_id, 60)
        assert await gateway.tools.engine.wait(rest.action_id, 60)

        assert refunded(lab) == sorted([10000, paid - 10000])

    tell(lab, story)


def test_a_refund_that_waited_is_refused_where_the_earlier_one_became_unknown(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        one, other, charge = await shared_payment(lab, gateway)
        lab.fault("stripe", "http_500_cached", "/v1/refunds", method="POST")
        first, second = await asyncio.gather(
            ask(gateway, "refund-payment", {"record_id": one, "amount": "100.00"}, key="first"),
            ask(gateway, "refund-payment", {"record_id": other, "charge": charge, "amount": "100.00"}, key="second"),
        )

        ends = {answer.envelope["error_code"]: answer for answer in (first, second)}
        assert set(ends) == {"outcome_unknown", "earlier_refund_unknown"}
        assert refunded(lab) == []
        said = unknown.Resolution(ends["outcome_unknown"].action_id, False, "operator", "not in the dashboard")
        await gateway.tools.store.write(lambda conn: unknown.order(conn, gateway.tools.sealer, said))
        gateway.tools.engine.poke()
        assert await gateway.tools.engine.wait(f"resolve:{said.action_id}", 30)
        again = await ask(gateway, "refund-payment", {"record_id": other, "charge": charge}, key="again")
        assert again.envelope["success"], again.envelope

    tell(lab, story)
