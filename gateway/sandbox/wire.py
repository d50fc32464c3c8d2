"""
Serving a simulator over real sockets.

``Server(app)`` runs it in a thread of this process (tests, the demo); ``serve(app, port)`` is the main program of its
own process. ``with_controls(app, controls)`` puts the fault-capable gate in front of a Starlette application; mount
``control_routes(controls)`` in that application. See faults.py for the kinds of fault and control.py for the routes.
"""

import contextlib
import socket
import sys
import threading
import time
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.sandbox.control import Controls
from gateway.sandbox.gate import TRANSPORT, Gate

HOST = "127.0.0.1"
START_SECONDS = 15.0


class FaultableProtocol(HttpToolsProtocol):
    """Shows the application its own TCP connection, so that it can break it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]  # ASGI types know no own extension


def with_controls(app: ASGIApp, controls: Controls) -> ASGIApp:
    return Gate(app, controls)


def listen(port: int = 0, host: str = HOST) -> socket.socket:
    """A bound socket; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def server_config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=FaultableProtocol,
        ws="none",
        lifespan="auto",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        backlog=2048,
    )


class Server:
    """One application on one loopback port, in a thread. ``start()`` after ``stop()`` comes back on the same port."""

    def __init__(self, app: ASGIApp, port: int = 0, host: str = HOST) -> None:
        self.app = app
        self.host = host
        self.port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> str:
        if self._server is not None:
            return self.url
        listener = listen(self.port, self.host)
        self.port = listener.getsockname()[1]
        server = uvicorn.Server(server_config(self.app))
        thread = threading.Thread(target=self._run, args=(server, listener), name=f"sandbox:{self.port}", daemon=True)
        thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the simulator did not start on port {self.port}")
            time.sleep(0.002)
        self._server, self._thread = server, thread
        return self.url

    @staticmethod
    def _run(server: uvicorn.Server, listener: socket.socket) -> None:
        with listener:
            server.run(sockets=[listener])

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Announcing(uvicorn.Server):
    """Says on stdout when it answers, so that a parent process need not poll."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        port = (sockets or [])[0].getsockname()[1]
        sys.stdout.write(f"ready http://{HOST}:{port}\n")
        sys.stdout.flush()


def serve(app: ASGIApp, where: int | socket.socket) -> None:
    """Run on a port, or a socket of ``listen``, until SIGINT or SIGTERM; prints ``ready http://127.0.0.1:PORT``."""
    with listen(where) if isinstance(where, int) else where as listener, contextlib.suppress(KeyboardInterrupt):
        Announcing(server_config(app)).run(sockets=[listener])
