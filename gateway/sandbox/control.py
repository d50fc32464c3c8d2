"""``/_control``: what a test or a person does to a simulator that its real model does not offer. Loopback only."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import BadFaultError, Faults

PREFIX = "/_control"
LOG_LENGTH = 20_000
LONGEST_LEAP = 10 * 366 * 86400.0  # seconds the clock can be moved at a time; it only moves forward


@dataclass(slots=True)
class Exchange:
    """One request the simulator saw. ``status`` 0: no answer was sent."""

    n: int
    at: float
    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    status: int = 0
    replayed: bool = False
    fault: str | None = None

    def header(self, name: bytes) -> str | None:
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


def params_of(exchange: Exchange) -> Any:
    """Query and form as flat pairs, JSON as it is; parsed only when somebody looks."""
    content_type = exchange.header(b"content-type") or ""
    if "json" in content_type and exchange.body:
        try:
            return json.loads(exchange.body)
        except ValueError:
            return None
    text = exchange.body.decode("utf-8", "replace") if "form" in content_type else ""
    return dict(parse_qsl(exchange.query, keep_blank_values=True)) | dict(parse_qsl(text, keep_blank_values=True))


@dataclass
class Controls:
    """Everything the control routes can touch; the gate in wire.py obeys it."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    faults: Faults = field(default_factory=Faults)
    objects: Callable[[str], list[Any] | None] = lambda kind: None
    reset: Callable[[], None] = lambda: None
    latency: float = 0.0
    delay_in_app: bool = False  # the application spends ``latency`` itself, where its model would
    down: bool = False
    log: deque[Exchange] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))
    seen: int = 0

    def note(self, exchange: Exchange) -> None:
        self.log.append(exchange)


def public_view(exchange: Exchange) -> dict[str, Any]:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in exchange.headers}
    return {
        "n": exchange.n,
        "at": exchange.at,
        "method": exchange.method,
        "path": exchange.path,
        "params": params_of(exchange),
        "idempotency_key": headers.get("idempotency-key"),
        "status": exchange.status,
        "replayed": exchange.replayed,
        "fault": exchange.fault,
        "headers": {name: value for name, value in headers.items() if name != "authorization"},
    }


async def json_object(request: Request) -> dict[str, Any]:
    """The body of a control call; 400 when it is not a JSON object."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as exc:
        raise HTTPException(400, f"the body must be JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return body


def number(body: Mapping[str, Any], name: str, default: float, *, least: float = 0.0, most: float = 1e9) -> float:
    """A member that is a number within bounds; 400 with words otherwise."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise HTTPException(400, f"{name} must be a number from {least:g} to {most:g}")
    return float(value)


def whole(body: Mapping[str, Any], name: str, default: int, *, least: int = 0, most: int = 10**12) -> int:
    """A member that is a whole number within bounds."""
    value = number(body, name, default, least=least, most=most)
    if value != int(value):
        raise HTTPException(400, f"{name} must be a whole number")
    return int(value)


def flag(body: Mapping[str, Any], name: str, default: bool) -> bool:
    """A member that is true or false."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise HTTPException(400, f"{name} must be true or false")
    return value


def only(body: Mapping[str, Any], *names: str) -> None:
    """Nothing else may be in it: a misspelt member would be a fault that is never injected."""
    if unknown := sorted(set(body) - set(names)):
        raise HTTPException(400, f"unknown members: {', '.join(unknown)}; known: {', '.join(names)}")


class ControlApi:
    """The handlers of the control routes, over one ``Controls``."""

    def __init__(self, controls: Controls) -> None:
        self.controls = controls

    async def faults(self, request: Request) -> Response:
        table = self.controls.faults
        if request.method == "POST":
            try:
                return JSONResponse({"id": table.arm(await json_object(request)).id})
            except (BadFaultError, TypeError, ValueError) as exc:
                raise HTTPException(400, f"the fault cannot be understood: {exc}") from exc
        if request.method == "DELETE":
            table.clear()
        return JSONResponse([{"id": f.id, "kind": f.kind, "hits": f.hits, "times": f.times} for f in table.armed])

    async def outage(self, request: Request) -> Response:
        body = await json_object(request)
        only(body, "down")
        self.controls.down = flag(body, "down", True)
        return JSONResponse({"down": self.controls.down})

    async def latency(self, request: Request) -> Response:
        body = await json_object(request)
        only(body, "seconds")
        self.controls.latency = number(body, "seconds", 0, most=600)
        return JSONResponse({"seconds": self.controls.latency})

    async def clock(self, request: Request) -> Response:
        clock = self.controls.clock
        if request.method == "POST":
            body = await json_object(request)
            only(body, "advance")
            clock.advance(number(body, "advance", 0, most=LONGEST_LEAP))
        return JSONResponse({"now": clock.now(), "offset": clock.offset})

    async def requests(self, request: Request) -> Response:
        log = self.controls.log
        if request.method == "DELETE":
            log.clear()
        text = request.query_params.get("after", "0")
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise HTTPException(400, "after must be a whole number: the n of a request")
        after = int(text)
        return JSONResponse([public_view(entry) for entry in tuple(log) if entry.n > after])

    async def objects(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        rows = self.controls.objects(kind)
        if rows is None:
            raise HTTPException(404, f"no such kind of object: {kind}")
        return JSONResponse(rows)

    async def reset(self, _: Request) -> Response:
        controls = self.controls
        controls.faults.clear()
        controls.log.clear()
        controls.latency, controls.down = 0.0, False
        controls.reset()
        return JSONResponse({"reset": True})


def control_routes(controls: Controls, extra: Iterable[BaseRoute] = ()) -> list[BaseRoute]:
    """The routes both simulators mount; ``extra`` are a simulator's own, with full paths below ``/_control``."""
    api = ControlApi(controls)
    return [
        *extra,
        Route(f"{PREFIX}/faults", api.faults, methods=["POST", "DELETE", "GET"]),
        Route(f"{PREFIX}/outage", api.outage, methods=["POST"]),
        Route(f"{PREFIX}/latency", api.latency, methods=["POST"]),
        Route(f"{PREFIX}/clock", api.clock, methods=["GET", "POST"]),
        Route(f"{PREFIX}/requests", api.requests, methods=["GET", "DELETE"]),
        Route(f"{PREFIX}/objects/{{kind}}", api.objects, methods=["GET"]),
        Route(f"{PREFIX}/reset", api.reset, methods=["POST"]),
    ]
