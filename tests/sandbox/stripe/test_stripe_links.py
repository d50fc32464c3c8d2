"""Payment links and the checkout sessions that paying them makes."""

from __future__ import annotations

from typing import Any

from tests.support.stripe_sim import StripeSim

ITEM = {"price_data": {"currency": "eur", "product_data": {"name": "Deposit"}, "unit_amount": 5_000}, "quantity": 2}


def link(sim: StripeSim, **params: Any) -> dict[str, Any]:
    return sim.post("/v1/payment_links", **{"line_items": [ITEM], **params})


def test_paying_a_link_makes_a_session_with_the_links_metadata(sim: StripeSim) -> None:
    made = link(sim, metadata={"sf_record_id": "006A"}, payment_intent_data={"metadata": {"gw_action_id": "act_1"}})

    sim.control(f"/payment_links/{made['id']}/pay", email="p@payer.example", reference="ref-1")
    [session] = sim.get("/v1/checkout/sessions", payment_link=made["id"])["data"]
    intent = sim.get(f"/v1/payment_intents/{session['payment_intent']}", expand=["latest_charge"])

    assert (session["status"], session["payment_status"], session["amount_total"]) == ("complete", "paid", 10_000)
    assert session["metadata"] == {"sf_record_id": "006A"}
    assert session["client_reference_id"] == "ref-1"
    assert session["customer_details"]["email"] == "p@payer.example"
    assert intent["metadata"] == {"gw_action_id": "act_1"}
    assert intent["latest_charge"]["amount_captured"] == 10_000


def test_a_link_for_one_payment_closes_after_it(sim: StripeSim) -> None:
    made = link(sim, restrictions={"completed_sessions": {"limit": 1}}, inactive_message="Already paid.")

    sim.control(f"/payment_links/{made['id']}/pay")
    again = sim.session.post(f"{sim.url}/_control/payment_links/{made['id']}/pay", json={}, timeout=5)
    after = sim.get(f"/v1/payment_links/{made['id']}")

    assert made["restrictions"]["completed_sessions"] == {"count": 0, "limit": 1}
    assert again.status_code == 400
    assert again.json()["error"]["message"] == "Already paid."
    assert (after["active"], after["restrictions"]["completed_sessions"]["count"]) == (False, 1)
    assert len(sim.objects("charge")) == 1


def test_a_link_without_a_limit_is_paid_again_and_again(sim: StripeSim) -> None:
    made = link(sim)

    for _ in range(2):
        sim.control(f"/payment_links/{made['id']}/pay")

    assert len(sim.get("/v1/checkout/sessions", payment_link=made["id"])["data"]) == 2
    assert sim.get(f"/v1/payment_links/{made['id']}")["active"] is True


def test_a_declined_card_does_not_use_the_link_up(sim: StripeSim) -> None:
    made = link(sim, restrictions={"completed_sessions": {"limit": 1}})

    declined = sim.session.post(
        f"{sim.url}/_control/payment_links/{made['id']}/pay", json={"card": "pm_card_visa_chargeDeclined"}, timeout=5
    )
    [session] = sim.get("/v1/checkout/sessions", payment_link=made["id"])["data"]

    assert declined.status_code == 402
    assert (session["status"], session["payment_status"]) == ("open", "unpaid")
    assert sim.get(f"/v1/payment_links/{made['id']}")["restrictions"]["completed_sessions"]["count"] == 0


def test_a_bank_debit_under_way_completes_the_session_without_paying_it(sim: StripeSim) -> None:
    made = link(sim, restrictions={"completed_sessions": {"limit": 1}})

    sim.control(f"/payment_links/{made['id']}/pay", debit=True)
    [session] = sim.get("/v1/checkout/sessions", payment_link=made["id"], status="complete")["data"]
    intent = sim.get(f"/v1/payment_intents/{session['payment_intent']}", expand=["latest_charge"])
    refund = sim.call("POST", "/v1/refunds", {"payment_intent": intent["id"]})

    assert (session["payment_status"], session["payment_method_types"]) == ("unpaid", ["card", "sepa_debit"])
    assert (intent["status"], intent["amount_received"]) == ("processing", 0)
    assert (intent["latest_charge"]["status"], intent["latest_charge"]["paid"]) == ("pending", False)
    assert (refund.status, sim.objects("refund")) == (400, [])
    assert sim.get(f"/v1/payment_links/{made['id']}")["active"] is False


def test_a_link_for_cards_takes_no_bank_debit(sim: StripeSim) -> None:
    made = link(sim, payment_method_types=["card"])

    answer = sim.session.post(f"{sim.url}/_control/payment_links/{made['id']}/pay", json={"debit": True}, timeout=5)

    assert answer.status_code == 400
    assert "takes no bank debit in eur" in answer.json()["error"]["message"]
    assert sim.objects("checkout.session") == []


def test_a_deactivated_link_takes_no_payment(sim: StripeSim) -> None:
    made = link(sim)

    off = sim.post(f"/v1/payment_links/{made['id']}", active=False)

    assert off["active"] is False
    refused = sim.session.post(f"{sim.url}/_control/payment_links/{made['id']}/pay", json={}, timeout=5)
    assert refused.status_code == 400
    assert [row["id"] for row in sim.get("/v1/payment_links", active=False)["data"]] == [made["id"]]


def test_a_link_makes_a_customer_when_asked_to(sim: StripeSim) -> None:
    guest, known = link(sim), link(sim, customer_creation="always")

    anonymous = sim.control(f"/payment_links/{guest['id']}/pay")
    named = sim.control(f"/payment_links/{known['id']}/pay", email="p@payer.example", name="P")

    assert anonymous["customer"] is None
    assert sim.get(f"/v1/customers/{named['customer']}")["email"] == "p@payer.example"


def test_the_items_of_a_link_and_of_its_sessions_are_listed(sim: StripeSim) -> None:
    made = link(sim, expand=["line_items"])
    session = sim.control(f"/payment_links/{made['id']}/pay")

    items = sim.get(f"/v1/payment_links/{made['id']}/line_items", expand=["data.price.product"])["data"]

    assert made["line_items"]["data"][0]["id"] == items[0]["id"]
    assert (items[0]["amount_total"], items[0]["price"]["product"]["name"]) == (10_000, "Deposit")
    assert sim.get(f"/v1/checkout/sessions/{session['id']}/line_items")["data"][0]["quantity"] == 2


def test_automatic_tax_is_added_at_the_checkout(sim: StripeSim) -> None:
    made = link(sim, automatic_tax={"enabled": True})

    session = sim.control(f"/payment_links/{made['id']}/pay", country="FR")

    assert (session["amount_subtotal"], session["amount_total"]) == (10_000, 12_000)
    assert session["total_details"]["amount_tax"] == 2_000


def test_items_of_several_currencies_or_below_the_minimum_are_refused(sim: StripeSim) -> None:
    dollars = {**ITEM, "price_data": {**ITEM["price_data"], "currency": "usd"}}  # type: ignore[dict-item]  # a literal
    tiny = {**ITEM, "price_data": {**ITEM["price_data"], "unit_amount": 1}}  # type: ignore[dict-item]  # a literal

    assert sim.refused("POST", "/v1/payment_links", line_items=[ITEM, dollars])["param"] == "line_items"
    assert sim.refused("POST", "/v1/payment_links", line_items=[tiny])["code"] == "amount_too_small"
