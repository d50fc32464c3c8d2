"""The gateway described in OpenAPI 3.1, for tools; nothing of it is written by hand that the code already says."""

from __future__ import annotations

import json
from functools import cached_property

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway import actions
from gateway.actions import Action
from gateway.records import Json
from gateway.web import external_services, schemas
from gateway.web.problems import MEDIA_TYPE, TITLES
from gateway.web.schemas import PLACE, VERSION, Schema

_CACHED = {"Cache-Control": "max-age=300"}
ABOUT = (
    "Salesforce-triggered actions at Stripe, each exactly once. A business refusal is 200 with success = false; a "
    "fault is a problem document (RFC 9457) that carries the members of every other answer as well."
)
_ASKING, _ACTING = (400, 401, 403, 404, 422, 429, 503), (400, 401, 403, 404, 408, 413, 415, 422, 429, 503)
_KEY = "One intent, e.g. a UUID made when the panel opened: a repeat gets the first answer. Or request_key in the body."
_PREFER = "wait=N (seconds, 0 to 110) or respond-async: how long to wait for the end before 202 (RFC 7240)"
_HEADERS = {
    "Location": "Where to ask how it stands",
    "Retry-After": "Seconds until it is worth asking again",
    "Preference-Applied": "What of Prefer was applied",
    "WWW-Authenticate": "The scheme: Bearer",
}


_FRONT = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Stripe action gateway</title>
<h1>Stripe action gateway</h1>
<p>It runs. It is called by Salesforce with a signed token and has no pages for people.</p>
<ul>
<li><a href="/openapi.json">/openapi.json</a>: every action, with its members
<li><a href="/readyz">/readyz</a>: whether it is ready, and what it waits for
<li>docs/ in its source: README.md, operating.md, troubleshooting.md
</ul></html>
"""


class DocumentRoutes:
    """The two documents and a signpost for browsers. They need no token: they hold nothing that the source does not."""

    def __init__(self, public_url: str | None) -> None:
        self._public_url = public_url

    def routes(self) -> list[Route]:
        """Starlette routes."""
        return [
            Route("/", self.front, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
            Route("/openapi/external-services.json", self.external_services, methods=["GET"]),
        ]

    async def front(self, request: Request) -> Response:
        """For whoever tries the address in a browser; a program is told that there is nothing here."""
        if "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404)
        return HTMLResponse(_FRONT)

    async def openapi(self, request: Request) -> Response:
        """OpenAPI 3.1."""
        return Response(self._openapi, headers=_CACHED, media_type="application/json")

    async def external_services(self, request: Request) -> Response:
        """OpenAPI 3.0.3, what Salesforce's External Services take."""
        return Response(self._external_services, headers=_CACHED, media_type="application/json")

    @cached_property
    def _openapi(self) -> bytes:
        return json.dumps(document(self._public_url), ensure_ascii=False).encode()

    @cached_property
    def _external_services(self) -> bytes:
        return json.dumps(external_services.document(), ensure_ascii=False).encode()


def document(public_url: str | None = None) -> Schema:
    """The whole description; ``servers`` only where the public address is configured."""
    paths: dict[str, Schema] = {}
    for action in actions.registry().values():
        paths[f"/v1/actions/{action.name}"] = {"post": _act(action)}
        paths[f"/v1/actions/{action.name}/preview"] = {"post": _preview(action)}
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stripe action gateway", "version": VERSION, "description": ABOUT},
        **({"servers": [{"url": public_url}]} if public_url else {}),
        "security": [{"caller": []}],
        "paths": {**paths, **_state(), **_health()},
        "components": {
            "schemas": {**schemas.requests(), **schemas.answers()},
            "responses": {str(status): _problem(status) for status in TITLES if status >= 400}
            | {"Fault": _problem(None)},
            "headers": {name: {"description": told, "schema": {"type": "string"}} for name, told in _HEADERS.items()},
            "securitySchemes": {"caller": bearer},
        },
    }


def _act(action: Action) -> Schema:
    return {
        "operationId": external_services.identifier(action.name),
        "summary": action.label,
        "description": action.request.__doc__,
        "tags": ["Actions"],
        "parameters": [_parameter("Idempotency-Key", "header", _KEY), _parameter("Prefer", "header", _PREFER)],
        "requestBody": _body(action),
        "responses": {
            "200": _answer("Done, or refused", "Answer", "Preference-Applied"),
            "202": _answer("Still working", "Answer", "Location", "Retry-After", "Preference-Applied"),
            **_problems(_ACTING),
        },
    }


def _preview(action: Action) -> Schema:
    return {
        "operationId": external_services.identifier("preview", action.name),
        "summary": f"Preview: {action.label}",
        "description": "What the action would do, without doing it",
        "tags": ["Previews"],
        "requestBody": _body(action),
        "responses": {"200": _answer("What would happen, or why not", "PreviewAnswer"), **_problems(_ACTING)},
    }


def _state() -> dict[str, Schema]:
    action_id = _parameter("action_id", "path", "Id of the action, act_…")
    key = _parameter("request_key", "query", "Key the action was sent under by this caller", required=True)
    pull: Schema = {
        "operationId": "pullOutbox",
        "summary": "Look at the outbox now",
        "description": "Queued Stripe_Action__c rows are read over the gateway's own login and done as their creators",
        "tags": ["Outbox"],
        "requestBody": {"content": {"application/json": {"schema": schemas.closed("Nothing; may be left out", {})}}},
        "responses": {"202": _answer("It is being read", "Answer"), **_problems(_ACTING)},
    }
    return {
        "/v1/actions": {"get": _read("findAction", "Find an action by its request key", "Answer", key)},
        "/v1/actions/{action_id}": {"get": _read("readAction", "How an action stands", "Answer", action_id)},
        "/v1/actions/{action_id}/trace": {"get": _read("traceAction", "How an action came about", "Trace", action_id)},
        "/v1/outbox/pull": {"post": pull},
    }


def _read(operation: str, summary: str, answer: str, *parameters: Schema) -> Schema:
    headers = ("Retry-After",) if answer == "Answer" else ()
    responses = {"200": _answer(summary, answer, *headers), **_problems(_ASKING)}
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["State"],
        "parameters": list(parameters),
        "responses": responses,
    }


def _health() -> dict[str, Schema]:
    ready = {"200": _answer("Ready", "Readiness"), "503": _answer("Not ready", "Readiness", "Retry-After")}
    schema: Schema = {"schema": {"type": "object"}}
    return {
        "/livez": {"get": _open("checkAlive", "Whether the process runs", {"200": _text("It does")})},
        "/readyz": {"get": _open("checkReady", "Whether requests should be sent here", ready)},
        "/metrics": {"get": _open("readMetrics", "Metrics, for Prometheus", {"200": _text("Metrics")})},
        **{
            path: {"get": _open(name, told, {"200": {"description": told, "content": {"application/json": schema}}})}
            for path, name, told in (
                ("/openapi.json", "readDocument", "This document"),
                ("/openapi/external-services.json", "readExternalServices", "The document for External Services"),
            )
        },
    }


def _open(operation: str, summary: str, responses: Schema) -> Schema:
    return {"operationId": operation, "summary": summary, "tags": ["Health"], "security": [], "responses": responses}


def _text(description: str) -> Schema:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def _body(action: Action) -> Schema:
    schema = {"$ref": f"{PLACE}{action.request.__name__}"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answer(description: str, name: str, *headers: str) -> Schema:
    told: Schema = {"headers": {each: {"$ref": f"#/components/headers/{each}"} for each in headers}} if headers else {}
    content = {"application/json": {"schema": {"$ref": f"{PLACE}{name}"}}}
    return {"description": description, **told, "content": content}


def _problem(status: int | None) -> Schema:
    named = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status or 0)
    answer = _answer(TITLES[status] if status else "Something went wrong", "Problem", *((named,) if named else ()))
    return {**answer, "content": {MEDIA_TYPE: {"schema": {"$ref": f"{PLACE}Problem"}}}}


def _problems(statuses: tuple[int, ...]) -> dict[str, Json]:
    told = {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}
    return {**told, "default": {"$ref": "#/components/responses/Fault"}}


def _parameter(name: str, place: str, description: str, *, required: bool = False) -> Schema:
    needed = {"required": True} if required or place == "path" else {}
    return {"name": name, "in": place, **needed, "description": description, "schema": {"type": "string"}}
