"""
A requests session that cannot hang: every call has a wall-clock deadline that cuts its socket.

``requests`` bounds each single read only, so an upstream that drips a byte now and then holds a thread for ever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from gateway.connectors import retry_after

CONNECT_SECONDS = 5.0


class Watch:
    """The socket of one call: tells whether anything was sent, and lets the deadline cut it from another thread."""

    def __init__(self) -> None:
        self.sent = False
        self.expired = False
        self.retry_after: float | None = None  # what the last answer asked for
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        _current.watch = self

    def __exit__(self, *_: object) -> None:
        _current.watch = None

    def uses(self, connection: socket.socket) -> None:
        with self._lock:
            self.sent = True
            self._socket = connection
        if self.expired:
            self.cut()

    def cut(self) -> None:
        """End the call: the thread that reads sees the connection closed."""
        with self._lock:
            self.expired = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # The plain shutdown: SSLSocket's own would take the TLS state from under the reading thread.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Current(threading.local):
    watch: Watch | None = None


_current = _Current()


def _watched(connection: HTTPConnection) -> None:
    if _current.watch is not None and isinstance(connection.sock, socket.socket):
        _current.watch.uses(connection.sock)


def _noted(response: requests.Response, *_: Any, **__: Any) -> None:  # requests passes what it sent the request with
    if _current.watch is not None:
        _current.watch.retry_after = retry_after(response.headers)


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _watched(self)

    def request(self, *args: Any, **kwargs: Any) -> None:  # urllib3's ten parameters, passed on
        _watched(self)  # a connection that is used again
        super().request(*args, **kwargs)


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _watched(self)

    def request(self, *args: Any, **kwargs: Any) -> None:  # urllib3's ten parameters, passed on
        _watched(self)
        super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # requests' own parameters, passed on
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def session(threads: int) -> requests.Session:
    """A session for ``threads`` threads: no retries of its own, no netrc, no proxies from the environment."""
    opened = requests.Session()
    opened.trust_env = False
    opened.hooks["response"].append(_noted)  # the library's errors lose the headers
    adapter = _Adapter(pool_connections=2, pool_maxsize=threads, max_retries=0)
    opened.mount("https://", adapter)
    opened.mount("http://", adapter)
    return opened
