"""Refunds, disputes, and the amounts they leave on the charge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.stripe_sim import StripeSim


def refunded(sim: StripeSim, charge: dict[str, object]) -> int:
    return int(sim.get(f"/v1/charges/{charge['id']}")["amount_refunded"])


def test_a_refund_without_an_amount_takes_all_that_is_left(sim: StripeSim) -> None:
    charge = sim.charge(10_000)
    part = sim.post("/v1/refunds", charge=charge["id"], amount=2_500, reason="duplicate")

    rest = sim.post("/v1/refunds", payment_intent=charge["payment_intent"])

    assert (part["amount"], part["status"], rest["amount"]) == (2_500, "succeeded", 7_500)
    after = sim.get(f"/v1/charges/{charge['id']}")
    assert (after["amount_refunded"], after["refunded"]) == (10_000, True)


def test_two_equal_partial_refunds_are_both_made(sim: StripeSim) -> None:
    charge = sim.charge(10_000)

    first, second = (sim.post("/v1/refunds", charge=charge["id"], amount=1_000) for _ in range(2))

    assert first["id"] != second["id"]
    assert refunded(sim, charge) == 2_000


def test_more_than_is_left_is_refused(sim: StripeSim) -> None:
    charge = sim.charge(10_000)
    sim.post("/v1/refunds", charge=charge["id"], amount=9_000)

    too_much = sim.refused("POST", "/v1/refunds", charge=charge["id"], amount=1_001)
    sim.post("/v1/refunds", charge=charge["id"], amount=1_000)
    nothing_left = sim.refused("POST", "/v1/refunds", charge=charge["id"])

    assert (too_much["status"], too_much["param"]) == (400, "amount")
    assert nothing_left["code"] == "charge_already_refunded"
    assert refunded(sim, charge) == 10_000


def test_many_at_once_never_exceed_the_charge(sim: StripeSim) -> None:
    charge = sim.charge(1_000)

    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(sim.call, "POST", "/v1/refunds", {"charge": charge["id"], "amount": 300}) for _ in range(12)
        ]
        statuses = sorted(job.result().status for job in jobs)

    assert statuses == [200] * 3 + [400] * 9
    assert refunded(sim, charge) == 900


def test_one_payment_must_be_named(sim: StripeSim) -> None:
    charge = sim.charge(1_000)
    intent = sim.post("/v1/payment_intents", amount=500, currency="eur")

    assert sim.refused("POST", "/v1/refunds", amount=1)["status"] == 400
    both = {"charge": charge["id"], "payment_intent": charge["payment_intent"]}
    assert sim.refused("POST", "/v1/refunds", **both)["status"] == 400
    unpaid = sim.refused("POST", "/v1/refunds", payment_intent=intent["id"])
    assert "does not have a successful charge" in unpaid["message"]


def test_a_pending_refund_succeeds_a_minute_later(sim: StripeSim) -> None:
    charge = sim.charge(1_000, card="pm_card_pendingRefund")
    refund = sim.post("/v1/refunds", charge=charge["id"])

    sim.control("/clock", advance=61)
    later = sim.get(f"/v1/refunds/{refund['id']}")

    assert (refund["status"], refund["pending_reason"]) == ("pending", "processing")
    assert later["status"] == "succeeded"
    assert "pending_reason" not in later
    assert refunded(sim, charge) == 1_000


def test_a_refund_that_fails_later_gives_its_amount_back(sim: StripeSim) -> None:
    charge = sim.charge(1_000, card="pm_card_refundFail")
    refund = sim.post("/v1/refunds", charge=charge["id"])
    before = refunded(sim, charge)

    sim.control("/clock", advance=61)
    later = sim.get(f"/v1/refunds/{refund['id']}", expand=["failure_balance_transaction"])

    assert (refund["status"], before) == ("succeeded", 1_000)
    assert (later["status"], later["failure_reason"]) == ("failed", "lost_or_stolen_card")
    assert later["failure_balance_transaction"]["amount"] == 1_000
    assert refunded(sim, charge) == 0
    assert sim.get("/v1/events", type="refund.failed")["data"][0]["data"]["object"]["id"] == refund["id"]


def test_the_coming_refunds_take_the_states_a_tester_wants(sim: StripeSim) -> None:
    charge = sim.charge(1_000)
    sim.control("/refunds", next=["requires_action", "failed", "pending"])

    states = [sim.post("/v1/refunds", charge=charge["id"], amount=100)["status"] for _ in range(4)]

    assert states == ["requires_action", "failed", "pending", "succeeded"]
    assert refunded(sim, charge) == 300


def test_only_a_refund_that_waits_for_the_customer_can_be_cancelled(sim: StripeSim) -> None:
    charge = sim.charge(1_000)
    sim.control("/refunds", next="requires_action")
    waiting = sim.post("/v1/refunds", charge=charge["id"], amount=400)
    done = sim.post("/v1/refunds", charge=charge["id"], amount=100)

    cancelled = sim.post(f"/v1/refunds/{waiting['id']}/cancel")
    refused = sim.refused("POST", f"/v1/refunds/{done['id']}/cancel")

    assert cancelled["status"] == "canceled"
    assert refused["status"] == 400
    assert refunded(sim, charge) == 100


def test_a_tester_moves_a_refund_on(sim: StripeSim) -> None:
    charge = sim.charge(1_000)
    sim.control("/refunds", next="pending")
    refund = sim.post("/v1/refunds", charge=charge["id"])

    moved = sim.control(f"/refunds/{refund['id']}", status="failed", failure_reason="expired_or_canceled_card")

    assert (moved["status"], moved["failure_reason"]) == ("failed", "expired_or_canceled_card")
    impossible = sim.session.post(f"{sim.url}/_control/refunds/{refund['id']}", json={"status": "succeeded"}, timeout=5)
    assert impossible.status_code == 400


def test_refunds_are_found_by_charge_and_payment_intent(sim: StripeSim) -> None:
    charge, other = sim.charge(1_000), sim.charge(1_000)
    refund = sim.post("/v1/refunds", charge=charge["id"], metadata={"gw_action_id": "act_1"})
    sim.post("/v1/refunds", charge=other["id"])

    assert [row["id"] for row in sim.get("/v1/refunds", charge=charge["id"])["data"]] == [refund["id"]]
    by_intent = sim.get("/v1/refunds", payment_intent=charge["payment_intent"])["data"]
    assert by_intent[0]["metadata"] == {"gw_action_id": "act_1"}


def test_a_disputed_charge_is_not_refunded(sim: StripeSim) -> None:
    charge = sim.charge(1_000)
    dispute = sim.control("/disputes", charge=charge["id"])

    error = sim.refused("POST", "/v1/refunds", charge=charge["id"])

    assert error["code"] == "charge_disputed"
    assert sim.get(f"/v1/charges/{charge['id']}")["disputed"] is True
    assert sim.get("/v1/disputes", charge=charge["id"])["data"][0]["id"] == dispute["id"]
    assert dispute["balance_transactions"][0]["net"] == -1_000 - 1_500


def test_an_inquiry_takes_no_money_and_leaves_the_charge_refundable(sim: StripeSim) -> None:
    charge = sim.charge(1_000)
    dispute = sim.control("/disputes", charge=charge["id"], status="warning_needs_response")

    assert (dispute["balance_transactions"], dispute["is_charge_refundable"]) == ([], True)
    assert sim.post("/v1/refunds", charge=charge["id"])["status"] == "succeeded"


@pytest.mark.parametrize(("outcome", "transactions"), [("won", 2), ("lost", 1)])
def test_a_decided_dispute_is_closed(sim: StripeSim, outcome: str, transactions: int) -> None:
    charge = sim.charge(1_000, card="pm_card_createDispute")
    [dispute] = sim.get("/v1/disputes", charge=charge["id"])["data"]

    sim.control(f"/disputes/{dispute['id']}", status=outcome)
    after = sim.get(f"/v1/disputes/{dispute['id']}")

    assert (after["status"], len(after["balance_transactions"])) == (outcome, transactions)
    again = sim.session.post(f"{sim.url}/_control/disputes/{dispute['id']}", json={"status": "won"}, timeout=5)
    assert again.status_code == 400


def test_balance_transactions_add_up(sim: StripeSim) -> None:
    charge = sim.charge(10_000)
    sim.post("/v1/refunds", charge=charge["id"], amount=4_000)

    rows = sim.get("/v1/balance_transactions", expand=["data.source"])["data"]

    assert [(row["type"], row["amount"], row["fee"]) for row in rows] == [
        ("refund", -4_000, 0),
        ("charge", 10_000, 320),
    ]
    assert [row["source"]["object"] for row in rows] == ["refund", "charge"]
    assert sim.get("/v1/balance_transactions", source=charge["id"])["data"][0]["net"] == 9_680
