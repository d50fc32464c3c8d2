"""
Calls to Stripe: the SDK's ``raw_request_async`` on one shared aiohttp session, and no call torn in the middle.

The SDK brings authentication, the pinned API version, parameter encoding and error classes. Ours: no redirects, a
wall-clock deadline, no hidden retries, limits, and plain dicts (building StripeObjects costs 1–2 ms a call).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

import aiohttp
import stripe

from gateway import __version__
from gateway.connectors import CallEvent, Clock, Observe
from gateway.connectors.health import Health
from gateway.connectors.limits import Limiter
from gateway.connectors.stripe_errors import Sent, broken, fault, not_configured, scopes, unreadable
from gateway.connectors.stripe_health import went_well, went_wrong
from gateway.connectors.stripe_transport import Answered, Transport, answered
from gateway.errors import GatewayError, Unreachable
from gateway.observability.trace import Tracing
from gateway.records import Json

API_VERSION = stripe.api_version

REASON = "Stripe-Rate-Limited-Reason"  # endpoint-rate, endpoint-concurrency, global-rate, global-concurrency …

Use = Literal["billing", "refund"]

# An id in a path: prefix, underscore, and a capital or digit somewhere (verbs like mark_uncollectible have none); or
# the hole that a plan leaves for one.
_ID = re.compile(r"(?<=/)(?:(?=[^/]*[0-9A-Z])[a-z]+_[^/]+|\{[^/]*\})")


class Secret(Protocol):
    def reveal(self) -> str: ...


class Entity(Protocol):
    """A legal entity: the part of its configuration a call needs."""

    @property
    def name(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def secret_key(self) -> Secret: ...
    @property
    def refund_key(self) -> Secret | None: ...
    @property
    def stripe_account(self) -> str | None: ...
    @property
    def stripe_context(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class StripeAnswer:
    """A definite success. ``body`` is plain JSON, fractions as Decimal; ``replayed``: from Stripe's cache."""

    status: int
    body: dict[str, Json]
    request_id: str | None
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Call:
    entity: Entity
    client: stripe.StripeClient
    method: str
    path: str
    endpoint: str
    params: Mapping[str, Json]
    idempotency_key: str | None
    deadline: float
    own_key: bool

    def sent(self, answer: Answered) -> Sent:
        resource = self.path.split("/", 3)[2].split("?")[0]
        name, own_key = self.entity.name, self.own_key
        return Sent(name, self.method, resource, self.endpoint, own_key, answer.status, answer.headers)

    def event(self, answer: Answered, outcome: str, seconds: float) -> CallEvent:
        method, _, endpoint = self.endpoint.partition(" ")
        request_id = answer.headers.get("Request-Id")
        return CallEvent("stripe", self.entity.name, method, endpoint, outcome, answer.status, seconds, request_id)


class StripeConnector:
    """Every call to Stripe goes through ``call``. Make it anywhere, use it on one event loop, ``close`` it there."""

    def __init__(
        self,
        entities: Mapping[str, Entity],
        base_url: str,
        *,
        clock: Clock,
        limiter: Limiter,
        observe: Observe,
        health: Health | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        _quiet_sdk()
        self._entities = entities
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._limiter = limiter
        self._observe = observe
        self._health = health or Health(clock)
        self._tracing = tracing if tracing and tracing.on else None
        self._transport = Transport()
        self._clients: dict[tuple[str, str], stripe.StripeClient] = {}
        self._running: set[asyncio.Task[StripeAnswer]] = set()

    async def call(
        self,
        entity: str,
        method: str,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        idempotency_key: str | None = None,
        use: Use = "billing",
        deadline: float = 25.0,
        priority: int = 0,
    ) -> StripeAnswer:
        """
        Send one request; ``deadline`` seconds bound the wait for leave and, anew, the request as a whole.

        Cancelling the caller while it waits for leave sends nothing; once sent, the request is carried to its end
        whatever happens to the caller. Raises Refused, Throttled, UnknownOutcome, Unreachable, CircuitOpen or
        Misconfigured.
        """
        if self._transport.closed:
            raise Unreachable("gateway_stopping", "The gateway is stopping; it goes on after the restart.")
        owner = self._owner(entity)
        endpoint = endpoint_of(method, path)
        own_key = use == "refund" and owner.refund_key is not None
        self._health.admit(*scopes(entity, endpoint, own_key=own_key))
        await self._limiter.acquire(
            owner.account, endpoint, live=owner.mode == "live", priority=priority, patience=deadline
        )
        client = self._client(owner, own_key=own_key)
        call = _Call(owner, client, method.lower(), path, endpoint, params or {}, idempotency_key, deadline, own_key)
        run = self._run(call, Answered()) if self._tracing is None else self._traced(call, self._tracing)
        task = asyncio.get_running_loop().create_task(run)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def admit(self, entity: str, method: str, path: str, use: Use) -> None:
        """
        Raises CircuitOpen where such a call would not be begun now, Misconfigured where it never could; ``path`` may
        have holes for ids.
        """
        own_key = use == "refund" and self._owner(entity).refund_key is not None
        self._health.admit(*scopes(entity, endpoint_of(method, path), own_key=own_key))

    async def list_all(
        self,
        entity: str,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        limit: int | None = None,
        deadline: float = 25.0,
        priority: int = 2,
    ) -> AsyncIterator[dict[str, Json]]:
        """Every object of a list (or search), newest first as Stripe gives them, at most ``limit`` of them."""
        asked: dict[str, Json] = {"limit": min(100, limit or 100), **(params or {})}
        given = 0
        while True:
            answer = await self.call(entity, "get", path, asked, deadline=deadline, priority=priority)
            page = answer.body.get("data", [])
            for item in page:
                yield item
                given += 1
                if given == limit:
                    return
            if not page or not answer.body.get("has_more"):
                return
            if answer.body.get("object") == "search_result":
                asked["page"] = answer.body["next_page"]
            else:
                asked["starting_after"] = page[-1]["id"]

    def replace(self, entities: Mapping[str, Entity]) -> None:
        """Use other keys from the next call on; those under way end with theirs."""
        self._entities = entities
        self._clients.clear()

    def beside(self, entities: Mapping[str, Entity]) -> StripeConnector:
        """Another one for these entities, to try their keys with: it judges nobody's health and obeys no circuit."""
        return StripeConnector(
            entities, self._base_url, clock=self._clock, limiter=Limiter(self._clock), observe=self._observe
        )

    async def close(self, grace: float = 15.0) -> None:
        """Let requests under way come to their end, at most ``grace`` seconds, then drop the connections."""
        self._transport.closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        await self._transport.close_async()

    def _owner(self, entity: str) -> Entity:
        if (owner := self._entities.get(entity)) is None:
            raise not_configured(entity)
        return owner

    def _client(self, owner: Entity, *, own_key: bool) -> stripe.StripeClient:
        key = (owner.refund_key if own_key else owner.secret_key) or owner.secret_key
        use = "refund" if own_key else "billing"
        client = self._clients.get((owner.name, use))
        if client is None:
            client = self._clients[owner.name, use] = stripe.StripeClient(
                key.reveal(),
                stripe_account=owner.stripe_account,
                stripe_context=owner.stripe_context,
                stripe_version=API_VERSION,
                base_addresses={"api": self._base_url},
                max_network_retries=0,
                http_client=self._transport,
            )
        return client

    async def _traced(self, call: _Call, tracing: Tracing) -> StripeAnswer:
        told = {"stripe.entity": call.entity.name}
        with tracing.span(f"stripe {call.endpoint}", None, told, kind="client") as here:
            answer = Answered(traceparent=here.header)
            try:
                return await self._run(call, answer)
            finally:
                request_id = answer.headers.get("Request-Id", "")
                tracing.note({"http.response.status_code": str(answer.status), "stripe.request_id": request_id})

    async def _run(self, call: _Call, answer: Answered) -> StripeAnswer:
        started, outcome = self._clock.monotonic(), "ok"
        try:
            given = await _send(call, answer)
            went_well(self._health, call.sent(answer))
            return given
        except GatewayError as exc:
            outcome = exc.code
            if answer.status == 429:
                self._limiter.slow_down(call.entity.account, call.endpoint, answer.headers.get(REASON, ""))
            if (worse := went_wrong(self._health, call.sent(answer), exc)) is not exc:
                raise worse from exc
            raise
        finally:
            self._limiter.release(call.entity.account)
            self._observe(call.event(answer, outcome, self._clock.monotonic() - started))


async def _send(call: _Call, answer: Answered) -> StripeAnswer:
    answered.set(answer)
    try:
        async with asyncio.timeout(call.deadline):
            await call.client.raw_request_async(
                call.method, call.path, **call.params, idempotency_key=call.idempotency_key
            )
    except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
        raise broken(exc, call.sent(answer)) from exc
    except stripe.StripeError as exc:
        raise fault(exc, call.sent(answer)) from exc
    try:
        body = json.loads(answer.body, parse_float=Decimal)
    except ValueError as exc:
        raise unreadable(call.sent(answer)) from exc
    if not isinstance(body, dict) or not body:
        raise unreadable(call.sent(answer))
    sent = call.sent(answer)
    return StripeAnswer(answer.status, body, sent.request_id, sent.replayed)


def endpoint_of(method: str, path: str) -> str:
    """``POST /v1/invoices/{id}/finalize``: what Stripe limits, and what metrics group by."""
    return f"{method.upper()} {_ID.sub('{id}', path.partition('?')[0])}"


def _quiet_sdk() -> None:
    # Telemetry writes a file into the home directory; the SDK's log lines hold parameters with personal data.
    stripe.enable_telemetry = False
    stripe.set_app_info("stripe-action-gateway", version=__version__)
    logging.getLogger("stripe").setLevel(logging.WARNING)
