"""The first thing a request meets: what is malformed, too large, too slow or too much never reaches a route."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import GatewayError, Rejected, Unavailable
from gateway.ids import new_id
from gateway.observability import logs
from gateway.web.problems import problem

log = logs.get_logger()

# Health must be told even when nothing else gets in.
ALWAYS = frozenset({"/livez", "/readyz", "/metrics"})

# Added where a route has not set its own.
SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=31536000")

_PLAIN_PATH = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+|/", re.ASCII)
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\\\\]")
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_BODYLESS = frozenset({"GET", "HEAD"})
_CLOSE = {"Connection": "close"}
_SWALLOWED_BYTES = 1_048_576
_SWALLOWED_SECONDS = 0.5


class Limits(Protocol):
    """What the guard needs of the server's configuration."""

    @property
    def max_body_bytes(self) -> int: ...
    @property
    def max_headers(self) -> int: ...
    @property
    def max_header_bytes(self) -> int: ...
    @property
    def read_deadline_seconds(self) -> float: ...
    @property
    def max_concurrency(self) -> int: ...
    @property
    def allowed_hosts(self) -> tuple[str, ...]: ...
    @property
    def public_url(self) -> str | None: ...


class _Disconnected(Exception):
    """The client went away before its body was complete: nobody is left to answer."""


class Guard:
    """ASGI middleware. The body is read here, whole, so a route that is reached has all of it in memory."""

    def __init__(self, app: ASGIApp, limits: Limits, refused: Callable[[str], None] = lambda code: None) -> None:
        self._app = app
        self._limits = limits
        self._refused = refused
        self._hosts = frozenset(host.lower() for host in limits.allowed_hosts)
        https = (limits.public_url or "").startswith("https:")
        self._headers = (*SECURITY_HEADERS, TRANSPORT_SECURITY) if https else SECURITY_HEADERS
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            request_id = new_id("req")
            scope.setdefault("state", {})["request_id"] = request_id
            with logs.bound(request_id=request_id):
                await self._guard(scope, receive, self._sender(request_id, send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            expects_body = check_head(scope, self._limits, self._hosts)
            counted = scope["path"] not in ALWAYS
            if counted and self.running >= self._limits.max_concurrency:
                raise Unavailable("overloaded", "Too many requests at once; try again in a moment.", retry_after=1)
        except GatewayError as exc:
            self._tell(exc)
            await _refuse(exc, scope, receive, send)
            return
        self.running += counted
        try:
            await self._pass_on(scope, receive, send, expects_body=expects_body)
        except _Disconnected:
            return
        finally:
            self.running -= counted

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, *, expects_body: bool) -> None:
        if not expects_body:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(receive)
        except Rejected as exc:
            self._tell(exc)
            await _refuse(exc, scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes:
        parts, size, more = [], 0, True
        try:
            async with asyncio.timeout(self._limits.read_deadline_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Disconnected
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > self._limits.max_body_bytes:
                        raise _too_large(self._limits)
                    parts.append(chunk)
                    more = message.get("more_body", False)
        except TimeoutError as exc:
            raise Rejected("body_too_slow", "The body did not arrive in time.", http_status=408) from exc
        return b"".join(parts)

    def _tell(self, exc: GatewayError) -> None:
        self._refused(exc.code)
        log.info("request.refused", error_code=exc.code, status=exc.http_status)

    def _sender(self, request_id: str, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                added = [pair for pair in self._headers if pair[0] not in names]
                message["headers"] = [*given, (b"x-request-id", request_id.encode()), *added]
            await send(message)

        return sending


async def _refuse(exc: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer and close. A little of the body is swallowed first: closing on unread bytes resets the answer away."""
    left, more = _SWALLOWED_BYTES, exc.http_status != 408 and all(name != b"expect" for name, _ in scope["headers"])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SWALLOWED_SECONDS):
            while more and left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                more = message.get("more_body", False)
    await problem(exc, scope["state"]["request_id"], headers=_CLOSE)(scope, receive, send)


def check_head(scope: Scope, limits: Limits, hosts: frozenset[str]) -> bool:
    """Whether a body is to be read; ``Rejected`` for a head that must not be passed on."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > limits.max_headers:
        raise _too_many()
    size, host, lengths, codings = 0, [], [], []
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name == b"host":
            host.append(value)
        elif name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            codings.append(value)
    if size > limits.max_header_bytes:
        raise _too_many()
    if scope["http_version"] not in {"1.0", "1.1", "2"}:
        raise _bad("http_version", "Use HTTP/1.1.")
    # A health check asks by address, whatever names are served.
    _check_host(host, frozenset() if scope["path"] in ALWAYS else hosts)
    _check_path(scope)
    return _check_length(scope["method"], lengths, codings, limits)


def _check_host(values: list[bytes], hosts: frozenset[str]) -> None:
    text = values[0].decode("latin-1") if len(values) == 1 else ""
    if not _HOST.fullmatch(text):
        raise _bad("invalid_host", "Exactly one valid Host header is needed.")
    if hosts and text.lower() not in hosts and re.sub(r":[0-9]+$", "", text).lower() not in hosts:
        raise _bad("invalid_host", "This host name is not served here.")


def _check_path(scope: Scope) -> None:
    """Escapes must decode to text without control characters, and no segment may climb."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    if not query and _PLAIN_PATH.fullmatch(raw):
        return
    for part in (raw, query):
        try:
            text = unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise _bad("invalid_path", "The path is not UTF-8.") from exc
        if _BAD_ESCAPE.search(part) or _CONTROL.search(text):
            raise _bad("invalid_path", "The path holds characters that no path has.")
    if not raw.startswith(b"/") or {".", ".."} & set(unquote_to_bytes(raw).decode("utf-8").split("/")):
        raise _bad("invalid_path", "The path must not climb.")


def _check_length(method: str, lengths: list[bytes], codings: list[bytes], limits: Limits) -> bool:
    if (lengths and codings) or len(lengths) > 1 or len(codings) > 1:
        raise _bad("ambiguous_length", "The length of the body is given twice.")
    if codings and codings[0].strip().lower() != b"chunked":
        raise _bad("ambiguous_length", "Only chunked transfer coding is understood.")
    if lengths and not (lengths[0].isdigit() and len(lengths[0]) <= 18):
        raise _bad("ambiguous_length", "Content-Length must be a number.")
    length = int(lengths[0]) if lengths else 0
    if method in _BODYLESS and (length or codings):
        raise _bad("unexpected_body", f"{method} takes no body.")
    if length > limits.max_body_bytes:
        raise _too_large(limits)
    return bool(length or codings)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever the connection says (it tells of a client that leaves)."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


def _bad(code: str, message: str) -> Rejected:
    return Rejected(code, message, http_status=400)


def _too_many() -> Rejected:
    return Rejected("headers_too_large", "The request has too many or too large headers.", http_status=431)


def _too_large(limits: Limits) -> Rejected:
    return Rejected("body_too_large", f"The body is larger than {limits.max_body_bytes} bytes.", http_status=413)
