"""Calls to Salesforce, each in a thread of its org's own small pool."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from gateway.connectors import CallEvent, Clock, Observe
from gateway.connectors.health import Health
from gateway.connectors.salesforce_access import PER_QUERY, AccessMemory, access_of, access_query
from gateway.connectors.salesforce_bodies import (
    WRITING,
    describe_of,
    graph_answers,
    names_of,
    page_of,
    save_results,
    sub_answers,
    wire,
)
from gateway.connectors.salesforce_errors import scope, unclear
from gateway.connectors.salesforce_http import Watch
from gateway.connectors.salesforce_session import Ask, Org, Session
from gateway.connectors.salesforce_types import Access, Describe, Graph, GraphAnswer, SaveResult, SubAnswer, SubRequest
from gateway.errors import GatewayError, Refused, Throttled, Unavailable, Unreachable
from gateway.observability.trace import Tracing
from gateway.records import Json

THREADS = 6  # per org: a hanging org holds up no other
REMEDY = "Check this machine's network, DNS, proxy and firewall, and status.salesforce.com."
READ_SECONDS = 30.0
WRITE_SECONDS = 60.0
DESCRIBE_SECONDS = 3600.0


class SalesforceConnector:
    """
    Every call to Salesforce. Make it anywhere, use it on one event loop, ``close`` it there.

    Each method raises Refused, Throttled, Unavailable (reads), UnknownOutcome (writes), Unreachable, CircuitOpen or
    Misconfigured for the call as a whole; what happened to single records stands in the answers. Cancelling a caller
    leaves a request that was sent to come to its end.
    """

    def __init__(
        self,
        orgs: Mapping[str, Org],
        *,
        clock: Clock,
        observe: Observe,
        health: Health | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # its lines hold addresses with record ids and SOQL
        self._orgs = orgs
        self._clock = clock
        self._observe = observe
        self._health = health or Health(clock)
        self._tracing = tracing if tracing and tracing.on else None
        self._opened: dict[str, tuple[Session, ThreadPoolExecutor]] = {}
        self._running: dict[Future[Json], Watch] = {}
        self._described: dict[tuple[str, str], tuple[float, Describe]] = {}
        self._describing: dict[tuple[str, str], asyncio.Lock] = {}
        self._closed = False
        self.access = AccessMemory(clock)

    async def query(self, org: str, soql: str, *, deadline: float = READ_SECONDS) -> list[dict[str, Json]]:
        """Every record of a query, all pages. Quote values with ``simple_salesforce.format_soql``."""
        first = await self._ask(org, Ask("GET", "query", params={"q": soql}), "query", deadline)
        return await self.whole(org, first, deadline=deadline)

    async def whole(self, org: str, first: Json, *, deadline: float = READ_SECONDS) -> list[dict[str, Json]]:
        """Every record of a query that was answered with this first page, inside a Composite too."""
        records, more = page_of(first)
        while more:
            page, more = page_of(await self._ask(org, Ask("GET", f"query/{more}"), "query/{id}", deadline))
            records.extend(page)
        return records

    async def composite(
        self, org: str, requests: Sequence[SubRequest], *, all_or_none: bool = False, deadline: float = READ_SECONDS
    ) -> list[SubAnswer]:
        """Up to 25 requests in one call; one may use another's answer: ``@{ref.records[0].Id}``."""
        body = {"allOrNone": all_or_none, "compositeRequest": self._parts(org, requests)}
        writes = any(request.method != "GET" for request in requests)
        answer = await self._post(org, "POST", "composite", body, writes=writes, deadline=deadline)
        return sub_answers(answer, writes=writes)

    async def graphs(self, org: str, graphs: Sequence[Graph], *, deadline: float = WRITE_SECONDS) -> list[GraphAnswer]:
        """Up to 75 graphs with 500 nodes of 15 kinds in one call, each graph all or nothing."""
        body = {"graphs": [{"graphId": each.id, "compositeRequest": self._parts(org, each.nodes)} for each in graphs]}
        answer = await self._post(org, "POST", "composite/graph", body, writes=True, deadline=deadline)
        return graph_answers(answer)

    async def update_many(
        self, org: str, records: Sequence[Mapping[str, Json]], *, deadline: float = WRITE_SECONDS
    ) -> list[SaveResult]:
        """Up to 200 records (``{"attributes": {"type": …}, "Id": …, …}``) in one call, each for itself, in order."""
        body = {"allOrNone": False, "records": list(records)}
        answer = await self._post(org, "PATCH", "composite/sobjects", body, writes=True, deadline=deadline)
        return save_results(answer, len(records))

    async def sobjects(self, org: str) -> frozenset[str]:
        """API names of every object there is for the gateway's user."""
        return names_of(await self._ask(org, Ask("GET", "sobjects"), "sobjects", READ_SECONDS))

    async def describe(self, org: str, sobject: str) -> Describe:
        """The fields of an object, remembered for an hour; an object the org lacks is Refused ``NOT_FOUND``."""
        async with self._describing.setdefault((org, sobject), asyncio.Lock()):  # many may want it at once
            until, known = self._described.get((org, sobject), (0.0, None))
            if known is not None and self._clock.monotonic() < until:
                return known
            return await self._describe(org, sobject)

    async def _describe(self, org: str, sobject: str) -> Describe:
        ask = Ask("GET", f"sobjects/{sobject}/describe")
        described = describe_of(sobject, await self._ask(org, ask, "sobjects/{object}/describe", READ_SECONDS))
        self._described[org, sobject] = (self._clock.monotonic() + DESCRIBE_SECONDS, described)
        return described

    def forget_describes(self, org: str) -> None:
        """Ask again: the org's admin has changed something."""
        self._described = {key: value for key, value in self._described.items() if key[0] != org}

    def usage(self, org: str) -> tuple[int, int] | None:
        """API calls used in the last 24 hours and the limit, as of the last answer."""
        opened = self._opened.get(org)
        return opened[0].usage if opened else None

    async def user_record_access(self, org: str, user_id: str, ids: Sequence[str]) -> dict[str, Access]:
        """
        What a user may do with records; a record that is not in the answer does not exist for them.

        Remembered for a minute at most (see `AccessMemory`); one query per 200 records that must be asked for.
        """
        known = {record_id: self.access.known(org, user_id, record_id) for record_id in ids}
        answers = {record_id: access for record_id, access in known.items() if access is not None}
        unknown = [record_id for record_id in known if record_id not in answers]
        for start in range(0, len(unknown), PER_QUERY):
            found = access_of(await self.query(org, access_query(user_id, unknown[start : start + PER_QUERY])))
            for record_id, access in found.items():
                self.access.remember(org, user_id, record_id, access)
            answers |= found
        return answers

    def replace(self, orgs: Mapping[str, Org]) -> None:
        """Use other logins from the next call on."""
        for name, (session, _) in self._opened.items():
            if name in orgs:
                session.replace(orgs[name].salesforce)
        self._orgs = orgs

    async def close(self, grace: float = 15.0) -> None:
        """Let requests under way come to their end, at most ``grace`` seconds, then cut them."""
        self._closed = True
        waiting = [asyncio.wrap_future(future) for future in list(self._running)]
        if waiting:
            await asyncio.wait(waiting, timeout=grace)
        for future, watch in list(self._running.items()):
            _end(future, watch)
        for session, pool in self._opened.values():
            await asyncio.to_thread(pool.shutdown)
            session.close()

    def _parts(self, org: str, requests: Sequence[SubRequest]) -> list[dict[str, Json]]:
        root = f"/services/data/v{self._orgs[org].salesforce.api_version}/"
        return [_part(root, request) for request in requests]

    async def _post(self, org: str, method: str, path: str, body: Json, *, writes: bool, deadline: float) -> Json:
        headers = WRITING if writes else {}
        return await self._ask(org, Ask(method, path, None, wire(body), headers, writes), path, deadline)

    async def _ask(self, org: str, ask: Ask, endpoint: str, deadline: float) -> Json:
        if self._tracing is None:
            return await self._asked(org, ask, endpoint, deadline)
        name, told = f"salesforce {ask.method} {endpoint}", {"salesforce.org": org}
        with self._tracing.span(name, None, told, kind="client") as here:
            headers = {**ask.headers, "traceparent": here.header}
            return await self._asked(org, replace(ask, headers=headers), endpoint, deadline)

    async def _asked(self, org: str, ask: Ask, endpoint: str, deadline: float) -> Json:
        self._health.admit(scope(org))
        started, outcome, status = self._clock.monotonic(), "ok", 200
        try:
            answer = await self._in_thread(org, ask, deadline)
            self._health.answered(scope(org), proves=(scope(org),))
            return answer
        except Unreachable as exc:
            outcome, status = exc.code, 0
            if (worse := self._health.failed(scope(org), exc, REMEDY)) is not exc:
                raise worse from exc
            raise
        except GatewayError as exc:
            outcome, status = exc.code, getattr(exc, "status", 0)
            if isinstance(exc, Refused | Throttled):
                self._health.answered(scope(org), proves=(scope(org),) if isinstance(exc, Refused) else ())
            raise
        finally:
            seconds = self._clock.monotonic() - started
            self._observe(CallEvent("salesforce", org, ask.method, endpoint, outcome, status, seconds))

    async def _in_thread(self, org: str, ask: Ask, deadline: float) -> Json:
        if self._closed:
            raise Unavailable("gateway_stopping", "The gateway is stopping; it goes on after the restart.")
        session, pool = self._open(org)
        watch = Watch()
        future: Future[Any] = pool.submit(session.ask, ask, watch, deadline)  # parsed JSON is dynamic
        self._running[future] = watch
        future.add_done_callback(lambda done: self._running.pop(done, None))
        timer = asyncio.get_running_loop().call_later(deadline, _end, future, watch)
        try:
            async with asyncio.timeout(deadline + 10):  # a name server that hangs cannot be cut
                return await asyncio.shield(asyncio.wrap_future(future))
        except TimeoutError as exc:
            raise unclear("salesforce_timeout", writes=ask.writes) from exc
        except asyncio.CancelledError:
            if future.cancelled() and not _cancelling():
                message = "Calls to this org are queued; the gateway goes on by itself."
                raise Unavailable("salesforce_busy", message) from None
            future.cancel()  # if it waits for a thread, it is not sent at all
            raise
        finally:
            timer.cancel()

    def _open(self, org: str) -> tuple[Session, ThreadPoolExecutor]:
        opened = self._opened.get(org)
        if opened is None:
            session = Session(org, self._orgs[org].salesforce, clock=self._clock, threads=THREADS)
            opened = self._opened[org] = (session, ThreadPoolExecutor(THREADS, f"salesforce-{org}"))
        return opened


def _end(future: Future[Json], watch: Watch) -> None:
    """Take it from the queue, or cut it."""
    if not future.cancel():
        watch.cut()


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _part(root: str, request: SubRequest) -> dict[str, Json]:
    part: dict[str, Json] = {"method": request.method, "url": root + request.url, "referenceId": request.ref}
    if request.body is not None:
        part["body"] = request.body
    if request.method != "GET":  # a part inherits no header but these three: Accept, Authorization, Content-Type
        part["httpHeaders"] = WRITING
    return part
