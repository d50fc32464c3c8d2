"""
A dummy Stripe and Salesforce in one process: every call takes 20 ms and costs as little CPU as Python allows.

``python -m benchmarks.upstream PORT [SECONDS_PER_CALL]``; ``GET /_counts`` tells how many calls of each kind came.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any, cast

import httptools
import uvloop

from benchmarks.answers import Salesforce, Stripe

REASONS = {200: b"OK", 204: b"No Content"}


class World:
    """The state all connections share."""

    def __init__(self, base_url: str, seconds: float) -> None:
        self.seconds = seconds
        self.counts: Counter[str] = Counter()
        self._stripe = Stripe()
        self._salesforce = Salesforce(base_url)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/_counts":
            return 200, dict(self.counts)
        if path.startswith("/v1/"):
            self.counts["stripe"] += 1
            return 200, self._stripe.answer(method, path, body)
        self.counts[_kind(method, path)] += 1
        return self._salesforce.answer(method, path, body)


def _kind(method: str, path: str) -> str:
    if path.endswith("/oauth2/token"):
        return "salesforce_login"
    writes = "/composite" in path or method in {"PATCH", "DELETE"}
    return "salesforce_write" if writes else "salesforce_read"


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests come one at a time, as every client here sends them."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path = url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        method, path, body = self._parser.get_method().decode(), self._path.decode(), b"".join(self._body)
        self._body = []
        status, value = self._world.answer(method, path, body)
        content = b"" if value is None else json.dumps(value).encode()
        head = (
            f"HTTP/1.1 {status} {REASONS[status].decode()}\r\ncontent-type: application/json\r\n"
            f"request-id: req_{self._world.counts.total()}\r\nsforce-limit-info: api-usage=18/100000\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        wait = 0.0 if path.startswith("/_") else self._world.seconds
        self._loop.call_later(wait, self._send, head.encode() + content)

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def serve(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    world = World(f"http://127.0.0.1:{port}", seconds)
    server = await loop.create_server(lambda: Connection(world, loop), "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.02))
