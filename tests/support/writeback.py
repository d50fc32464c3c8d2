"""A simulated org, a mirror and a running sender: what write-back tests look at from both ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import Connection, select

from gateway.connectors import unobserved
from gateway.connectors.salesforce import SalesforceConnector
from gateway.engine.circuit import open_circuits
from gateway.engine.clock import SystemClock, now
from gateway.engine.mirror import ALWAYS, MirrorRow, merge
from gateway.engine.mirror_rows import opened
from gateway.engine.retry import PATIENT
from gateway.engine.schema import mirror
from gateway.engine.worker import Engine
from gateway.records import SourceRef, Upsert
from gateway.sealing import Sealer
from gateway.writeback import Sender, WriteBack, sender_job
from tests.support.engine import running
from tests.support.salesforce_org import CONSUMER_KEY, World, keys
from tests.support.upstreams import FrozenLogin, FrozenOrg

ORG = "acme"
ROOT = "/services/data/v65.0/"
SEALER = Sealer({"k1": b"1" * 32}, "k1", b"2" * 32)


@dataclass
class Desk:
    """One org's write-back, running."""

    engine: Engine
    sender: Sender
    world: World
    clock: SystemClock
    told: list[WriteBack] = field(default_factory=list)

    async def outcome(self, *parents: SourceRef, status: str = "Open", number: int = 1, priority: int = 0) -> None:
        """An outcome for each source record in one commit each: an invoice, an action, the stamp."""
        await asyncio.gather(*(self._outcome(parent, status, number, priority) for parent in parents))

    async def _outcome(self, parent: SourceRef, status: str, number: int, priority: int) -> None:
        rows = outcome_of(parent, status, number)

        def commit(conn: Connection) -> None:
            at = now(conn)
            merge(conn, SEALER, ORG, rows, number=ALWAYS, now=at, priority=priority)
            self.engine.stir(conn, sender_job(ORG))

        await self.engine.store.write(commit)

    async def rows(self) -> list[MirrorRow]:
        query = select(mirror).where(mirror.c.org == ORG).order_by(mirror.c.sobject, mirror.c.key)
        found = await self.engine.store.read(lambda conn: conn.execute(query).all())
        return [opened(SEALER, row) for row in found]

    async def states(self) -> Counter[str]:
        """How many rows are in which state; one whose call is under way, or got no answer, is ``sending``."""
        return Counter(
            "sending" if row.state == "uncertain" and row.written < row.version else row.state
            for row in await self.rows()
        )

    async def settled(self, *states: str, seconds: float = 90.0, hurry: bool = True) -> Counter[str]:
        """Wait until every row is in one of these states; in a ``hurry`` the gateway's clock runs ten times as fast."""
        async with asyncio.timeout(seconds):
            while set(found := await self.states()) - set(states):
                await asyncio.sleep(0.05)
                if hurry:
                    await self.later(0.45)
        return found

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The clock that pauses are measured by stands still; the database's goes on."""
        at = self.clock.monotonic()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.clock, "monotonic", lambda: at)
            yield

    async def later(self, seconds: float) -> None:
        """Move the clock; jobs that are due now are looked for."""
        self.clock.offset += seconds
        self.engine.poke()

    async def circuits(self) -> list[str]:
        return [each.scope for each in await self.engine.store.read(open_circuits)]

    async def parked(self) -> None:
        """Wait until the org's circuit is open, the gateway's clock running ten times as fast."""
        await self._circuits([f"salesforce:{ORG}"], hurry=0.45)

    async def recovered(self) -> None:
        """Wait until it is closed."""
        await self._circuits([])

    async def _circuits(self, wanted: list[str], hurry: float = 0.0) -> None:
        async with asyncio.timeout(60):
            while await self.circuits() != wanted:
                await asyncio.sleep(0.05)
                await self.later(hurry)

    def calls(self) -> list[str]:
        """The REST calls the org has seen: method and path after the version."""
        seen = self.world.control("requests")
        return [f"{each['method']} {each['path'].removeprefix(ROOT)}" for each in seen if each["path"].startswith(ROOT)]


def outcome_of(parent: SourceRef, status: str = "Open", number: int = 1) -> list[Upsert]:
    name = f"{parent.record_id}_{number}"
    lookup = {f"{parent.sobject}__c": parent.record_id} if parent.sobject in {"Opportunity", "Case"} else {}
    source = {"Source_Object__c": parent.sobject, "Source_Record_Id__c": parent.record_id, **lookup}
    invoice = {"Stripe_Id__c": f"in_{name}", "Entity__c": "us", "Name": f"INV {name}", "Status__c": status, **source}
    action = {"Action__c": "send-invoice", "Status__c": "succeeded", "Stripe_Id__c": f"in_{name}", **source}
    stamp = {"Stripe_Status__c": f"Invoice {status}" if status == "Open" else status, "Stripe_Invoice_Number__c": name}
    return [
        Upsert("Stripe_Invoice__c", f"us:in_{name}", invoice, parent),
        Upsert("Stripe_Action__c", f"act_{name}", action, parent, id_field="Gateway_Action_Id__c"),
        Upsert(parent.sobject, parent.record_id, stamp, parent, id_field="Id"),
    ]


def opportunities(count: int, **fields: Any) -> list[dict[str, Any]]:
    """A seed of that many."""
    given = {"StageName": "Prospecting", "CloseDate": "2026-12-31", **fields}
    return [{"ref": f"o{n}", "sobject": "Opportunity", "fields": {"Name": f"Deal {n}", **given}} for n in range(count)]


def refs(world: World, sobject: str = "Opportunity") -> list[SourceRef]:
    return [SourceRef(sobject, record["Id"]) for record in world.objects(sobject)]


@asynccontextmanager
async def desk(world: World, url: str, *, write_seconds: float = 20.0, **login: Any) -> AsyncIterator[Desk]:
    key = cast("RSAPrivateKey", load_pem_private_key(keys()[0].encode(), None))
    user = FrozenLogin(world.url, key, username="gateway@northwind.example", consumer_key=CONSUMER_KEY, **login)
    clock = SystemClock()
    salesforce = SalesforceConnector({ORG: FrozenOrg(user)}, clock=clock, observe=unobserved)
    told: list[WriteBack] = []
    handlers: dict[str, Any] = {}
    async with running(url, handlers, clock=clock, policies={"sender": PATIENT}) as engine:
        sender = Sender(engine.store, salesforce, SEALER, clock, told.append, write_seconds)
        handlers["sender"] = sender.handle
        try:
            yield Desk(engine, sender, world, clock, told)
        finally:
            sender.stop()
            await salesforce.close(grace=1.0)


def words_of(rows: Iterable[MirrorRow], state: str) -> list[tuple[str, str | None, str | None]]:
    return [(row.sobject, row.error_code, row.error) for row in rows if row.state == state]
