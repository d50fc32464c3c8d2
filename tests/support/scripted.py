"""An upstream over real sockets that does what a script says: answers, resets, hangs, drips, half answers."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Act = Callable[[socket.socket, threading.Event], None]


def reply(
    status: int = 200, body: Any = None, *, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> Act:
    """Answer; ``body`` is JSON unless it is bytes."""
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{extra}\r\n".encode()
    return lambda connection, _: connection.sendall(head + data)


def error(status: int, *, headers: dict[str, str] | None = None, **members: Any) -> Act:
    """A Stripe error."""
    return reply(status, {"error": {"type": "api_error", "message": "no", **members}}, headers=headers)


def reset(connection: socket.socket, _: threading.Event) -> None:
    """RST instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError


def hang(connection: socket.socket, stopped: threading.Event) -> None:
    stopped.wait()


def drip(connection: socket.socket, stopped: threading.Event) -> None:
    """One byte of the header every 20 ms: no read ever times out."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Long: " + b"x" * 5000:
        if stopped.is_set():
            return
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def truncated(connection: socket.socket, _: threading.Event) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id": "in_')
    raise ConnectionAbortedError  # ends the connection, politely


HALF_JSON = reply(200, b'{"id": "in_1", ')
HTML_200 = reply(200, b"<html>maintenance</html>", kind="text/html")
EMPTY_200 = reply(200, b"")


def after(seconds: float, act: Act) -> Act:
    """Answer late."""

    def late(connection: socket.socket, stopped: threading.Event) -> None:
        stopped.wait(seconds)
        act(connection, stopped)

    return late


@dataclass
class Scripted:
    """
    ``with Scripted(reply(500), reply(200, {...})) as upstream``: one act per request, the last one repeated.

    Pass ``decide`` instead to choose the act by the request.
    """

    acts: Sequence[Act] = ()
    decide: Callable[[Request], Act] | None = None
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _asked: threading.Event = field(default_factory=threading.Event)

    async def asked(self) -> None:
        """Wait for the first request."""
        assert await asyncio.to_thread(self._asked.wait, 10)

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                _quietly(connection.shutdown, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        spoken = connection
        try:
            spoken = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with self._lock:
                self._open.add(spoken)
            with spoken, spoken.makefile("rb") as stream:
                while (request := _read(stream)) and not self._stopped.is_set():
                    self._act(request)(spoken, self._stopped)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(spoken)

    def _act(self, request: Request) -> Act:
        with self._lock:
            self.requests.append(request)
            self._asked.set()
            if self.decide is not None:
                return self.decide(request)
            return self.acts[min(len(self.requests), len(self.acts)) - 1]


def _read(stream: Any) -> Request | None:
    line = stream.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers, stream.read(int(headers.get("content-length", "0"))))


def _quietly(act: Callable[..., object], *args: object) -> None:
    try:
        act(*args)
    except OSError:
        return


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
