"""The simulator against Stripe's own descriptions, driven by the real SDK over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import stripe

from gateway.sandbox.stripe.resources import ENDPOINTS
from tests.contract import divergences, sdk
from tests.contract.oracle import check_request, check_response
from tests.contract.tour import Row, Tour
from tests.support.stripe_sim import KEY, StripeSim, stripe_sim


@pytest.fixture(scope="module")
def running() -> Iterator[StripeSim]:
    with stripe_sim() as sim:
        yield sim


@pytest.fixture
def sim(running: StripeSim) -> StripeSim:
    running.control("/reset")
    running.control("/settings", search_lag=0)
    return running


def client(sim: StripeSim, **more: Any) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, base_addresses={"api": sim.url}, max_network_retries=0, **more)


async def toured(sim: StripeSim) -> Tour:
    """The whole tour over ``raw_request_async`` on aiohttp, as the gateway calls Stripe."""
    transport = stripe.AIOHTTPClient(timeout=30)
    caller = client(sim, http_client=transport)

    async def send(method: str, path: str, params: Row) -> Row:
        answer = await caller.raw_request_async(method.lower(), path, **params)
        body: Row = answer.data
        return body

    tour = Tour(send, lambda path, body: sim.control(path, **body))
    try:
        await tour.walk()
    finally:
        await transport.close_async()  # type: ignore[no-untyped-call]  # untyped in the SDK
    return tour


def test_every_request_and_answer_of_the_tour_fits_the_spec_and_the_sdk(
    sim: StripeSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", False)

    tour = asyncio.run(toured(sim))

    assert tour.problems == []
    walked = {(call.split(" ")[0], call.split(" ")[1]) for call in tour.calls}
    unvisited = [e for e in ENDPOINTS if not any(sdk.fits(e.path, path) and e.method == m for m, path in walked)]
    assert [f"{endpoint.method} {endpoint.path}" for endpoint in unvisited] == ["GET /v1/accounts/{}"]


def test_the_typed_client_reads_what_the_simulator_answers(sim: StripeSim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    v1 = client(sim).v1

    customer = v1.customers.create({"name": "Acme", "email": "ap@acme.example"}, {"idempotency_key": "c1"})
    again = v1.customers.create({"name": "Acme", "email": "ap@acme.example"}, {"idempotency_key": "c1"})
    draft = v1.invoices.create(
        {"customer": customer.id, "currency": "eur", "collection_method": "send_invoice", "days_until_due": 30}
    )
    price: Any = {"currency": "eur", "product_data": {"name": "Hour"}, "unit_amount_decimal": Decimal("33.5")}
    v1.invoices.add_lines(draft.id, {"lines": [{"price_data": price, "quantity": 100}]})
    v1.invoices.finalize_invoice(draft.id, {"auto_advance": False})
    sent = v1.invoices.send_invoice(draft.id)
    paid = v1.invoices.pay(draft.id, {"payment_method": "pm_card_visa", "expand": ["payments"]})
    assert paid.payments is not None
    intent = paid.payments.data[0].payment.payment_intent
    assert isinstance(intent, str)
    refund = v1.refunds.create({"payment_intent": intent, "amount": 350})
    names = [row.id for row in v1.customers.list({"limit": 1}).auto_paging_iter()]

    assert again.id == customer.id
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert (sent.status, paid.status, paid.amount_paid) == ("open", "paid", 3_350)
    assert sent.lines.data[0].quantity_decimal == Decimal(100)
    assert (refund.status, refund.customer) == ("succeeded", customer.id)
    assert names == [customer.id]


ERRORS: list[tuple[str, str, type[stripe.StripeError], str | None]] = [
    ("http_401", "customers", stripe.AuthenticationError, None),
    ("http_403", "customers", stripe.PermissionError, None),
    ("http_429", "customers", stripe.RateLimitError, "rate_limit"),
    ("http_500", "customers", stripe.APIError, None),
    ("http_502", "customers", stripe.APIError, None),
    ("drop_after", "customers", stripe.APIConnectionError, None),
]


@pytest.mark.parametrize(("kind", "path", "error", "code"), ERRORS)
def test_faults_reach_the_sdk_as_the_errors_it_has_for_them(
    sim: StripeSim,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    path: str,
    error: type[stripe.StripeError],
    code: str | None,
) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    sim.fault(kind, f"/v1/{path}")

    with pytest.raises(error) as caught:
        client(sim).v1.customers.create({"name": "Acme"})

    assert code is None or (caught.value.error is not None and caught.value.error.code == code)


def test_refusals_carry_code_and_parameter(sim: StripeSim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    v1 = client(sim).v1

    with pytest.raises(stripe.InvalidRequestError) as missing:
        v1.invoices.retrieve("in_unknown")
    v1.customers.create({"name": "Acme"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        v1.customers.create({"name": "Apex"}, {"idempotency_key": "k"})
    invoice = sim.open_invoice(500)
    with pytest.raises(stripe.CardError) as declined:
        v1.invoices.pay(invoice["id"], {"payment_method": "pm_card_visa_chargeDeclined"})

    assert (missing.value.code, missing.value.param, missing.value.http_status) == ("resource_missing", "id", 404)
    assert declined.value.code == "card_declined"


# What a wrong request looks like -> what the oracle must say.
WRONG_REQUESTS: list[tuple[str, Row, str]] = [
    ("/v1/refunds", {"invoice": "in_1"}, "invoice: unknown"),
    ("/v1/refunds", {"charge": "ch_1", "amount": "12.50"}, "amount: '12.50' is not"),
    ("/v1/refunds", {"charge": "ch_1", "reason": "regret"}, "reason: 'regret' is not"),
    ("/v1/invoices", {"customer": "cus_1", "due_in": 30}, "due_in: unknown"),
    ("/v1/invoices", {"customer": "cus_1", "auto_advance": "no"}, "auto_advance: 'no' is not"),
    ("/v1/invoices", {"custom_fields": [{"name": "PO"}]}, "custom_fields[0][value]: missing"),
    ("/v1/invoices", {"description": "x" * 1501}, "description: longer than 1500"),
    ("/v1/invoices/in_1/add_lines", {}, "lines: missing"),
    ("/v1/invoices/in_1/add_lines", {"lines": [{"price_data": {"unit_amount": 1}}]}, "[price_data][currency]: missing"),
    ("/v1/payment_links", {"line_items": [{"price": "price_1"}]}, "line_items[0][quantity]: missing"),
    ("/v1/payment_links", {"line_items": [{"quantity": 1.5}]}, "line_items[0][quantity]: 1.5 is not"),
    ("/v1/customers", {"name": "x" * 257}, "name: longer than 256"),
    ("/v1/customers", {"metadata[a]": "b", "address[zip]": "1"}, "address[zip]: unknown"),
    ("/v1/unicorns", {}, "not in the"),
]


@pytest.mark.parametrize(("path", "params", "verdict"), WRONG_REQUESTS)
def test_the_oracle_notices_a_wrong_request(path: str, params: Row, verdict: str) -> None:
    assert any(verdict in problem for problem in check_request("POST", path, params))


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/invoices/in_1/add_lines", {"lines[0][amount]": "500", "lines[0][metadata][sf_line_id]": "00kA"}),
        ("/v1/customers", {"name": "Acme", "metadata": "", "tax_exempt": ""}),
        ("/v1/refunds", {"charge": "ch_1", "amount": 500, "reason": "duplicate"}),
        ("/v1/invoices", {"customer": "cus_1", "auto_advance": "false", "days_until_due": "30"}),
    ],
)
def test_the_oracle_lets_a_right_request_pass_typed_or_as_a_form(path: str, params: Row) -> None:
    assert check_request("POST", path, params) == []


PLANTED: list[tuple[Row, str]] = [
    ({"payment_intent": "pi_1"}, "payment_intent: unknown"),
    ({"amount_due": "500"}, "amount_due: '500' is not"),
    ({"status": "sent"}, "status: 'sent' is not"),
    ({"customer": None}, "customer: None is not"),
    ({"lines": []}, "lines: "),
    ({"automatic_tax": {"enabled": True, "status": "done"}}, "automatic_tax.status: 'done' is not"),
    ({"default_tax_rates": ["txr_1"]}, "default_tax_rates[0]: "),
]


@pytest.mark.parametrize(("mistake", "verdict"), PLANTED)
def test_the_oracle_notices_a_planted_mistake_in_an_answer(sim: StripeSim, mistake: Row, verdict: str) -> None:
    invoice = sim.draft(500)
    path = f"/v1/invoices/{invoice['id']}"

    problems = check_response("GET", path, {**invoice, **mistake})

    assert check_response("GET", path, invoice) == []
    assert any(problem.startswith(verdict) for problem in problems), problems


@pytest.mark.parametrize("member", ["amount_remaining", "number", "status_transitions", "lines", "total_taxes"])
def test_the_oracle_misses_a_member_that_is_gone(sim: StripeSim, member: str) -> None:
    invoice = sim.draft(500)
    short = {name: value for name, value in invoice.items() if name != member}

    assert f"{member}: missing" in check_response("GET", f"/v1/invoices/{invoice['id']}", short)


def test_the_simulator_takes_no_parameter_that_the_sdk_lacks() -> None:
    strangers = [
        f"{endpoint.method} {endpoint.path} {name}"
        for endpoint in ENDPOINTS
        for name in sdk.unknown_parameters(endpoint.method, endpoint.path.replace("{}", "x"), endpoint.accepts)
    ]

    assert strangers == []


def test_the_page_of_differences_is_up_to_date() -> None:
    assert divergences.PAGE.read_text("utf-8") == divergences.page()
