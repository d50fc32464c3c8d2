"""W3C trace context (w3.org/TR/trace-context): accepted from callers, handed on; spans only with the ``otel`` extra."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Traceparent:
    """One position in a distributed trace."""

    trace_id: str
    span_id: str
    flags: str = "00"

    @classmethod
    def parse(cls, header: str | None) -> Traceparent | None:
        """The position a caller sent, or None if the header is absent or malformed: it is ignored then."""
        match = _HEADER.fullmatch((header or "").strip())
        if match is None:
            return None
        version, trace_id, span_id, flags, more = match.groups()
        invalid = version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16)
        return None if invalid else cls(trace_id, span_id, flags)

    @classmethod
    def new(cls) -> Traceparent:
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    def child(self) -> Traceparent:
        """The position of a call made on behalf of this one."""
        return Traceparent(self.trace_id, secrets.token_hex(8), self.flags)

    @property
    def header(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


class Tracing:
    """Spans sent to an OTLP collector; does nothing until opened with an endpoint."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider

    @classmethod
    def open(cls, endpoint: str | None) -> Self:
        """``endpoint``: the collector's traces URL (OTLP over HTTP), or None for no tracing."""
        if endpoint is None:
            return cls()
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as exc:
            raise RuntimeError('tracing needs the extra: pip install "stripe-action-gateway[otel]"') from exc
        provider = TracerProvider(resource=Resource.create({"service.name": "stripe-action-gateway"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        return cls(provider)

    @contextlib.contextmanager
    def span(self, name: str, parent: Traceparent | None, attributes: Mapping[str, str]) -> Iterator[Traceparent]:
        """The body is one span under ``parent``; what is yielded goes on to whoever is called from here."""
        if self._provider is None:
            yield parent.child() if parent else Traceparent.new()
            return
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {"traceparent": parent.header} if parent else {}
        context = TraceContextTextMapPropagator().extract(carrier)
        tracer = self._provider.get_tracer("gateway")
        with tracer.start_as_current_span(name, context=context, attributes=dict(attributes)) as span:
            at = span.get_span_context()
            yield Traceparent(
                trace.format_trace_id(at.trace_id), trace.format_span_id(at.span_id), f"{at.trace_flags:02x}"
            )

    def close(self) -> None:
        if self._provider is not None:
            self._provider.shutdown()
