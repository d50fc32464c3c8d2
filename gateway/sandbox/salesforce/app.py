"""The simulator as an ASGI application: authentication, limits, faults and JSON around the REST handlers."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.sandbox.control import control_routes
from gateway.sandbox.gate import FAULT
from gateway.sandbox.salesforce import apex, pages, steering
from gateway.sandbox.salesforce.calls import Answer, Call
from gateway.sandbox.salesforce.controller import ApexRoutes
from gateway.sandbox.salesforce.errors import SalesforceError, malformed_json, not_found
from gateway.sandbox.salesforce.faults import expired_session, request_error
from gateway.sandbox.salesforce.oauth import TokenEndpoint
from gateway.sandbox.salesforce.org import Org, Session, build_org
from gateway.sandbox.salesforce.rest import dispatch
from gateway.sandbox.salesforce.seed import plant
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import with_controls

METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]


class RestApi:
    """``/services/data…`` over one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._callouts: set[asyncio.Task[None]] = set()

    async def versions(self, _: Request) -> Response:
        version = self.org.world.api_version
        return JSONResponse([{"label": "Simulated", "url": f"/services/data/v{version}", "version": version}])

    async def handle(self, request: Request) -> Response:
        try:
            answer = self.answer(request, await request.body())
        except SalesforceError as exc:
            answer = Answer(exc.status, exc.body())
        self.start_flows()
        return response(answer, self.usage())

    def answer(self, request: Request, raw: bytes) -> Answer:
        fault = request.scope.get(FAULT)
        if fault is not None:
            raise request_error(fault.kind)
        session = self.authenticate(request.headers.get("authorization", ""))
        if self.org.calls >= self.org.daily_calls:
            raise request_error("request_limit")
        self.org.calls += 1
        call = self.read_call(request, session, raw)
        with self.org.store.transaction():
            return dispatch(call)

    def authenticate(self, header: str) -> Session:
        scheme, _, token = header.partition(" ")
        session = self.org.session(token.strip()) if scheme.lower() in ("bearer", "oauth") else None
        if session is None:
            raise expired_session()
        return session

    def read_call(self, request: Request, session: Session, raw: bytes) -> Call:
        segments = request.scope["raw_path"].decode("ascii").split("?")[0].split("/")[3:]
        if segments[0] != f"v{self.org.world.api_version}":
            raise not_found()
        return Call(
            org=self.org,
            user=session.user,
            method=request.method,
            path=tuple(unquote(segment) for segment in segments[1:] if segment),
            params=dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=read_json(raw, request.headers.get("content-type", "")),
            dispatch=dispatch,
        )

    def usage(self) -> Mapping[str, str]:
        return {"Sforce-Limit-Info": f"api-usage={self.org.calls}/{self.org.daily_calls}"}

    def start_flows(self) -> None:
        """After the commit: each flow's own callout, or the one that the rows they inserted start together."""
        runs = self.org.flow_runs[self.org.counts["flows_started"] :]
        self.org.counts["flows_started"] += len(runs)
        if not runs or not apex.connected(self.org):
            return
        if self.org.world.profile.flow_calls:
            callouts = [apex.ask_carelessly(self.org, run) for run in runs]
        else:
            callouts = [apex.pull(self.org, runs[0]["user"])]
        for callout in callouts:
            task = asyncio.create_task(callout)
            self._callouts.add(task)
            task.add_done_callback(self._callouts.discard)


def read_json(raw: bytes, content_type: str) -> Any:
    if not raw:
        return None
    if "json" not in content_type:
        raise SalesforceError("UNSUPPORTED_MEDIA_TYPE", f"Content type {content_type or '(none)'} is not supported")
    try:
        value = json.loads(raw, parse_float=Decimal, parse_constant=refuse_constant)
        if b"\\u" in raw:  # the only way half a character gets in
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError) as exc:
        raise malformed_json(f"Unexpected character in the request body: {exc}") from exc
    return value


def refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def response(answer: Answer, headers: Mapping[str, str]) -> Response:
    merged = {**headers, **answer.headers}
    if answer.status == 204:
        return Response(status_code=204, headers=merged)
    body = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(body, answer.status, merged, "application/json;charset=UTF-8")


def create_app(world: SalesforceWorld) -> ASGIApp:
    """A fresh org with its seed planted, behind the gate that injects faults. ``app.org`` is not exposed: use HTTP."""
    org = build_org(world)
    plant(org)
    org.controls.objects = lambda kind: steering.objects(org, kind)
    org.controls.reset = lambda: plant_again(org)
    rest, tokens, screens = RestApi(org), TokenEndpoint(org), pages.Pages(org)
    routes = [
        Route("/services/oauth2/token", tokens.token, methods=["POST"]),
        Route("/services/oauth2/userinfo", tokens.userinfo, methods=["GET"]),
        Route("/services/data", rest.versions, methods=["GET"]),
        Route("/services/data/{rest:path}", rest.handle, methods=METHODS),
        *screens.routes(),
        *ApexRoutes(org).routes(),
        *control_routes(org.controls, steering.routes(org)),
    ]
    return with_controls(Starlette(routes=routes), org.controls)


def plant_again(org: Org) -> None:
    org.clear()
    plant(org)
