"""The Stripe connector against real sockets that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
import stripe

from gateway.connectors import CallEvent
from gateway.connectors.limits import Limiter
from gateway.connectors.stripe import API_VERSION, StripeConnector, endpoint_of
from gateway.errors import GatewayError, Misconfigured, Refused, Throttled, UnknownOutcome, Unreachable
from tests.support.scripted import (
    EMPTY_200,
    HALF_JSON,
    HTML_200,
    Act,
    Scripted,
    after,
    closed_port,
    drip,
    error,
    hang,
    reply,
    reset,
    truncated,
)
from tests.support.upstreams import FrozenEntity, FrozenSecret, SteppedClock, run

INVOICE = {"id": "in_1", "object": "invoice", "status": "draft"}
REPLAYED = {"Idempotent-Replayed": "true", "Request-Id": "req_9"}


@asynccontextmanager
async def connected(
    url: str, *entities: FrozenEntity, seen: list[CallEvent] | None = None, limiter: Limiter | None = None
) -> AsyncIterator[StripeConnector]:
    clock = SteppedClock()
    connector = StripeConnector(
        {entity.name: entity for entity in entities or (FrozenEntity(),)},
        url,
        clock=clock,
        limiter=limiter or Limiter(clock, enabled=False),
        observe=(seen if seen is not None else []).append,
    )
    try:
        yield connector
    finally:
        await connector.close(grace=0.2)


def failure(*acts: Act, method: str = "POST", deadline: float = 5.0) -> GatewayError:
    """The error one call ends in."""

    async def main() -> GatewayError:
        with Scripted(acts) as upstream:
            async with connected(upstream.url) as connector:
                with pytest.raises(GatewayError) as raised:
                    await connector.call("us", method, "/v1/invoices", {"a": 1}, idempotency_key="k", deadline=deadline)
                assert len(upstream.requests) == 1  # whatever happened, nothing is repeated behind our back
                return raised.value

    return run(main())


def test_an_answer_is_a_plain_dict_with_decimals() -> None:
    async def main() -> None:
        body = b'{"id": "txn_1", "exchange_rate": 0.871234567890123456}'
        headers = {"Request-Id": "req_1"}
        with Scripted([reply(200, body, headers=headers)]) as upstream:
            async with connected(upstream.url) as connector:
                answer = await connector.call("us", "GET", "/v1/balance_transactions/txn_1")

        assert type(answer.body) is dict
        assert answer.body["exchange_rate"] == Decimal("0.871234567890123456")
        assert (answer.status, answer.request_id, answer.replayed) == (200, "req_1", False)

    run(main())


def test_a_request_carries_key_version_and_form_fields_and_no_telemetry() -> None:
    async def main() -> None:
        with Scripted([reply(200, INVOICE)]) as upstream:
            async with connected(upstream.url) as connector:
                params = {"metadata": {"gw_action_id": "act_1"}, "lines": [{"amount": 5}], "auto_advance": False}
                await connector.call("us", "POST", "/v1/invoices", params, idempotency_key="act_1:invoice:1")
                await connector.call("us", "POST", "/v1/invoices", params, idempotency_key="act_1:invoice:2")

        first, second = upstream.requests
        assert first.headers["authorization"] == "Bearer sk_test_billing"
        assert first.headers["idempotency-key"] == "act_1:invoice:1"
        assert first.headers["stripe-version"] == API_VERSION == stripe.api_version
        assert first.body == b"metadata[gw_action_id]=act_1&lines[0][amount]=5&auto_advance=false"
        assert "x-stripe-client-telemetry" not in second.headers
        assert "stripe-account" not in second.headers

    run(main())


def test_each_entity_uses_its_own_key_account_and_context() -> None:
    async def main() -> None:
        uk = FrozenEntity("uk", account="acct_2", refund_key=FrozenSecret("rk_test_refund"), stripe_account="acct_2")
        org = FrozenEntity("org", account="acct_3", secret_key=FrozenSecret("sk_org_x"), stripe_context="acct_3")
        with Scripted([reply(200, INVOICE)]) as upstream:
            async with connected(upstream.url, uk, org) as connector:
                await connector.call("uk", "POST", "/v1/refunds", {}, use="refund")
                await connector.call("uk", "POST", "/v1/invoices", {})
                await connector.call("org", "GET", "/v1/invoices/in_1")

        sent = [
            tuple(request.headers.get(name) for name in ("authorization", "stripe-account", "stripe-context"))
            for request in upstream.requests
        ]
        assert sent == [
            ("Bearer rk_test_refund", "acct_2", None),
            ("Bearer sk_test_billing", "acct_2", None),
            ("Bearer sk_org_x", None, "acct_3"),
        ]

    run(main())


@pytest.mark.parametrize("act", [reset, truncated, HALF_JSON, HTML_200, EMPTY_200, reply(200, []), reply(302, b"")])
def test_an_answer_that_is_lost_or_unreadable_is_an_unknown_outcome(act: Act) -> None:
    assert isinstance(failure(act), UnknownOutcome)


@pytest.mark.parametrize("act", [hang, drip])
def test_the_deadline_is_wall_clock(act: Act) -> None:
    exc = failure(act, deadline=1.5)

    assert isinstance(exc, UnknownOutcome)
    assert exc.code == "stripe_timeout"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 424])
def test_a_server_error_is_an_unknown_outcome(status: int) -> None:
    exc = failure(error(status, headers={"Request-Id": "req_5"}))

    assert isinstance(exc, UnknownOutcome)
    assert (exc.request_id, exc.replayed) == ("req_5", False)


def test_a_html_502_keeps_what_its_headers_say() -> None:
    exc = failure(reply(502, b"<html>", kind="text/html", headers={"Retry-After": "7"}))

    assert isinstance(exc, UnknownOutcome)
    assert exc.retry_after == 7


@pytest.mark.parametrize("act", [error(500, headers=REPLAYED), error(429, code="lock_timeout", headers=REPLAYED)])
def test_a_replayed_error_tells_that_the_key_is_spent(act: Act) -> None:
    exc = failure(act)

    assert isinstance(exc, UnknownOutcome)
    assert exc.replayed
    assert exc.request_id == "req_9"


@pytest.mark.parametrize(
    ("act", "code", "wait"),
    [
        (error(429, code="rate_limit", headers={"Retry-After": "3"}), "rate_limit", 3.0),
        (error(429, code="lock_timeout"), "lock_timeout", None),
        (error(409, code="idempotency_key_in_use"), "idempotency_key_in_use", None),
        (error(409), "lock_timeout", None),
    ],
)
def test_being_turned_away_is_throttled(act: Act, code: str, wait: float | None) -> None:
    exc = failure(act)

    assert isinstance(exc, Throttled)
    assert (exc.code, exc.retry_after) == (code, wait)


@pytest.mark.parametrize(
    ("act", "code", "status"),
    [
        (error(400, type="invalid_request_error", code="amount_too_small", param="amount"), "amount_too_small", 400),
        (error(404, type="invalid_request_error", code="resource_missing", param="id"), "resource_missing", 404),
        (error(402, type="card_error", code="card_declined"), "card_declined", 402),
        (error(409, code="invoice_not_editable"), "invoice_not_editable", 409),
        (error(400, type="invalid_request_error"), "invalid_request", 400),
    ],
)
def test_a_definite_no_is_refused(act: Act, code: str, status: int) -> None:
    exc = failure(act)

    assert isinstance(exc, Refused)
    assert (exc.code, exc.status, exc.replayed) == (code, status, False)


def test_a_refusal_names_the_parameter_and_whether_it_is_an_old_one() -> None:
    exc = failure(error(400, code="email_invalid", param="email", message="Invalid: ann@example.com", headers=REPLAYED))

    assert isinstance(exc, Refused)
    assert (exc.param, exc.replayed, exc.request_id) == ("email", True, "req_9")
    assert exc.message == "Invalid: (e-mail address)"


def test_a_reused_key_is_a_fault_of_ours_and_opens_no_circuit() -> None:
    exc = failure(error(400, type="idempotency_error"))

    assert isinstance(exc, Misconfigured)
    assert (exc.code, exc.scope) == ("idempotency_key_reused", "")


@pytest.mark.parametrize(
    ("status", "refund_key", "scope"),
    [
        (401, None, "stripe:us"),
        (401, "rk_test_r", "stripe:us:refund"),
        (403, None, "stripe:us:billing:POST /v1/refunds"),
        (403, "rk_test_r", "stripe:us:refund:POST /v1/refunds"),
    ],
)
def test_a_bad_key_names_the_smallest_scope_it_proves(status: int, refund_key: str | None, scope: str) -> None:
    async def main() -> None:
        entity = FrozenEntity(refund_key=FrozenSecret(refund_key) if refund_key else None)
        with Scripted([error(status)]) as upstream:
            async with connected(upstream.url, entity) as connector:
                with pytest.raises(Misconfigured) as raised:
                    await connector.call("us", "POST", "/v1/refunds", {}, use="refund")

        assert raised.value.scope == scope

    run(main())


def test_a_refused_connection_was_never_sent() -> None:
    async def main() -> None:
        async with connected(f"http://127.0.0.1:{closed_port()}") as connector:
            with pytest.raises(Unreachable):
                await connector.call("us", "POST", "/v1/invoices", {})
            with pytest.raises(UnknownOutcome):  # a DELETE may be a repeat of aiohttp's own
                await connector.call("us", "DELETE", "/v1/invoices/in_1")

    run(main())


def test_a_redirect_is_not_followed() -> None:
    async def main() -> None:
        with Scripted([reply(200, INVOICE)]) as elsewhere:
            away = reply(302, b"", headers={"Location": elsewhere.url + "/v1/invoices"})
            with Scripted([away]) as upstream:
                async with connected(upstream.url) as connector:
                    with pytest.raises(UnknownOutcome):
                        await connector.call("us", "GET", "/v1/invoices/in_1")

            assert elsewhere.requests == []

    run(main())


def test_cancelling_the_caller_does_not_cancel_the_request() -> None:
    async def main() -> None:
        seen: list[CallEvent] = []
        with Scripted([after(2.0, reply(200, INVOICE))]) as upstream:
            async with connected(upstream.url, seen=seen) as connector:
                caller = asyncio.create_task(connector.call("us", "POST", "/v1/invoices", {}))
                await upstream.asked()
                caller.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await caller
                await connector.close(grace=30)

        assert [event.outcome for event in seen] == ["ok"]

    run(main())


def test_close_waits_for_what_runs_and_refuses_what_comes() -> None:
    async def main() -> None:
        with Scripted([after(0.2, reply(200, INVOICE))]) as upstream:
            async with connected(upstream.url) as connector:
                running = asyncio.create_task(connector.call("us", "POST", "/v1/invoices", {}))
                await upstream.asked()
                await connector.close(grace=5)

                assert running.done()
                assert (await running).body == INVOICE
                with pytest.raises(Unreachable):
                    await connector.call("us", "POST", "/v1/invoices", {})

    run(main())


def test_every_call_is_observed_without_ids() -> None:
    async def main() -> list[CallEvent]:
        seen: list[CallEvent] = []
        acts = [reply(200, INVOICE, headers={"Request-Id": "req_1"}), error(500), reset]
        with Scripted(acts) as upstream:
            async with connected(upstream.url, seen=seen) as connector:
                await connector.call("us", "POST", "/v1/invoices/in_1AbC/finalize", {})
                for _ in range(2):
                    with pytest.raises(UnknownOutcome):
                        await connector.call("us", "GET", "/v1/invoices/in_1AbC")
        return seen

    seen = run(main())

    assert [(e.method, e.endpoint, e.outcome, e.status, e.request_id) for e in seen] == [
        ("POST", "/v1/invoices/{id}/finalize", "ok", 200, "req_1"),
        ("GET", "/v1/invoices/{id}", "stripe_error", 500, None),
        ("GET", "/v1/invoices/{id}", "stripe_connection_lost", 0, None),
    ]


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/invoices/create_preview", "/v1/invoices/create_preview"),
        ("/v1/invoices/in_1/mark_uncollectible", "/v1/invoices/{id}/mark_uncollectible"),
        ("/v1/customers/cus_N3/tax_ids/txi_1", "/v1/customers/{id}/tax_ids/{id}"),
        ("/v1/refunds?limit=3", "/v1/refunds"),
    ],
)
def test_an_endpoint_is_the_path_without_ids(path: str, endpoint: str) -> None:
    assert endpoint_of("post", path) == f"POST {endpoint}"


def pages(*bodies: dict[str, Any]) -> list[Act]:
    return [reply(200, body) for body in bodies]


def test_a_list_is_read_page_by_page_up_to_the_limit() -> None:
    async def main() -> tuple[list[str], Iterable[str]]:
        acts = pages(
            {"object": "list", "data": [{"id": "re_1"}, {"id": "re_2"}], "has_more": True},
            {"object": "list", "data": [{"id": "re_3"}, {"id": "re_4"}], "has_more": True},
        )
        with Scripted(acts) as upstream:
            async with connected(upstream.url) as connector:
                listed = connector.list_all("us", "/v1/refunds", {"charge": "ch_1"}, limit=3)
                return [item["id"] async for item in listed], [request.path for request in upstream.requests]

    ids, paths = run(main())

    assert ids == ["re_1", "re_2", "re_3"]
    assert paths == ["/v1/refunds?limit=3&charge=ch_1", "/v1/refunds?limit=3&charge=ch_1&starting_after=re_2"]


def test_a_search_is_read_by_its_page_token() -> None:
    async def main() -> tuple[list[str], list[str]]:
        acts = pages(
            {"object": "search_result", "data": [{"id": "in_1"}], "has_more": True, "next_page": "p2"},
            {"object": "search_result", "data": [{"id": "in_2"}], "has_more": False},
        )
        with Scripted(acts) as upstream:
            async with connected(upstream.url) as connector:
                found = connector.list_all("us", "/v1/invoices/search", {"query": "x"})
                return [item["id"] async for item in found], [request.path for request in upstream.requests]

    ids, paths = run(main())

    assert ids == ["in_1", "in_2"]
    assert paths[1] == "/v1/invoices/search?limit=100&query=x&page=p2"


def test_a_429_slows_the_account_down() -> None:
    async def main() -> None:
        limiter = Limiter(SteppedClock())
        headers = {"Stripe-Rate-Limited-Reason": "endpoint-concurrency"}
        with Scripted([error(429, code="rate_limit", headers=headers)]) as upstream:
            async with connected(upstream.url, limiter=limiter) as connector:
                with pytest.raises(Throttled):
                    await connector.call("us", "POST", "/v1/invoices", {})

        assert limiter._accounts["acct_1"].ceiling < 25
        assert limiter._accounts["acct_1"].in_flight == 0

    run(main())
