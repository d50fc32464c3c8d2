"""What the log tells of a request: its id, what became of it, and nothing about a person."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway.observability import configure
from gateway.sandbox.wire import Server
from tests.scenarios.lab import BILLED, Lab, until
from tests.scenarios.test_http import Caller, started


class Log(io.StringIO):
    """Everything that is logged while the test runs."""

    def of(self, request_id: str, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.getvalue().splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in lines if line.get("request_id") == request_id and line["event"] == event]

    def end_of(self, request_id: str) -> dict[str, Any]:
        """Of its invoice: the customer that is made for it, by an action of its own, ends earlier."""
        found: list[dict[str, Any]] = []

        def ended() -> bool:
            found[:] = [line for line in self.of(request_id, "action.ended") if line["action"] == "send-invoice"]
            return bool(found)

        asyncio.run(until(ended, what="the end"))
        return found[0]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = Log()
    configure("json", stream=stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def caller(log: Log, sqlite_lab: Lab) -> Iterator[Caller]:
    with Server(started(sqlite_lab)) as server:
        yield Caller(sqlite_lab, server.url)


def test_an_answer_leads_to_its_lines_also_when_it_came_before_the_end(caller: Caller, log: Log) -> None:
    members = caller.lab.invoice_members()
    answer = caller("POST", "/v1/actions/send-invoice", members, Idempotency_Key="k1", Prefer="respond-async").json()

    ended = log.end_of(answer["request_id"])

    [accepted] = log.of(answer["request_id"], "action.accepted")
    assert accepted["action_id"] == ended["action_id"] == answer["action_id"]
    assert (ended["action"], ended["status"], ended["error_code"]) == ("send-invoice", "succeeded", None)


def test_what_is_refused_has_its_line_too(caller: Caller, log: Log) -> None:
    refused = caller("POST", "/v1/actions/send-invoice", {"record_id": caller.lab.fleet, "colour": 1}).json()
    outside = caller("POST", "/v1/actions/send-invoice", {}, Authorization="Bearer x.y.z").json()
    malformed = caller("GET", "/v1/actions", {"a": 1}).headers["X-Request-Id"]

    [line] = log.of(refused["request_id"], "request.refused")
    assert (line["error_code"], line["status"]) == ("unknown_member", 422)
    [line] = log.of(outside["request_id"], "auth.refused")
    assert line["reason"]
    [line] = log.of(malformed, "request.refused")
    assert line["error_code"] == "unexpected_body"


def test_no_line_names_anybody(caller: Caller, log: Log) -> None:
    members = caller.lab.invoice_members(recipient_email="private.person@example.com", po_number="PO-PRIVATE")
    sent = caller("POST", "/v1/actions/send-invoice", members, Idempotency_Key="k1").json()
    caller("POST", "/v1/actions/send-invoice", {**members, "currency": "private.person@example.com"})
    log.end_of(sent["request_id"])

    told = log.getvalue()

    assert not [each for each in ("private", "PRIVATE", BILLED, "Harbor", "Frames", "@") if each in told]
