"""``/v1``: door, limits, idempotency, parameters, endpoint, expansion — in the order in which Stripe applies them."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from gateway.sandbox.faults import Fault
from gateway.sandbox.gate import FAULT
from gateway.sandbox.stripe import expand, forms
from gateway.sandbox.stripe.access import Access, check_version, permit
from gateway.sandbox.stripe.errors import StripeError
from gateway.sandbox.stripe.ledger import API_VERSION
from gateway.sandbox.stripe.resources import ENDPOINTS
from gateway.sandbox.stripe.routes import Call, Endpoint, Router
from gateway.sandbox.stripe.tables import Row
from gateway.sandbox.stripe.trouble import error_of
from gateway.sandbox.stripe.world import StripeWorld

LARGEST_BODY = 4 * 1024 * 1024
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]

    @classmethod
    def error(cls, error: StripeError, headers: dict[str, str]) -> "Reply":
        return cls(error.status, encode(error.body), {**headers, **error.headers})


@dataclass(frozen=True)
class Incoming:
    """One request, read whole."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    request_id: str
    fault: Fault | None

    def text(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return value.decode("latin-1") if value is not None else None

    @property
    def idempotency_key(self) -> str | None:
        return self.text(b"idempotency-key") if self.method == "POST" else None

    def form(self) -> forms.Form:
        if self.method != "POST":
            return forms.decode(self.query)
        content_type = self.text(b"content-type") or ""
        if self.body and not content_type.startswith("application/x-www-form-urlencoded"):
            raise forms.malformed(f"not {content_type or 'without a content type'}")
        if self.query:
            raise forms.malformed("parameters of a POST belong into its body")
        return forms.decode(self.body)


def encode(row: Row) -> bytes:
    return _ENCODER.encode(row).encode()


class Api:
    """The ASGI application behind ``/v1``."""

    def __init__(self, world: StripeWorld) -> None:
        self.world = world
        self.router = Router(ENDPOINTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        incoming = await read(scope, receive)
        self.world.tick()
        reply = await self.answer(incoming)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def answer(self, incoming: Incoming) -> Reply:
        headers = {
            "request-id": incoming.request_id,
            "stripe-version": incoming.text(b"stripe-version") or API_VERSION,
        }
        if incoming.idempotency_key:
            headers["idempotency-key"] = incoming.idempotency_key
        try:
            return await self.admit(incoming, headers)
        except StripeError as error:
            return Reply.error(error, headers)

    async def admit(self, incoming: Incoming, headers: dict[str, str]) -> Reply:
        access = self.world.doorman.admit(incoming.headers)
        check_version(incoming.text(b"stripe-version"))
        found = self.router.find(incoming.method, incoming.path)
        if found is None:
            raise StripeError(
                404,
                f"Unrecognized request URL ({incoming.method}: {incoming.path}). Please see https://stripe.com/docs or "
                "we can help at https://support.stripe.com/.",
                kept=False,
            )
        endpoint, ids = found
        permit(access, endpoint.scope, endpoint.write)
        self.world.limits.check(access.account, access.key.livemode, f"{endpoint.method} {endpoint.path}")
        fault = incoming.fault
        if fault and fault.kind != "slow" and fault.when == "before":
            error = error_of(fault)
            if not error.kept:
                raise error
        form = incoming.form()
        key = incoming.idempotency_key
        if key is None:
            status, body, extra = await self.run(incoming, access, endpoint, ids, form)
            return Reply(status, body, {**headers, **extra})
        return await self.once(key, incoming, access, endpoint, ids, form, headers)

    async def once(
        self,
        key: str,
        incoming: Incoming,
        access: Access,
        endpoint: Endpoint,
        ids: tuple[str, ...],
        form: forms.Form,
        headers: dict[str, str],
    ) -> Reply:
        keys = self.world.idempotency(access.account, access.key.livemode)
        kept = keys.begin(key, incoming.path, form, incoming.request_id)
        if kept is not None:
            replay = {"idempotent-replayed": "true", "original-request": kept.request_id}
            return Reply(kept.status, kept.unpacked(), {**headers, **replay})
        try:
            status, body, extra = await self.run(incoming, access, endpoint, ids, form)
        except BaseException:
            keys.forget(key)
            raise
        keys.finish(key, status, body)
        return Reply(status, body, {**headers, **extra})

    async def run(
        self, incoming: Incoming, access: Access, endpoint: Endpoint, ids: tuple[str, ...], form: forms.Form
    ) -> tuple[int, bytes, dict[str, str]]:
        """Raises StripeError where nothing is to be remembered; a remembered refusal is an ordinary result."""
        params = endpoint.accepts.read(form) or {}
        paths = params.pop("expand", None) or ()
        expand.check_paths(endpoint.answers, paths)
        ledger = self.world.ledger(access.account, access.key.livemode)
        await self.delay(incoming.fault)
        ledger.request = (incoming.request_id, incoming.idempotency_key)
        try:
            fail(incoming.fault, "before")
            row = endpoint.handler(Call(self.world, ledger, ids, params))
            body = encode(expand.apply(ledger, row, paths) if paths else row)
            fail(incoming.fault, "after")
        except StripeError as error:
            if not error.kept:
                raise
            return error.status, encode(error.body), error.headers
        finally:
            ledger.request = (None, None)
        return 200, body, {}

    async def delay(self, fault: Fault | None) -> None:
        """Stripe's own working time passes while the idempotency key is taken, so an overlapping repeat meets a 409."""
        pause = self.world.controls.latency
        if fault is not None and fault.kind == "slow":
            pause += fault.seconds or 1.0
        if pause:
            await asyncio.sleep(pause)


def fail(fault: Fault | None, when: str) -> None:
    if fault is not None and fault.kind != "slow" and fault.when == when:
        raise error_of(fault)


async def read(scope: Scope, receive: Receive) -> Incoming:
    body = b""
    more = True
    while more:
        message: Any = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and len(body) <= LARGEST_BODY
    return Incoming(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=dict(scope["headers"]),
        body=body,
        request_id=f"req_{secrets.token_urlsafe(10).replace('-', 'x').replace('_', 'y')}",
        fault=scope.get(FAULT),
    )
