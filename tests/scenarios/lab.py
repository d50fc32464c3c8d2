"""
A whole world inside the test: both simulators on real sockets in threads, the gateway's own processes as objects.

A crash is a crash: the tasks are dropped where they stand, nothing is told to the database, and a new gateway opens it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
import tomlkit

from gateway import actions
from gateway.app import Gateway, build
from gateway.config import load
from gateway.engine import ledger
from gateway.engine.clock import SystemClock
from gateway.engine.schema import mirror
from gateway.pipeline.accept import Answer, Submission, submit
from gateway.pipeline.answers import state
from gateway.pipeline.strict import parse
from gateway.pipeline.work import Patience
from gateway.records import Caller
from gateway.sandbox.browser import pay_invoice
from gateway.sandbox.identity import ADMIN, AUTOMATION, INTEGRATION, ORG, REP, Identity
from gateway.sandbox.processes import free_port
from gateway.sandbox.salesforce.app import create_app as salesforce_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.stripe.app import create_app as stripe_app
from gateway.sandbox.stripe.world import StripeWorld
from gateway.sandbox.wire import Server

PERSON = Caller(ORG, REP, "person")
MACHINE = Caller(ORG, AUTOMATION, "automation")
QUICK = Patience(tries=(0.01, 0.02), first=0.05, longest=0.3)
Profile = str | Mapping[str, Any]
BILLED = "accounts@harborcycles.example"
PATIENCE = 100.0  # only ends what will never come: a circuit waits a minute for its probe, a test two


class Lab:
    """The world around the gateway, and the gateway itself as often as a test wants it."""

    def __init__(
        self,
        folder: Path,
        database: str,
        *,
        profile: Profile = "plain",
        features: Sequence[str] = ("quotes", "orders"),
        port: int = 0,
    ) -> None:
        self.folder = folder
        self.database = database
        self.profile = profile
        self.callouts = f"http://127.0.0.1:{port or 9}"  # where the org calls; nobody is there unless a test is
        self.identity = Identity()
        stripe_port = free_port()
        self.stripe_server = Server(stripe_app(self._stripe_world(f"http://127.0.0.1:{stripe_port}")), stripe_port)
        self.stripe_url = self.stripe_server.start()
        self.salesforce_url = self._start_salesforce(profile, features)
        self.config_file = self.identity.write_gateway(
            folder, port=0, stripe=self.stripe_url, salesforce=self.salesforce_url, database=database
        )
        self.ahead = 0.0  # seconds the world's clock has been moved
        self.clocks: list[SystemClock] = []  # of the gateways so far: a test may have moved one by itself
        self.opportunities = {row["Name"]: row["Id"] for row in self.records("Opportunity")}
        self.fleet = self.opportunities["Harbor Cycles fleet renewal"]
        self.account = self.record("Opportunity", self.fleet)["AccountId"]

    def _stripe_world(self, url: str) -> StripeWorld:
        path = self.identity.write_stripe(self.folder)
        self.stripe_world = StripeWorld.of(json.loads(path.read_text())["accounts"], public_url=url)
        return self.stripe_world

    def _start_salesforce(self, profile: Profile, features: Sequence[str]) -> str:
        url = f"http://127.0.0.1:{(port := free_port())}"
        path = self.identity.write_salesforce(
            self.folder, gateway=self.callouts, audience=url, profile=profile, features=list(features)
        )
        self.salesforce_server = Server(salesforce_app(SalesforceWorld.load(path)), port)
        return self.salesforce_server.start()

    def close(self) -> None:
        self.salesforce_server.stop()
        self.stripe_server.stop()

    @contextlib.asynccontextmanager
    async def gateway(self, prepare: Callable[[Gateway], None] | None = None) -> AsyncIterator[Gateway]:
        """A running gateway that is stopped in good order."""
        started = await self.boot(prepare)
        try:
            yield started
        finally:
            await started.stop()

    async def boot(self, prepare: Callable[[Gateway], None] | None = None, *, late: float = 0.0) -> Gateway:
        """Start one, ``late`` seconds from now by its clock; the test stops or crashes it."""
        clock = SystemClock(self.ahead + late)
        self.clocks.append(clock)
        made = build(load(self.config_file, dict(os.environ)), clock=clock)
        made.tools.patience = QUICK
        await made.start()
        if prepare is not None:
            prepare(made)
        return made

    def recover(self) -> None:
        """Whatever a test did to the world is over: everybody can be reached, faultless, and at one time."""
        for server in (self.stripe_server, self.salesforce_server):
            server.start()
        self.heal()
        offsets = {}
        for upstream in ("stripe", "salesforce"):
            self.control(upstream, "POST", "outage", {"down": False})
            offsets[upstream] = self.control(upstream, "GET", "clock")["offset"]
        self.ahead = max(self.ahead, *(clock.offset for clock in self.clocks), *offsets.values())
        for upstream, offset in offsets.items():
            self.control(upstream, "POST", "clock", {"advance": self.ahead - offset})

    def configure(self, **changes: Any) -> None:
        """Change the gateway's configuration: ``entities={"us": {"automatic_tax": True}}``; tables are merged."""
        document = tomlkit.parse(self.config_file.read_text(encoding="utf-8"))
        _merge(document, changes)
        self.config_file.write_text(tomlkit.dumps(document), encoding="utf-8")

    # The simulators.

    def control(self, upstream: str, method: str, path: str, body: object = None) -> Any:
        base = self.stripe_url if upstream == "stripe" else self.salesforce_url
        answer = requests.request(method, f"{base}/_control/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, upstream: str, kind: str, path: str, *, method: str | None = None, **more: Any) -> None:
        match = {"path": path} | ({"method": method} if method else {})
        self.control(upstream, "POST", "faults", {"match": match, "kind": kind, "times": 1, **more})

    def passes(self, gateway: Gateway, seconds: float) -> None:
        """Time passes for everybody: what is due later is due now."""
        for upstream in ("stripe", "salesforce"):
            self.control(upstream, "POST", "clock", {"advance": seconds})
        assert isinstance(gateway.tools.clock, SystemClock)
        self.ahead = max(self.ahead, gateway.tools.clock.offset) + seconds
        gateway.tools.clock.offset = self.ahead

    def heal(self) -> None:
        for upstream in ("stripe", "salesforce"):
            self.control(upstream, "DELETE", "faults")

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return items(self.control("stripe", "GET", f"objects/{kind}"))

    def of_record(self, kind: str, record_id: str) -> list[dict[str, Any]]:
        return [x for x in self.objects(kind) if x.get("metadata", {}).get("sf_record_id") == record_id]

    def records(self, sobject: str) -> list[dict[str, Any]]:
        return items(self.control("salesforce", "GET", f"objects/{sobject}"))

    def record(self, sobject: str, record_id: str) -> dict[str, Any]:
        return next(row for row in self.records(sobject) if row["Id"] == record_id)

    def asked(self) -> list[dict[str, Any]]:
        """The rows of the actions a story asked for itself; a hostile org's flows ask too, as the gateway's user."""
        rows = self.records("Stripe_Action__c")
        return [row for row in rows if row["Gateway_Action_Id__c"] and row["Caller__c"] != INTEGRATION]

    def save(self, sobject: str, fields: dict[str, Any], record_id: str | None = None) -> str:
        """Make or change a record, past every rule of the org."""
        body = {"sobject": sobject, "fields": fields} | ({"id": record_id} if record_id else {})
        return str(self.control("salesforce", "POST", "records", body)["id"])

    def share(self, sobject: str, record_id: str, level: str) -> None:
        """Somebody else's record from now on, of which the rep has ``level``: None, Read, Edit."""
        self.save(sobject, {"OwnerId": ADMIN}, record_id)
        self.control("salesforce", "POST", "share", {"user": REP, "record": record_id, "level": level})

    def calls(self, upstream: str, after: int = 0) -> list[dict[str, Any]]:
        return items(self.control(upstream, "GET", f"requests?after={after}"))

    def pay(self, invoice: dict[str, Any]) -> None:
        pay_invoice(invoice["hosted_invoice_url"])

    def invoice_members(self, **more: Any) -> dict[str, Any]:
        """A send-invoice body that needs nothing read (for a known customer)."""
        return {
            "record_id": self.fleet,
            "account_id": self.account,
            "recipient_email": BILLED,
            "currency": "USD",
            "lines": [
                {"description": "Frames", "quantity": 2, "unit_price": "1200.00"},
                {"description": "Wheels", "quantity": 4, "unit_price": "349.50"},
                {"description": "Service", "amount": "180.00"},
            ],
            **more,
        }


def _merge(table: Any, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and name in table:
            _merge(table[name], value)
        else:
            table[name] = value


def items(answer: Any) -> list[dict[str, Any]]:
    if isinstance(answer, list):
        return answer
    return next(value for value in answer.values() if isinstance(value, list))


def submission(name: str, members: dict[str, Any], *, key: str | None = None, caller: Caller = PERSON) -> Submission:
    action = actions.registry()[name]
    body = {**members, **({"request_key": key} if key else {})}
    return Submission(caller, action, parse(action.request, body), request_id=f"req_{uuid.uuid4().hex}")


async def ask(
    gateway: Gateway, name: str, members: dict[str, Any], *, key: str | None = None, caller: Caller = PERSON,
    wait: float = 20.0,
) -> Answer:  # fmt: skip
    return await submit(gateway.tools, submission(name, members, key=key, caller=caller), wait=wait)


async def end_of(gateway: Gateway, asked: Answer) -> dict[str, Any]:
    """
    What an accepted action ends with.

    Not asked for with its key once more: what ended unsent has released it, and the question would be a new action.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            await gateway.tools.engine.wait(asked.action_id, 1.0)
            found = await state(gateway.tools, asked.action_id)
            assert found is not None
            if found[0].status not in ledger.OPEN:
                return found[1]
            await asyncio.sleep(0.02)


def tell(lab: Lab, story: Callable[[Gateway], Awaitable[None]]) -> None:
    """A story with one running gateway."""

    async def whole() -> None:
        async with lab.gateway() as gateway:
            await story(gateway)

    asyncio.run(whole())


async def until(holds: Callable[[], bool], patience: float = PATIENCE, what: str = "it") -> None:
    """Something that must come by itself; the bound only keeps a broken test from hanging."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if await asyncio.to_thread(holds):
            return
        await asyncio.sleep(0.03)
    raise AssertionError(f"{what} did not happen within {patience} s")


async def in_time(lab: Lab, gateway: Gateway, holds: Callable[[], bool], what: str = "it") -> None:
    """Something that comes by itself a while later: time passes for everybody, a minute and more at a time."""
    for _ in range(60):
        if await asyncio.to_thread(holds):
            return
        await asyncio.to_thread(lab.passes, gateway, 61.0)
        gateway.tools.engine.poke()
        await asyncio.sleep(0.5)
    raise AssertionError(f"{what} did not happen, whatever time passed")


async def later(gateway: Gateway) -> None:
    """The 150 seconds have passed after which rows of a send without an answer are written again."""
    store, wake = gateway.tools.store, gateway.tools.wake_sender
    await store.write(lambda conn: conn.execute(mirror.update().where(mirror.c.state == "uncertain").values(due=0.0)))
    await store.write(lambda conn: wake(conn, ORG))


def truth(lab: Lab, record_id: str) -> Iterator[str]:
    """What differs between Stripe and the Salesforce record; nothing when all is well."""
    invoices = [x for x in lab.of_record("invoice", record_id) if x["status"] != "draft"]
    rows = {
        row["Stripe_Id__c"]: row
        for row in lab.records("Stripe_Invoice__c")
        if row.get("Source_Record_Id__c") == record_id
    }
    for invoice in invoices:
        row = rows.get(invoice["id"])
        if row is None:
            yield f"{invoice['id']} is not in Salesforce"
        elif row["Status__c"].lower() != invoice["status"] or row["Number__c"] != invoice["number"]:
            yield f"{invoice['id']} is {invoice['status']} at Stripe, {row['Status__c']} in Salesforce"
    for stripe_id in rows.keys() - {x["id"] for x in invoices}:
        yield f"{stripe_id} is in Salesforce only"
