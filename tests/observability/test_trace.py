"""Trace context: taken from callers, handed on, ignored when malformed."""

from __future__ import annotations

import pytest

from gateway.observability import Traceparent, Tracing

SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_call_made_for_a_request_stays_in_its_trace() -> None:
    parent = Traceparent.parse(SENT)
    assert parent is not None

    child = parent.child()

    assert child.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert child.span_id != "00f067aa0ba902b7"
    assert child.flags == "01"
    assert Traceparent.parse(child.header) == child


def test_a_later_version_may_carry_more_members() -> None:
    assert Traceparent.parse("01" + SENT[2:] + "-more") is not None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        "ff" + SENT[2:],
        SENT + "-more",
        SENT.upper(),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    ],
)
def test_a_malformed_header_is_ignored(header: str | None) -> None:
    assert Traceparent.parse(header) is None


def test_without_a_collector_the_trace_still_goes_on() -> None:
    tracing = Tracing.open(None)

    with tracing.span("action", Traceparent.parse(SENT), {}) as here:
        pass
    with tracing.span("action", None, {}) as fresh:
        pass
    tracing.close()

    assert here.trace_id == SENT[3:35]
    assert fresh.trace_id != here.trace_id


def test_with_the_extra_a_span_is_recorded_under_its_parent() -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = Tracing(provider)

    with tracing.span("send-invoice", Traceparent.parse(SENT), {"org": "acme"}) as here:
        pass
    tracing.close()

    [span] = exporter.get_finished_spans()
    assert span.name == "send-invoice"
    assert f"{span.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert here.trace_id == SENT[3:35]
    assert dict(span.attributes) == {"org": "acme"}


def test_opening_a_collector_makes_no_call_by_itself() -> None:
    tracing = Tracing.open("http://127.0.0.1:9/v1/traces")

    tracing.close()
