"""W3C trace context (w3.org/TR/trace-context): accepted from callers, handed on; spans only with the ``otel`` extra."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from gateway.errors import GatewayError, Misconfigured

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Kind = Literal["internal", "server", "client", "consumer"]

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
    """
    Spans sent to an OTLP collector; without a provider nothing is recorded and nothing of it is imported.

    Attributes and names hold ids, kinds and codes, never what a request carries.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self.on = provider is not None

    @classmethod
    def open(cls, endpoint: str | None) -> Self:
        """``endpoint``: the collector's traces URL (OTLP over HTTP), or None for no tracing. Raises Misconfigured."""
        if endpoint is None:
            return cls()
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as exc:
            message = 'server.traces_url needs the extra: pip install "stripe-action-gateway[otel]"'
            raise Misconfigured("tracing_not_installed", message) from exc
        provider = TracerProvider(resource=Resource.create({"service.name": "stripe-action-gateway"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        return cls(provider)

    @contextlib.contextmanager
    def span(
        self, name: str, parent: Traceparent | None, attributes: Mapping[str, str], *, kind: Kind = "internal"
    ) -> Iterator[Traceparent]:
        """
        The body is one span under ``parent``, or under the span around it; what is yielded goes on with its calls.

        A GatewayError that leaves it marks it with its code; of others only the class is told: texts may hold anything.
        """
        if self._provider is None:
            yield parent.child() if parent else Traceparent.new()
            return
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract({"traceparent": parent.header}) if parent else None
        with self._provider.get_tracer("gateway").start_as_current_span(
            name,
            context=context,
            kind=trace.SpanKind[kind.upper()],
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            at = span.get_span_context()
            try:
                yield Traceparent(
                    trace.format_trace_id(at.trace_id), trace.format_span_id(at.span_id), f"{at.trace_flags:02x}"
                )
            except Exception as exc:
                code = exc.code if isinstance(exc, GatewayError) else type(exc).__name__
                span.set_attribute("error.type", code)
                span.set_status(trace.StatusCode.ERROR, code)
                raise

    def note(self, attributes: Mapping[str, str]) -> None:
        """Add to the span around this."""
        if self._provider is not None:
            from opentelemetry import trace

            trace.get_current_span().set_attributes(dict(attributes))

    def close(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            self._provider.shutdown()
