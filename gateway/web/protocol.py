"""
How uvicorn must listen: a deadline and a size for the head of a request.

uvicorn has neither (0.54: ``--timeout-keep-alive`` starts only after a response), so a few hundred connections that
send one header byte a second would hold the server for ever, and one header of 8 MiB is kept in memory.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_REFUSAL = b"HTTP/1.1 %s\r\ncontent-length: 0\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"


class Limits(Protocol):
    """What is needed of the server's configuration."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def max_header_bytes(self) -> int: ...
    @property
    def read_deadline_seconds(self) -> float: ...
    @property
    def grace_seconds(self) -> float: ...


def uvicorn_options(limits: Limits) -> dict[str, Any]:  # keyword arguments of uvicorn.Config
    """
    Everything about the socket: pass it as ``uvicorn.Config(app, **uvicorn_options(server))``.

    ``proxy_headers`` is off: uvicorn would believe X-Forwarded-* of anybody on this machine.
    """
    return {
        "host": limits.host,
        "port": limits.port,
        "http": listening_with(limits),
        "ws": "none",
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "log_config": None,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": int(limits.grace_seconds) + 5,
    }


def listening_with(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol class with these limits."""
    most = limits.max_header_bytes + 8192  # the request line counts here as well
    return type("Listening", (_Listening,), {"deadline": limits.read_deadline_seconds, "most": most})


class _Listening(HttpToolsProtocol):
    deadline: float
    most: int

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True  # also before the first byte: a connection that stays silent is closed as well

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows asyncio's own type
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # Looked at afterwards: the head may have ended within this piece, and what follows is body.
        if self._in_head and self._head_bytes > self.most:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._watch()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._rest()
        super().on_headers_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """It is answered like any other request; a line of log per attempt would help only whoever sends them."""

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.deadline, self._refuse, b"408 Request Timeout")

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes) -> None:
        self._rest()
        if not self.transport.is_closing():
            # While an earlier request of the connection is being answered, words of ours would be taken for its answer.
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_REFUSAL % status)
            self.transport.close()
