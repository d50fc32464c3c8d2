"""With tracing on, one action is one trace, from the caller's span to each call; with it off nothing is loaded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.app import build
from gateway.config import load
from gateway.connectors import unobserved
from gateway.connectors.limits import Limiter
from gateway.connectors.stripe import StripeConnector
from gateway.errors import Refused
from gateway.observability.trace import Tracing
from gateway.sandbox.wire import Server
from tests.scenarios.lab import BILLED, QUICK, Lab, truth, until
from tests.scenarios.test_http import Caller
from tests.support.scripted import Scripted, error, reply
from tests.support.upstreams import FrozenEntity, SteppedClock, run

SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def recorder() -> tuple[Tracing, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider), exporter


def named(spans: tuple[ReadableSpan, ...], name: str) -> ReadableSpan:
    [found] = [span for span in spans if span.name == name]
    return found


@pytest.mark.plain
def test_one_action_is_one_trace_under_the_callers_span(sqlite_lab: Lab) -> None:
    tracing, exporter = recorder()
    made = build(load(sqlite_lab.config_file, {}), tracing=tracing)
    made.tools.patience = QUICK
    with Server(made.app) as server:
        caller = Caller(sqlite_lab, server.url)
        body = {"record_id": sqlite_lab.fleet}
        answer = caller("POST", "/v1/actions/send-invoice", body, Idempotency_Key="k", traceparent=SENT).json()
        asyncio.run(until(lambda: not list(truth(sqlite_lab, sqlite_lab.fleet)), what="the write-back"))

    spans = exporter.get_finished_spans()
    accept, job = named(spans, "accept send-invoice"), ended(spans, answer["action_id"])
    finalize = named(spans, "stripe POST /v1/invoices/{id}/finalize")
    assert accept.parent is not None
    assert f"{accept.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert parent(job) == accept.context.span_id
    assert parent(finalize) == job.context.span_id
    assert {f"{span.context.trace_id:032x}" for span in (accept, job, finalize)} == {SENT[3:35]}
    assert finalize.attributes["http.response.status_code"] == "200"
    assert str(finalize.attributes["stripe.request_id"]).startswith("req_")
    assert accept.attributes["action.status"] == "succeeded"
    graph = [span for span in spans if span.name == "salesforce POST composite/graph"]
    assert {parent(span) for span in graph} <= {span.context.span_id for span in spans if span.name == "sender"}
    assert graph
    assert BILLED not in "".join(span.to_json() for span in spans)


def ended(spans: tuple[ReadableSpan, ...], action_id: str) -> ReadableSpan:
    """The run of the action's job that ended it; earlier ones waited for the customer."""
    [found] = [
        span
        for span in spans
        if span.attributes.get("job.id") == action_id and span.attributes.get("job.verdict") == "done"
    ]
    return found


def parent(span: ReadableSpan) -> Any:
    return None if span.parent is None else span.parent.span_id


def test_a_call_carries_the_trace_on_and_tells_its_error_by_code_only() -> None:
    tracing, exporter = recorder()

    async def main() -> list[str]:
        with Scripted([reply(200, {"id": "cus_1"}), error(400, code="email_invalid", message="ann@example.com")]) as up:
            connector = StripeConnector(
                {"us": FrozenEntity()},
                up.url,
                clock=SteppedClock(),
                limiter=Limiter(SteppedClock()),
                observe=unobserved,
                tracing=tracing,
            )
            await connector.call("us", "POST", "/v1/customers", {})
            with pytest.raises(Refused):
                await connector.call("us", "POST", "/v1/customers", {})
            await connector.close(0.1)
            return [request.headers["traceparent"] for request in up.requests]

    headers = run(main())

    good, bad = exporter.get_finished_spans()
    assert [header.split("-")[2] for header in headers] == [f"{span.context.span_id:016x}" for span in (good, bad)]
    assert bad.attributes["error.type"] == "email_invalid"
    assert not bad.status.is_ok
    assert "ann@" not in bad.to_json()


def test_without_a_collector_nothing_of_opentelemetry_is_loaded() -> None:
    code = "import sys, gateway.app; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
