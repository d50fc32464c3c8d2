"""Is it alive, is it ready, how is it doing. Readiness never depends on Stripe or Salesforce."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.engine.alarms import Alarms
from gateway.engine.clock import Clock
from gateway.engine.store import Store
from gateway.observability.metrics import Metrics


class Timed:
    """ASGI middleware: how long each route took and what it answered."""

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = self._clock.monotonic(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            endpoint = scope.get("endpoint")  # set by the router: the name of the handler, never the path
            self._metrics.answered(getattr(endpoint, "__name__", "none"), status, self._clock.monotonic() - started)


class OperationRoutes:
    """Health and metrics; none of them needs a token, so keep them off the public side of the load balancer."""

    def __init__(self, store: Store, metrics: Metrics, alarms: Alarms, stopping: Callable[[], bool]) -> None:
        self._store = store
        self._metrics = metrics
        self._alarms = alarms
        self._stopping = stopping

    def routes(self) -> list[Route]:
        """Starlette routes."""
        return [
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        ]

    async def livez(self, request: Request) -> Response:
        """The process runs and its loop turns."""
        return PlainTextResponse("ok\n")

    async def readyz(self, request: Request) -> Response:
        """503 while the database is away or the process is stopping; open circuits are told and change nothing."""
        reasons = {
            "stopping": self._stopping(),
            "database": not self._store.healthy,
        }
        problems = [name for name, holds in reasons.items() if holds]
        body = {
            "ready": not problems,
            "problems": problems,
            "clock_behind_seconds": self._store.clock_behind,
            "circuits": [
                {"scope": each.scope, "error_code": each.error_code, "open_seconds": self._alarms.seconds[each.scope]}
                for each in self._alarms.open
            ],
        }
        return JSONResponse(body, 503 if problems else 200, {"Retry-After": "2"} if problems else None)

    async def metrics(self, request: Request) -> Response:
        """Prometheus text format."""
        return Response(self._metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
