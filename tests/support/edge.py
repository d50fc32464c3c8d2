"""A tiny application behind the real guard, authenticator and body reader, served over HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.config import Config, Server, load
from gateway.errors import GatewayError, Rejected
from gateway.ids import request_key, salesforce_id
from gateway.money import Money
from gateway.pipeline.strict import parse
from gateway.records import Caller
from gateway.web.auth import Authenticator, Headers
from gateway.web.body import read_json
from gateway.web.guard import Guard
from gateway.web.problems import problem
from gateway.web.protocol import uvicorn_options
from tests.support.configuration import (
    ENVIRON,
    NOW,
    TOML,
    certificate,
    ec_jwk,
    ec_key,
    public_pem,
    rsa_jwk,
    rsa_key,
    write_configuration,
)
from tests.support.tokens import AT, GOOD_TOKEN, LIVE_ORG

# acme (test): a certificate, an RS512 key and a P-256 key; beside them one key that is over and one yet to come.
# beta (live): its own key.
ORGS = """
[[orgs.acme.keys]]
file = "more.jwks"

[[orgs.acme.keys]]
file = "old.pem"
kid = "old"
not_after = 2026-11-22T11:00:00Z
"""
BETA = f"""
[entities.beta]
mode = "live"
account = "acct_1Beta"
secret_key = "env:LIVE_KEY"

[orgs.beta]
id = "{LIVE_ORG}"
mode = "live"
entities = ["beta"]
automation_subjects = ["beta-automation"]
objects = ["Opportunity"]

[[orgs.beta.keys]]
file = "beta.pem"
kid = "beta"

[[orgs.beta.keys]]
file = "next.pem"
kid = "next"
not_before = 2026-12-01

[orgs.beta.salesforce]
username = "gateway@beta.example.com"
consumer_key = "3MVG9consumer"
private_key = "file:login.pem"
"""


class Clock:
    """Stands still until it is moved."""

    def __init__(self, at: float = AT) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


def configuration(folder: Path, limits: str = "") -> Config:
    """Two orgs with every kind of key; ``limits`` are further lines of ``[server]``."""
    toml = TOML.replace("[orgs.acme.salesforce]", ORGS + "[orgs.acme.salesforce]") + BETA
    toml = toml.replace("port = 0", f"port = 0\n{limits}")
    jwks = {"keys": [rsa_jwk(rsa_key("512"), kid="rs512", alg="RS512"), ec_jwk(ec_key(), kid="es256")]}
    (folder / "more.jwks").write_text(json.dumps(jwks))
    for name in ("old", "beta", "next"):
        (folder / f"{name}.pem").write_text(public_pem(rsa_key(name)))
    path = write_configuration(folder, toml, cert=certificate(rsa_key()))
    return load(path, ENVIRON | {"LIVE_KEY": "rk_live_abcdefghijkl"}, now=NOW)


async def no_store(*_: object) -> bool:
    raise AssertionError("none of these orgs has one-time tokens")


def who(authenticator: Authenticator, headers: Headers) -> Caller:
    """Who calls, without a server around it."""
    return asyncio.run(authenticator.authenticate(headers))


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    description: str = Field(min_length=1, max_length=500)
    quantity: int = Field(1, ge=1, le=9999)


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    record_id: str
    amount: str | int | Decimal
    currency: str = "usd"
    request_key: str | None = None
    memo: str | None = Field(None, max_length=200)
    send: bool = True
    lines: list[Line] = Field(default_factory=list, max_length=5)


@dataclass
class Edge:
    """What the application saw, and ways to talk to it."""

    config: Config
    clock: Clock
    port: int = 0
    reached: list[tuple[Caller, dict[str, Any]]] = field(default_factory=list)
    crashed: list[Exception] = field(default_factory=list)
    guard: Guard | None = None

    def post(
        self,
        body: bytes = b"",
        *,
        token: str | bytes | None = GOOD_TOKEN,
        headers: list[tuple[str, str | bytes]] | None = None,
        path: str = "/v1/orders",
        content_type: str | None = "application/json",
    ) -> tuple[http.client.HTTPResponse, dict[str, Any]]:
        """One request on a connection of its own; the answer and its JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest("POST", path, skip_accept_encoding=True)
            if token is not None:
                connection.putheader(
                    "Authorization", b"Bearer " + (token if isinstance(token, bytes) else token.encode())
                )
            if content_type:
                connection.putheader("Content-Type", content_type)
            for name, value in headers or []:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer, json.loads(answer.read())
        finally:
            connection.close()

    def raw(self, data: bytes, *, timeout: float = 5.0) -> bytes:
        """Bytes on a socket of their own, and everything that comes back until the server closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            received = b""
            with contextlib.suppress(TimeoutError, ConnectionResetError, BrokenPipeError):
                connection.sendall(data)
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while chunk := connection.recv(65536):
                    received += chunk
                    if received.endswith(b"}") or b"content-length: 0\r\n" in received:
                        break
            return received


async def _fault(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)
    return problem(exc, None)


async def _http(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return problem(Rejected("http", str(exc.detail), http_status=exc.status_code), None, headers=exc.headers)


def application(edge: Edge) -> Guard:
    """Authenticate, read, validate, and only then reach the handler's last line."""
    authenticator = Authenticator(edge.config.orgs.values(), edge.clock, edge.config.server, use_once=no_store)

    async def order(request: Request) -> Response:
        caller = await authenticator.authenticate(request.scope["headers"])
        data = await read_json(request, edge.config.server)
        wanted = parse(Order, data)
        salesforce_id(wanted.record_id)
        if wanted.request_key is not None:
            request_key(wanted.request_key)
        money = Money.parse(wanted.amount, wanted.currency)
        if money.minor == 0:
            raise Rejected("invalid_amount", "The amount is zero.", field="amount")
        edge.reached.append((caller, data))
        return JSONResponse({"caller": [caller.org, caller.sub, caller.kind], "minor": money.minor})

    async def slow(request: Request) -> Response:
        edge.reached.append((Caller("", "", "internal"), {}))
        await request.body()
        return JSONResponse({"path": request.url.path, "scheme": request.url.scheme, "client": request.client})

    async def crash(_: Request, exc: Exception) -> Response:
        edge.crashed.append(exc)
        return JSONResponse({}, 500)

    app = Starlette(
        routes=[
            Route("/v1/orders", order, methods=["POST"]),
            Route("/v1/things/{name}", slow, methods=["GET", "POST"]),
            Route("/livez", slow, methods=["GET"]),
        ],
        exception_handlers={GatewayError: _fault, HTTPException: _http, Exception: crash},
    )
    return Guard(app, edge.config.server)


@contextlib.contextmanager
def serving(config: Config) -> Iterator[Edge]:
    """The application on a free port, under uvicorn as the gateway runs it."""
    edge = Edge(config, Clock())
    edge.guard = application(edge)
    with running(edge.guard, config.server) as port:
        edge.port = port
        yield edge


@contextlib.contextmanager
def running(app: Guard, limits: Server) -> Iterator[int]:
    """Uvicorn in a thread; yields the port."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", **uvicorn_options(limits)))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
