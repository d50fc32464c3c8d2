"""What the outside may see of the gateway: log events, metrics, traces; never a secret, never personal data."""

from gateway.observability.logs import bound, configure, get_logger
from gateway.observability.metrics import Metrics
from gateway.observability.redaction import redact, redacted
from gateway.observability.trace import Traceparent, Tracing

__all__ = ["Metrics", "Traceparent", "Tracing", "bound", "configure", "get_logger", "redact", "redacted"]
