"""Logs are events with ids: one JSON object or one readable line each, redacted, with the request id they belong to."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.observability.redaction import redacted

Format = Literal["json", "console"]

# Libraries that log at INFO what the gateway reports itself, or that would repeat request bodies at DEBUG.
QUIET = ("alembic", "asyncio", "sqlalchemy", "stripe", "urllib3", "uvicorn.access")


class Output:
    """Where lines go. A full disk or a closed pipe loses log lines (counted), never the work that logs them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1

    # structlog calls the logger by the level's name.
    debug = info = warning = error = critical = exception = msg = write


def configure(form: Format = "json", *, stream: TextIO | None = None, level: str = "INFO") -> Output:
    """Send the gateway's events and every library's log records to ``stream`` (standard error), redacted."""
    output = Output(stream or sys.stderr)
    chain = _chain(form, colors=(stream or sys.stderr).isatty())
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=chain,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=False,
    )
    handler = _Foreign(output, chain)
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)
    return output


def get_logger(**always: object) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry ``always``: ``log.info("action.accepted", action_id=...)``."""
    # structlog types get_logger() as Any, because the wrapper class is configured at run time.
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(**always))


@contextlib.contextmanager
def bound(**values: object) -> Iterator[None]:
    """Every event inside (also in tasks started inside) carries these values, for example ``request_id``."""
    with structlog.contextvars.bound_contextvars(**{key: value for key, value in values.items() if value is not None}):
        yield


def _chain(form: Format, *, colors: bool) -> list[Processor]:
    last: list[Processor] = [_json] if form == "json" else [_console(colors=colors)]
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _redact,
        *last,
    ]


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return cast("EventDict", redacted(event))


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    ordered = {"at": event.pop("at"), "level": event.pop("level"), "event": event.pop("event"), **event}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), default=str)


def _console(*, colors: bool) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=colors,
        timestamp_key="at",
        # The default prints the local variables of every frame, which is where secrets live.
        exception_formatter=structlog.dev.plain_traceback,
    )


class _Foreign(logging.Handler):
    """Log records of libraries, through the same chain: their texts need the redaction most."""

    def __init__(self, output: Output, chain: list[Processor]) -> None:
        super().__init__()
        self._output = output
        self._chain = chain

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = {"event": record.getMessage(), "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for processor in self._chain:
            event = processor(None, record.levelname.lower(), event)
        self._output.write(event)
