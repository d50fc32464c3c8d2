"""The ASGI gate in front of a simulator: request log, latency, outage, and the wire's faults."""

import asyncio
import contextlib
import socket
import struct
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox.control import PREFIX, Controls, Exchange
from gateway.sandbox.faults import DRIP_SECONDS, HANG_SECONDS, Fault

TRANSPORT = "sandbox.transport"
FAULT = "sandbox.fault"
HTML = b"<html><head><title>Service</title></head><body><h1>We are having trouble</h1></body></html>"
# Status and body of the faults that replace the answer as a whole.
REPLACED: dict[str, tuple[int, bytes, bytes]] = {
    "html_200": (200, b"text/html", HTML),
    "empty_200": (200, b"application/json", b""),
    "http_429": (429, b"text/plain", b"Too Many Requests"),
    "http_500": (500, b"text/html", HTML),
    "http_502": (502, b"text/html", HTML),
    "http_503": (503, b"text/html", HTML),
}


class Answer:
    """Collects what the application would have sent."""

    def __init__(self) -> None:
        self.start: Message = {"type": "http.response.start", "status": 500, "headers": []}
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")


async def until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def reset_connection(scope: Scope, receive: Receive) -> None:
    """Lingering zero seconds makes the kernel send RST instead of a polite FIN."""
    transport = scope["extensions"][TRANSPORT]
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await until_disconnect(receive)


async def close_after(scope: Scope, receive: Receive, send: Send, answer: Answer, body: bytes, length: int) -> None:
    headers = [(k, v) for k, v in answer.start["headers"] if k.lower() != b"content-length"]
    await send({**answer.start, "headers": [*headers, (b"content-length", str(length).encode())]})
    more = len(body) < length
    await send({"type": "http.response.body", "body": body, "more_body": more})
    if more:
        scope["extensions"][TRANSPORT].close()
        await until_disconnect(receive)


async def drip(send: Send, answer: Answer, pause: float) -> None:
    await send(answer.start)
    for position in range(len(answer.body)):
        await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": answer.body[position : position + 1], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def replace(send: Send, kind: str, retry_after: Any) -> None:
    status, content_type, body = REPLACED[kind]
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Gate:
    """Wraps an application; ``/_control`` passes untouched, so a broken world can always be mended."""

    def __init__(self, app: ASGIApp, controls: Controls) -> None:
        self.app = app
        self.controls = controls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        exchange = self.open(scope)
        controls = self.controls
        if controls.down:
            exchange.fault = "outage"
            await reset_connection(scope, receive)
            return
        if controls.latency and not controls.delay_in_app:
            await asyncio.sleep(controls.latency)
        recording_receive, recording_send = self.recorders(exchange, receive, send)
        fault = controls.faults.take(exchange.method, exchange.path) if controls.faults.armed else None
        if fault is None:
            await self.app(scope, recording_receive, recording_send)
            return
        exchange.fault = fault.kind
        if controls.faults.is_app_kind(fault):
            scope[FAULT] = fault
            await self.app(scope, recording_receive, recording_send)
            return
        await self.strike(fault, scope, recording_receive, recording_send)

    def open(self, scope: Scope) -> Exchange:
        controls = self.controls
        controls.seen += 1
        exchange = Exchange(
            n=controls.seen,
            at=controls.clock.now(),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=tuple(scope["headers"]),
        )
        controls.note(exchange)
        return exchange

    def recorders(self, exchange: Exchange, receive: Receive, send: Send) -> tuple[Receive, Send]:
        async def recording_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.body += message.get("body", b"")
            return message

        async def recording_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.replayed = any(key == b"idempotent-replayed" for key, _ in message["headers"])
            await send(message)

        return recording_receive, recording_send

    async def strike(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer()
        if fault.when == "after":
            await self.app(scope, receive, answer.send)
        elif fault.kind != "hang":
            await read_all(receive)
        body = answer.body
        match fault.kind:
            case "drop_before" | "drop_after":
                await reset_connection(scope, receive)
            case "hang" | "hang_after":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(until_disconnect(receive), fault.seconds or HANG_SECONDS)
                await reset_connection(scope, receive)
            case "drip":
                await drip(send, answer, fault.seconds or DRIP_SECONDS)
            case "truncated":
                await close_after(scope, receive, send, answer, body[: len(body) // 2], len(body) or 1)
            case "half_json":
                await close_after(scope, receive, send, answer, body[: len(body) // 2], len(body) // 2)
            case _:
                await replace(send, fault.kind, fault.extra.get("retry_after"))


async def read_all(receive: Receive) -> None:
    """Read the request to its end, so that it is logged whole and the reset is not mistaken for a refused upload."""
    while (await receive()).get("more_body"):
        pass
