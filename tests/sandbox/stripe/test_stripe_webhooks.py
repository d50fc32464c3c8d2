"""Events and their delivery: signed, retried, doubled, out of order."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.support.stripe_sim import StripeSim

HOUR = 3600


@dataclass
class Receiver:
    """Collects deliveries and answers with the statuses it was told, then 200."""

    url: str = ""
    received: list[tuple[bytes, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body, _ in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    collected = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = collected.answers.pop(0) if collected.answers else 200
            collected.received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collected.url = f"http://127.0.0.1:{server.server_port}/hook?entity=de"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield collected
        server.shutdown()
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def endpoint(sim: StripeSim, receiver: Receiver, *events: str, **more: Any) -> dict[str, Any]:
    return sim.post("/v1/webhook_endpoints", url=receiver.url, enabled_events=list(events or ("*",)), **more)


def test_a_delivery_carries_the_event_and_a_signature_the_sdk_accepts(sim: StripeSim, receiver: Receiver) -> None:
    made = endpoint(sim, receiver, "customer.created")
    customer = sim.call("POST", "/v1/customers", {"name": "Zoë"}, key="k1")

    until(lambda: len(receiver.received) == 1)
    body, signature = receiver.received[0]
    event = stripe.Webhook.construct_event(body, signature, made["secret"])

    assert event.type == "customer.created"
    assert event.data.object["name"] == "Zoë"
    assert event.request.idempotency_key == "k1"
    assert event.request.id == customer.headers["request-id"]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")


def test_the_secret_is_shown_once(sim: StripeSim, receiver: Receiver) -> None:
    made = endpoint(sim, receiver)

    assert made["secret"].startswith("whsec_")
    assert "secret" not in sim.get(f"/v1/webhook_endpoints/{made['id']}")


def test_an_endpoint_gets_only_what_it_asked_for_and_nothing_when_disabled(sim: StripeSim, receiver: Receiver) -> None:
    made = endpoint(sim, receiver, "invoice.sent", "invoice.paid")
    invoice = sim.open_invoice(500)
    sim.post(f"/v1/invoices/{invoice['id']}/send")
    until(lambda: len(receiver.received) == 1)

    sim.post(f"/v1/webhook_endpoints/{made['id']}", disabled=True)
    sim.post(f"/v1/invoices/{invoice['id']}/send")
    state = sim.control("/webhooks")

    assert [event["type"] for event in receiver.events()] == ["invoice.sent"]
    assert state["waiting"] == []


def test_a_refused_delivery_is_repeated_when_its_time_comes(sim: StripeSim, receiver: Receiver) -> None:
    endpoint(sim, receiver, "customer.created")
    receiver.answers = [500]
    sim.customer()
    until(lambda: sim.control("/webhooks")["waiting"] != [] and len(receiver.received) == 1)
    until(lambda: sim.control("/webhooks")["waiting"][0]["statuses"] == [500])
    pending = sim.get("/v1/events", delivery_success=False)["data"]

    sim.control("/clock", advance=61)
    until(lambda: len(receiver.received) == 2)
    until(lambda: sim.get("/v1/events", delivery_success=False)["data"] == [])

    first, second = receiver.events()
    assert first["id"] == second["id"] == pending[0]["id"]


def test_test_mode_gives_up_after_three_tries(sim: StripeSim, receiver: Receiver) -> None:
    endpoint(sim, receiver, "customer.created")
    receiver.answers = [500, 500, 500]
    sim.customer()

    for tries in (1, 2, 3):
        until(lambda tries=tries: len(receiver.received) == tries)  # type: ignore[misc]
        until(lambda: bool(sim.control("/webhooks")["waiting"] or sim.control("/webhooks")["failed"]))
        sim.control("/clock", advance=3 * HOUR)

    until(lambda: len(sim.control("/webhooks")["failed"]) == 1)
    assert sim.control("/webhooks")["waiting"] == []


def test_deliveries_can_be_doubled_and_reversed(sim: StripeSim, receiver: Receiver) -> None:
    endpoint(sim, receiver, "customer.created")
    sim.control("/webhooks", paused=True, duplicate=True, reverse=True)
    first, second = sim.customer(), sim.customer()

    sim.control("/webhooks", paused=False)
    until(lambda: len(receiver.received) == 4)

    seen = [event["data"]["object"]["id"] for event in receiver.events()]
    assert sorted(seen) == sorted([first["id"], first["id"], second["id"], second["id"]])
    assert sim.control("/webhooks")["reverse"] is True


def test_an_event_can_be_sent_again(sim: StripeSim, receiver: Receiver) -> None:
    endpoint(sim, receiver, "customer.created")
    sim.customer()
    until(lambda: len(receiver.received) == 1)

    sim.control(f"/events/{receiver.events()[0]['id']}/resend")

    until(lambda: len(receiver.received) == 2)
    assert len({event["id"] for event in receiver.events()}) == 1


def test_a_connect_endpoint_hears_of_the_connected_accounts(sim: StripeSim, receiver: Receiver) -> None:
    endpoint(sim, receiver, "customer.created", connect=True)
    sim.customer()

    sim.call("POST", "/v1/customers", {"name": "Theirs"}, Stripe_Account="acct_other")
    until(lambda: len(receiver.received) == 1)

    [event] = receiver.events()
    assert event["account"] == "acct_other"
    assert event["data"]["object"]["name"] == "Theirs"


def test_a_receiver_that_is_gone_is_tried_again_later(sim: StripeSim) -> None:
    sim.post("/v1/webhook_endpoints", url="http://127.0.0.1:9/none", enabled_events=["customer.created"])
    sim.customer()

    until(lambda: [row["statuses"] for row in sim.control("/webhooks")["waiting"]] == [[0]])


def test_events_hold_the_object_as_it_was(sim: StripeSim) -> None:
    customer = sim.customer(name="Before")
    sim.post(f"/v1/customers/{customer['id']}", name="After")

    newest, oldest = sim.get("/v1/events", types=["customer.created", "customer.updated"])["data"]

    assert oldest["data"]["object"]["name"] == "Before"
    assert newest["data"]["object"]["name"] == "After"
    assert newest["data"]["previous_attributes"] == {"name": "Before"}
    assert sim.get(f"/v1/events/{oldest['id']}") == oldest


def test_events_are_kept_for_thirty_days(sim: StripeSim) -> None:
    sim.customer()
    sim.control("/clock", advance=31 * 24 * HOUR)

    assert sim.get("/v1/events")["data"] == []


def test_a_paid_invoice_tells_its_story_in_events(sim: StripeSim) -> None:
    invoice = sim.open_invoice(500)
    sim.post(f"/v1/invoices/{invoice['id']}/pay", payment_method="pm_card_visa")

    kinds = [event["type"] for event in sim.get("/v1/events", limit=100)["data"]][::-1]

    wanted = ["invoice.created", "invoice.finalized", "charge.succeeded", "invoice_payment.paid", "invoice.paid"]
    assert [kind for kind in kinds if kind in wanted] == wanted
