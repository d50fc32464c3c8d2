"""Events go where a failing log stops nothing, as they do in the gateway."""

import sys

import pytest
import structlog

from gateway.observability.logs import Output


@pytest.fixture(autouse=True)
def plain_logs():
    """One plain line each: no rendered tracebacks with local variables."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        logger_factory=lambda *_: Output(sys.stderr),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.configure(**before)
