"""The SDK's aiohttp transport with what it leaves out: no redirects, errors as aiohttp raises them, headers kept."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import stripe

CONNECT_SECONDS = 5.0


@dataclass(slots=True)
class Answered:
    """What came back for the request of this task: the SDK's errors lose the headers of unreadable answers."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    traceparent: str | None = None  # goes out with the request


# Each request runs in a task of its own, so its context holds one request's answer only.
answered: ContextVar[Answered] = ContextVar("answered")


class Transport(stripe.AIOHTTPClient):
    """One aiohttp session for all accounts, opened on the loop of the first request."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self._opened: aiohttp.ClientSession | None = None

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """
        Send, read the whole answer, and hand the SDK what it needs of it.

        The SDK gets an empty object instead of a success's body, which it would only parse into OrderedDicts with
        floats: the caller parses the body it finds in ``answered``.
        """
        answer = answered.get()
        if answer.traceparent:
            headers = {**headers, "traceparent": answer.traceparent}
        async with self._open().request(
            method, url, headers=headers, data=post_data, allow_redirects=False
        ) as response:
            answer.status, answer.headers = response.status, response.headers
            answer.body = await response.read()
        body = b"{}" if 200 <= answer.status < 300 else answer.body
        return body, answer.status, answer.headers

    async def close_async(self) -> None:
        self.closed = True
        if self._opened is not None:
            await self._opened.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._opened is None:
            context = ssl.create_default_context(cafile=stripe.ca_bundle_path)
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=context, loop=asyncio.get_running_loop()),
                # No time limit here but for connecting: the deadline of a call is wall-clock and set around it.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._opened
