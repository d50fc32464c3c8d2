"""POST /v1/actions/{name} and what can be asked about an action afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import actions, ids
from gateway.actions import Action
from gateway.engine import ledger
from gateway.errors import Rejected
from gateway.observability.trace import Traceparent, Tracing
from gateway.pipeline import answers, tokens, trace
from gateway.pipeline.accept import Submission, submit
from gateway.pipeline.preview import preview
from gateway.pipeline.strict import parse
from gateway.pipeline.visibility import visible
from gateway.pipeline.work import Answer, Tools
from gateway.records import Caller, Json
from gateway.web.auth import Authenticator
from gateway.web.body import read_json
from gateway.web.problems import MEDIA_TYPE, TITLES, TYPE

_WAIT = re.compile(r"wait=([0-9]{1,4})", re.ASCII)
_TRACE = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)  # W3C trace context
_LONGEST_WAIT = 110  # seconds; an Apex callout ends at 120


class ActionRoutes:
    """The routes of the actions, over the pipeline's tools."""

    def __init__(self, tools: Tools, authenticator: Authenticator, tracing: Tracing) -> None:
        self._tools = tools
        self._tracing = tracing
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """Starlette routes, most specific first."""
        return [
            Route("/v1/actions/{name}/preview", self.preview, methods=["POST"]),
            Route("/v1/actions/{action_id}/trace", self.trace, methods=["GET"]),
            Route("/v1/actions", self.find, methods=["GET"]),
            Route("/v1/actions/{name}", self.act, methods=["GET", "POST"]),
        ]

    async def act(self, request: Request) -> Response:
        """Do it (POST), or tell how it stands (GET of an action id)."""
        caller = await self._authenticator.authenticate(request.scope["headers"])
        name = request.path_params["name"]
        if request.method in {"GET", "HEAD"}:
            if name in actions.registry():
                raise HTTPException(405, headers={"Allow": "POST"})
            return await self._state(caller, name)
        submission = await self._submission(request, caller, name)
        wait, applied = _wait(request.headers.get("prefer", ""), self._tools.config.server.wait_seconds)
        return _response(await self._submit(submission, wait), applied)

    async def _submit(self, submission: Submission, wait: float) -> Answer:
        if not self._tracing.on:
            return await submit(self._tools, submission, wait=wait)
        told = {"salesforce.org": submission.caller.org, "request.id": submission.request_id}
        parent = Traceparent.parse(submission.traceparent)
        with self._tracing.span(f"accept {submission.action.name}", parent, told, kind="server") as here:
            answer = await submit(self._tools, replace(submission, traceparent=here.header), wait=wait)
            self._tracing.note({"action.id": answer.action_id, "action.status": str(answer.envelope["status"])})
            return answer

    async def preview(self, request: Request) -> Response:
        """What would happen, without doing it."""
        caller = await self._authenticator.authenticate(request.scope["headers"])
        submission = await self._submission(request, caller, request.path_params["name"])
        shown = await preview(self._tools, submission)
        return JSONResponse({**shown.envelope, "preview": _jsonable(shown.summary), "preview_token": shown.token})

    async def find(self, request: Request) -> Response:
        """The action sent under a request key by this caller."""
        caller = await self._authenticator.authenticate(request.scope["headers"])
        key = ids.request_key(request.query_params.get("request_key"))
        row = await self._tools.store.read(lambda c: ledger.by_key(c, caller.org, caller.sub, key))
        if row is None:
            raise Rejected("unknown_action", "Nothing was sent under this request key.", http_status=404)
        return await self._state(caller, row.id)

    async def trace(self, request: Request) -> Response:
        """Every step, attempt, upstream request id and write-back of an action."""
        caller = await self._authenticator.authenticate(request.scope["headers"])
        action_id = ids.own_id(request.path_params["action_id"], "act", field="action_id")
        await visible(self._tools, caller, await self._tools.store.read(lambda c: ledger.by_id(c, action_id)))
        told = await self._tools.store.read(lambda c: trace.trace(c, self._tools.sealer, caller.org, action_id))
        return JSONResponse(_jsonable(told))

    async def _state(self, caller: Caller, action_id: str) -> Response:
        checked = ids.own_id(action_id, "act", field="action_id")
        row, envelope = await answers.state(self._tools, checked) or (None, {})
        row = await visible(self._tools, caller, row)
        return _stored(envelope, running=row.status in ledger.OPEN)

    async def _submission(self, request: Request, caller: Caller, name: str) -> Submission:
        action = _action(name)
        data = await read_json(request, self._tools.config.server)
        data = _with_request_key(self._tools, data, request.headers.getlist("idempotency-key"))
        return Submission(
            caller,
            action,
            parse(action.request, data),
            request_id=request.scope["state"]["request_id"],
            traceparent=_traceparent(request.headers.getlist("traceparent")),
        )


def _action(name: str) -> Action:
    action = actions.registry().get(name)
    if action is None:
        known = ", ".join(sorted(actions.registry()))
        raise Rejected("unknown_action", f"There is no such action. Actions: {known}.", http_status=404)
    return action


def _with_request_key(tools: Tools, data: Mapping[str, Json], headers: list[str]) -> dict[str, Json]:
    """The key from the header, the body or the preview's token; two that differ are refused."""
    body_key = data.get("request_key")
    given = [ids.request_key(value) for value in (*headers, *([] if body_key is None else [body_key]))]
    if len(set(given)) > 1:
        raise Rejected("request_key_differs", "Idempotency-Key and request_key differ.", field="request_key")
    key = given[0] if given else None
    token = data.get("preview_token")
    if key is None and isinstance(token, str):
        key = str(tokens.read(tools.sealer, token)["id"])
    return {**data, **({"request_key": key} if key else {})}


def _traceparent(values: list[str]) -> str | None:
    """The caller's trace, if it is one: it is stored and logged, so nothing else may come in by it."""
    return values[0] if len(values) == 1 and _TRACE.fullmatch(values[0]) else None


def _wait(prefer: str, default: float) -> tuple[float, str | None]:
    """Seconds to wait and what of ``Prefer`` (RFC 7240) was applied."""
    asked = [part.strip().lower() for part in prefer.split(",")]
    if "respond-async" in asked:
        return 0.0, "respond-async"
    for part in asked:
        if match := _WAIT.fullmatch(part.replace(" ", "")):
            seconds = min(int(match.group(1)), _LONGEST_WAIT)
            return float(seconds), f"wait={seconds}"
    return default, None


def _response(answer: Answer, applied: str | None) -> Response:
    headers = {"Preference-Applied": applied} if applied else {}
    if answer.running:
        headers |= {"Location": f"/v1/actions/{answer.action_id}", **_retry_after(answer.envelope)}
    status = 202 if answer.running else answer.http_status
    body = dict(answer.envelope)
    if status < 400:
        return JSONResponse(body, status, headers)
    body |= {"type": TYPE + str(body["error_code"]), "title": TITLES.get(status), "detail": body["user_message"]}
    body |= {"field": answer.field} if answer.field else {}
    return JSONResponse({**body, "status_code": status}, status, headers, MEDIA_TYPE)


def _stored(envelope: Mapping[str, Json], *, running: bool) -> Response:
    return JSONResponse(dict(envelope), headers=_retry_after(envelope) if running else None)


def _retry_after(envelope: Mapping[str, Json]) -> dict[str, str]:
    return {"Retry-After": str(envelope["retry_after_seconds"] or 2)}


def _jsonable(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _jsonable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
