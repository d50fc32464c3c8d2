"""The Salesforce connector against real sockets that misbehave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from gateway.connectors import CallEvent
from gateway.connectors.salesforce import SalesforceConnector
from gateway.connectors.salesforce_types import Access, FieldInfo, Flaw, Graph, SubRequest
from gateway.errors import GatewayError, Misconfigured, Refused, Throttled, Unavailable, UnknownOutcome, Unreachable
from tests.support.scripted import (
    EMPTY_200,
    HALF_JSON,
    HTML_200,
    Act,
    Request,
    Scripted,
    after,
    closed_port,
    drip,
    hang,
    reply,
    reset,
    truncated,
)
from tests.support.upstreams import FrozenLogin, FrozenOrg, SteppedClock, rsa_key, run

TOKEN = "/services/oauth2/token"
ROOT = "/services/data/v65.0/"


def org_at(*acts: Act, login: Callable[[Request], Act] | None = None) -> Scripted:
    """An org that grants tokens and otherwise follows the script."""
    upstream = Scripted()
    tokens: list[str] = []
    rest = list(acts)

    def decide(request: Request) -> Act:
        if request.path == TOKEN:
            if login is not None:
                return login(request)
            tokens.append(f"token-{len(tokens) + 1}")
            return reply(200, {"access_token": tokens[-1], "instance_url": upstream.url})
        return rest.pop(0) if len(rest) > 1 else rest[0]

    upstream.decide = decide
    return upstream


@asynccontextmanager
async def connected(
    url: str, seen: list[CallEvent] | None = None, instance_url: str | None = None
) -> AsyncIterator[SalesforceConnector]:
    org = FrozenOrg(FrozenLogin(url, rsa_key(), instance_url))
    observe = (seen if seen is not None else []).append
    connector = SalesforceConnector({"acme": org}, clock=SteppedClock(), observe=observe)
    try:
        yield connector
    finally:
        await connector.close(grace=0.2)


Call = Callable[[SalesforceConnector], Awaitable[Any]]


def read(connector: SalesforceConnector, deadline: float = 1.5) -> Awaitable[Any]:
    return connector.query("acme", "SELECT Id FROM Account", deadline=deadline)


def write(connector: SalesforceConnector, deadline: float = 1.5) -> Awaitable[Any]:
    node = SubRequest("PATCH", "sobjects/Stripe_Invoice__c/Stripe_Key__c/us:in_1", "n1", {"Total__c": Decimal("12.50")})
    return connector.graphs("acme", [Graph("g1", (node,))], deadline=deadline)


def failure(call: Call, *acts: Act) -> GatewayError:
    async def main() -> GatewayError:
        with org_at(*acts) as upstream:
            async with connected(upstream.url) as connector:
                with pytest.raises(GatewayError) as raised:
                    await call(connector)
                return raised.value

    return run(main())


def refusal(code: str, status: int = 400, message: str = "no", **members: Any) -> Act:
    return reply(status, [{"errorCode": code, "message": message, **members}])


def test_it_logs_in_with_a_signed_assertion_and_calls_the_address_the_login_names() -> None:
    async def main() -> None:
        with org_at(reply(200, {"records": [{"Id": "001"}], "done": True})) as upstream:
            async with connected(upstream.url) as connector:
                records = await connector.query("acme", "SELECT Id FROM Account WHERE Name = 'A&B'")

        login, query = upstream.requests
        form = parse_qs(login.body.decode())
        claims = jwt.decode(form["assertion"][0], rsa_key().public_key(), ["RS256"], audience=upstream.url)
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        assert (claims["iss"], claims["sub"]) == ("3MVG9consumer", "gateway@acme.example")
        assert isinstance(claims["exp"], int)
        assert claims["exp"] <= time.time() + 180
        assert query.path == ROOT + "query?q=SELECT+Id+FROM+Account+WHERE+Name+%3D+%27A%26B%27"
        assert query.headers["authorization"] == "Bearer token-1"
        assert records == [{"Id": "001"}]

    run(main())


def test_a_query_reads_all_pages_with_decimals() -> None:
    async def main() -> list[dict[str, Any]]:
        first = {"records": [{"Amount": 1}], "done": False, "nextRecordsUrl": ROOT + "query/01gD-2000"}
        second = b'{"records": [{"Amount": 12.30}], "done": true}'
        with org_at(reply(200, first), reply(200, second)) as upstream:
            async with connected(upstream.url) as connector:
                records = await connector.query("acme", "SELECT Amount FROM Opportunity")
            assert upstream.requests[-1].path == ROOT + "query/01gD-2000"
        return records

    records = run(main())

    assert records == [{"Amount": 1}, {"Amount": Decimal("12.30")}]


def test_a_graph_carries_numbers_and_keeps_assignment_rules_off() -> None:
    async def main() -> None:
        answer = {
            "graphs": [
                {
                    "graphId": "g1",
                    "isSuccessful": True,
                    "graphResponse": {
                        "compositeResponse": [
                            {"referenceId": "n1", "httpStatusCode": 201, "httpHeaders": {}, "body": {"id": "a01"}}
                        ]
                    },
                }
            ]
        }
        with org_at(reply(200, answer)) as upstream:
            async with connected(upstream.url) as connector:
                [graph] = await write(connector)

        sent = upstream.requests[-1]
        [part] = sent.json["graphs"][0]["compositeRequest"]
        assert (graph.successful, graph.nodes[0].status, graph.nodes[0].ok) == (True, 201, True)
        assert (sent.method, sent.path) == ("POST", ROOT + "composite/graph")
        assert sent.headers["sforce-auto-assign"] == part["httpHeaders"]["Sforce-Auto-Assign"] == "FALSE"
        assert part["url"] == ROOT + "sobjects/Stripe_Invoice__c/Stripe_Key__c/us:in_1"
        assert part["body"] == {"Total__c": 12.5}

    run(main())


def test_a_composite_answers_each_part_with_its_errors() -> None:
    async def main() -> None:
        parts = [
            {"referenceId": "a", "httpStatusCode": 200, "body": {"records": []}},
            {"referenceId": "b", "httpStatusCode": 404, "body": [{"errorCode": "NOT_FOUND", "message": "gone"}]},
        ]
        with org_at(reply(200, {"compositeResponse": parts})) as upstream:
            async with connected(upstream.url) as connector:
                asked = [SubRequest("GET", "query?q=x", "a"), SubRequest("GET", "sobjects/Account/001", "b")]
                found, gone = await connector.composite("acme", asked)

        assert (found.ok, found.errors, gone.ok) == (True, (), False)
        assert gone.errors == (Flaw("NOT_FOUND", "gone"),)
        assert "sforce-auto-assign" not in upstream.requests[-1].headers

    run(main())


def test_many_updates_answer_in_order() -> None:
    async def main() -> None:
        errors = [{"statusCode": "ENTITY_IS_LOCKED", "message": "locked", "fields": []}]
        results = [{"id": "006A", "success": True, "errors": []}, {"success": False, "errors": errors}]
        with org_at(reply(200, results)) as upstream:
            async with connected(upstream.url) as connector:
                record = {"attributes": {"type": "Opportunity"}, "Id": "006A", "Stripe_Status__c": "Paid"}
                done, locked = await connector.update_many("acme", [record, {**record, "Id": "006B"}])

        sent = upstream.requests[-1]
        assert (sent.method, sent.path, sent.json["allOrNone"]) == ("PATCH", ROOT + "composite/sobjects", False)
        assert (done.id, done.success) == ("006A", True)
        assert locked.errors == (Flaw("ENTITY_IS_LOCKED", "locked"),)

    run(main())


def test_too_few_results_are_an_unknown_outcome() -> None:
    exc = failure(lambda connector: connector.update_many("acme", [{"Id": "1"}, {"Id": "2"}]), reply(200, []))

    assert isinstance(exc, UnknownOutcome)


def test_describe_is_remembered_until_forgotten() -> None:
    async def main() -> None:
        status = {
            "name": "Stripe_Status__c",
            "type": "picklist",
            "length": 255,
            "updateable": True,
            "createable": True,
            "custom": True,
            "picklistValues": [{"value": "Paid", "active": True}, {"value": "Old", "active": False}],
        }
        with org_at(reply(200, {"fields": [status]})) as upstream:
            async with connected(upstream.url) as connector:
                first = await connector.describe("acme", "Opportunity")
                again = await connector.describe("acme", "Opportunity")
                connector.forget_describes("acme")
                await connector.describe("acme", "Opportunity")

        assert again is first
        assert first.fields["Stripe_Status__c"] == FieldInfo("picklist", 255, ("Paid",), True, True, True)
        assert [request.path for request in upstream.requests[1:]] == [ROOT + "sobjects/Opportunity/describe"] * 2

    run(main())


def test_access_tells_what_a_user_may_do() -> None:
    async def main() -> None:
        row = {"RecordId": "006A", "HasReadAccess": True, "HasEditAccess": False}
        with org_at(reply(200, {"records": [row], "done": True})) as upstream:
            async with connected(upstream.url) as connector:
                access = await connector.user_record_access("acme", "005'x", ["006A", "006B"])

        asked = parse_qs(upstream.requests[-1].path.partition("?")[2])["q"][0]
        assert access == {"006A": Access(read=True, edit=False)}
        assert asked.endswith(r"WHERE UserId = '005\'x' AND RecordId IN ('006A','006B')")

    run(main())


def test_usage_is_what_the_last_answer_said() -> None:
    async def main() -> None:
        limits = {"Sforce-Limit-Info": "api-usage=18/5000"}
        with org_at(reply(200, {"records": [], "done": True}, headers=limits)) as upstream:
            async with connected(upstream.url) as connector:
                assert connector.usage("acme") is None
                await read(connector)

                assert connector.usage("acme") == (18, 5000)

    run(main())


@pytest.mark.parametrize("act", [reset, truncated, HALF_JSON, HTML_200, EMPTY_200, reply(200, 7), reply(200, [7])])
def test_a_lost_answer_is_unknown_for_a_write_and_simply_unavailable_for_a_read(act: Act) -> None:
    assert type(failure(write, act)) is UnknownOutcome
    assert type(failure(read, act)) is Unavailable


@pytest.mark.parametrize("act", [hang, drip])
def test_the_deadline_is_wall_clock_and_frees_the_thread(act: Act) -> None:
    async def main() -> None:
        with org_at(*[act] * 12, reply(200, {"records": [], "done": True})) as upstream:
            async with connected(upstream.url) as connector:
                calls = [write(connector) for _ in range(6)]
                ended = await asyncio.gather(*calls, return_exceptions=True)
                late = await asyncio.gather(*[write(connector) for _ in range(6)], return_exceptions=True)

                assert [type(each) for each in ended + late] == [UnknownOutcome] * 12
                assert {each.code for each in ended if isinstance(each, GatewayError)} == {"salesforce_timeout"}
                assert await read(connector) == []

    run(main())


def test_a_call_that_never_got_a_thread_was_not_sent() -> None:
    async def main() -> None:
        with org_at(hang) as upstream:
            async with connected(upstream.url) as connector:
                running = [asyncio.create_task(read(connector)) for _ in range(6)]
                await upstream.asked()
                waiting = connector.query("acme", "SELECT Id FROM Contact", deadline=0.1)
                with pytest.raises(Unavailable) as raised:
                    await waiting
                await asyncio.gather(*running, return_exceptions=True)

            assert raised.value.code == "salesforce_busy"
            assert not any("Contact" in request.path for request in upstream.requests)

    run(main())


@pytest.mark.parametrize(
    ("act", "kind", "code"),
    [
        (refusal("INVALID_FIELD", message="No such column", fields=["X__c"]), Refused, "INVALID_FIELD"),
        (refusal("NOT_FOUND", 404), Refused, "NOT_FOUND"),
        (refusal("UNABLE_TO_LOCK_ROW"), Throttled, "UNABLE_TO_LOCK_ROW"),
        (refusal("TOO_MANY", 429), Throttled, "TOO_MANY"),
        (refusal("SERVER_UNAVAILABLE", 503), Throttled, "SERVER_UNAVAILABLE"),
        (refusal("REQUEST_LIMIT_EXCEEDED", 403), Misconfigured, "REQUEST_LIMIT_EXCEEDED"),
        (refusal("INSUFFICIENT_ACCESS", 403), Misconfigured, "INSUFFICIENT_ACCESS"),
        (refusal("API_DISABLED_FOR_ORG", 400), Misconfigured, "API_DISABLED_FOR_ORG"),
        (refusal("UNKNOWN_EXCEPTION", 500), UnknownOutcome, "UNKNOWN_EXCEPTION"),
        (reply(502, b"<html>", kind="text/html"), UnknownOutcome, "salesforce_unreadable_answer"),
        (reply(302, b"", headers={"Location": "http://127.0.0.1:9/"}), UnknownOutcome, "salesforce_unreadable_answer"),
        (reply(401, b"<html>", kind="text/html"), UnknownOutcome, "salesforce_unreadable_answer"),
        (reply(401, {"error": "odd"}), Misconfigured, "odd"),
    ],
)
def test_an_error_answer_becomes_the_type_that_says_who_acts(act: Act, kind: type[GatewayError], code: str) -> None:
    exc = failure(write, act)

    assert type(exc) is kind
    assert exc.code == code


DATED = {"Date": "Sun, 22 Nov 2026 12:00:00 GMT", "Retry-After": "Sun, 22 Nov 2026 12:00:40 GMT"}
BUSY = [{"errorCode": "SERVER_UNAVAILABLE", "message": "no"}]


@pytest.mark.parametrize(
    ("act", "kind", "seconds"),
    [
        (reply(503, BUSY, headers={"Retry-After": "7"}), Throttled, 7.0),
        (reply(503, BUSY, headers=DATED), Throttled, 40.0),
        (reply(503, BUSY, headers={"Retry-After": "soon"}), Throttled, None),
        (reply(503, BUSY, headers={"Retry-After": "9" * 400}), Throttled, 3600.0),
        (reply(503, BUSY), Throttled, None),
        (reply(429, BUSY, headers={"Retry-After": "7"}), Throttled, 7.0),
        (reply(429, b"slow down", headers={"Retry-After": "7"}, kind="text/plain"), Throttled, 7.0),
        (reply(502, b"<html>", headers={"Retry-After": "7"}, kind="text/html"), UnknownOutcome, 7.0),
    ],
)
def test_salesforce_says_how_long_to_wait(act: Act, kind: type[GatewayError], seconds: float | None) -> None:
    exc = failure(write, act)

    assert (type(exc), exc.retry_after) == (kind, seconds)


def test_a_login_that_is_away_says_how_long_to_wait() -> None:
    async def main() -> None:
        away = reply(503, b"<html>", headers={"Retry-After": "7"}, kind="text/html")
        with org_at(reply(200, {}), login=lambda _: away) as upstream:
            async with connected(upstream.url) as connector:
                with pytest.raises(Unreachable) as raised:
                    await read(connector)

        assert raised.value.retry_after == 7.0

    run(main())


def test_a_refusal_names_the_field() -> None:
    exc = failure(read, refusal("INVALID_FIELD", message="No such column 'X__c'", fields=["X__c"]))

    assert isinstance(exc, Refused)
    assert (exc.param, exc.message, exc.status) == ("X__c", "No such column 'X__c'", 400)


def test_an_org_fault_names_its_circuit() -> None:
    exc = failure(write, refusal("REQUEST_LIMIT_EXCEEDED", 403))

    assert isinstance(exc, Misconfigured)
    assert exc.scope == "salesforce:acme"


def test_nobody_listening_means_nothing_was_sent() -> None:
    async def main() -> None:
        with org_at(reply(200, {})) as upstream:
            address = f"http://127.0.0.1:{closed_port()}"
            async with connected(upstream.url, instance_url=address) as connector:
                with pytest.raises(Unreachable):
                    await write(connector)
            async with connected(address) as connector:
                with pytest.raises(Unreachable):
                    await write(connector)

    run(main())


def test_an_expired_session_is_renewed_once_for_all_threads() -> None:
    async def main() -> None:
        empty = {"records": [], "done": True}
        expired = after(0.5, refusal("INVALID_SESSION_ID", 401, "Session expired or invalid"))
        with org_at(reply(200, empty), *[expired] * 6, reply(200, empty)) as upstream:
            async with connected(upstream.url) as connector:
                await read(connector, 60)
                answers = await asyncio.gather(*[read(connector, 60) for _ in range(6)])

        logins = [request for request in upstream.requests if request.path == TOKEN]
        assert answers == [[]] * 6
        assert len(logins) == 2

    run(main())


def test_a_session_that_is_refused_again_is_the_operators_to_mend() -> None:
    exc = failure(read, refusal("INVALID_SESSION_ID", 401))

    assert isinstance(exc, Misconfigured)
    assert (exc.code, exc.scope) == ("INVALID_SESSION_ID", "salesforce:acme")


def test_a_refused_login_is_not_repeated_by_every_thread() -> None:
    async def main() -> None:
        no = reply(400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"})
        with org_at(reply(200, {}), login=lambda _: no) as upstream:
            async with connected(upstream.url) as connector:
                ended = await asyncio.gather(*[read(connector) for _ in range(6)], return_exceptions=True)

        assert [type(each) for each in ended] == [Misconfigured] * 6
        assert "user hasn't approved this consumer" in str(ended[0])
        assert len(upstream.requests) == 1

    run(main())


@pytest.mark.parametrize("act", [reply(503, {"error": "unavailable"}), HTML_200, reset])
def test_a_login_that_does_not_answer_is_tried_again(act: Act) -> None:
    async def main() -> None:
        acts = [act, None]
        upstream = org_at(reply(200, {"records": [], "done": True}))
        granted = upstream.decide
        assert granted is not None

        def decide(request: Request) -> Act:
            first = acts.pop(0) if acts and request.path == TOKEN else None
            return first or granted(request)

        upstream.decide = decide
        with upstream:
            async with connected(upstream.url) as connector:
                with pytest.raises(Unavailable):
                    await write(connector)
                assert await read(connector) == []

    run(main())


def test_an_address_without_tls_is_refused_when_the_login_has_it() -> None:
    async def main() -> None:
        login = FrozenLogin("https://login.invalid", rsa_key(), "http://127.0.0.1:9")
        connector = SalesforceConnector({"acme": FrozenOrg(login)}, clock=SteppedClock(), observe=[].append)
        with pytest.raises(GatewayError):
            await connector.query("acme", "SELECT Id FROM Account")
        await connector.close()

    run(main())


def test_calls_are_observed_without_ids() -> None:
    async def main() -> list[CallEvent]:
        seen: list[CallEvent] = []
        first = {"records": [], "done": False, "nextRecordsUrl": ROOT + "query/01gD-2000"}
        acts = [reply(200, first), reply(200, {"records": [], "done": True}), refusal("INVALID_FIELD")]
        with org_at(*acts) as upstream:
            async with connected(upstream.url, seen) as connector:
                await read(connector)
                with pytest.raises(Refused):
                    await write(connector)
        return seen

    seen = run(main())

    assert [(e.upstream, e.who, e.method, e.endpoint, e.outcome, e.status) for e in seen] == [
        ("salesforce", "acme", "GET", "query", "ok", 200),
        ("salesforce", "acme", "GET", "query/{id}", "ok", 200),
        ("salesforce", "acme", "POST", "composite/graph", "INVALID_FIELD", 400),
    ]


def test_close_lets_a_write_end_and_refuses_new_ones() -> None:
    async def main() -> None:
        with org_at(after(0.2, reply(200, {"graphs": []}))) as upstream:
            async with connected(upstream.url) as connector:
                running = asyncio.create_task(write(connector))
                await upstream.asked()
                await connector.close(grace=5)

                assert await running == []
                with pytest.raises(Unavailable):
                    await read(connector)

    run(main())


def test_cancelling_the_caller_leaves_a_sent_write_alone() -> None:
    async def main() -> None:
        seen: list[CallEvent] = []
        with org_at(after(2.0, reply(200, {"graphs": []}))) as upstream:
            async with connected(upstream.url, seen) as connector:
                caller = asyncio.create_task(write(connector, 60))
                await upstream.asked()
                caller.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await caller
                await connector.close(grace=30)

        assert upstream.requests[-1].path == ROOT + "composite/graph"

    run(main())
