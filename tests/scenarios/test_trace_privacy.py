"""A trace shows the values of members that are known to be harmless; what people wrote and who they are stays out."""

from __future__ import annotations

from typing import Any

from gateway.pipeline.trace import UNSAID
from tests.scenarios.lab import BILLED
from tests.scenarios.test_http import Caller, caller

__all__ = ["caller"]  # the fixture

WRITTEN = {
    "recipient_email": BILLED,
    "footer": "Thank you, Ben.",
    "description": "Frames for Ben's sister",
    "po_number": "PO-OF-BEN",
    "custom_fields": [{"name": "Apprentice", "value": "Zoe Marin"}],
    "lines": [{"description": "Saddle for Zoe", "quantity": 2, "unit_price": "100.00"}],
}


def traced(caller: Caller, name: str, members: dict[str, Any]) -> Any:
    done = caller("POST", f"/v1/actions/{name}", members, Idempotency_Key=name).json()
    assert done["success"], done
    return caller("GET", f"/v1/actions/{done['action_id']}/trace")


def test_a_trace_shows_what_was_sent_and_nothing_of_anybody(caller: Caller) -> None:
    lab = caller.lab
    contact = next(row for row in lab.records("Contact") if row["Email"] == BILLED)
    tax = {"tax_id_type": "eu_vat", "tax_id_value": "DE123456789"}
    made = traced(caller, "create-customer", {"record_id": contact["Id"], **tax})
    sent = traced(caller, "send-invoice", {"record_id": lab.fleet, "currency": "USD", **WRITTEN})
    lab.pay(lab.of_record("invoice", lab.fleet)[0])
    refunded = traced(caller, "refund-payment", {"record_id": lab.fleet, "amount": "5.00", "note": "Zoe was unhappy"})
    link = traced(caller, "create-payment-link", {"record_id": lab.fleet, "amount": "9.00", "description": "For Zoe"})

    texts = "\n".join(answer.text for answer in (made, sent, refunded, link))
    personal = [contact["LastName"], contact["Name"], "DE123456789", BILLED, "Zoe", "Ben", "Marin", "Apprentice"]
    assert [text for text in personal if text in texts] == []
    lines = next(step for step in sent.json()["plan"] if step["name"] == "lines")["params"]["lines"]
    assert lines[0]["price_data"] == {"currency": "usd", "product_data": {"name": UNSAID}, "unit_amount": 10000}
    [refund] = refunded.json()["plan"]
    assert (refund["params"]["amount"], refund["params"]["metadata"]["sf_note"]) == (500, UNSAID)
    assert refund["params"]["metadata"]["sf_record_id"] == lab.fleet
