"""What holds at the end of every story in a hostile org: truth equals Stripe, refusals are told, nothing loops."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from gateway.app import Gateway
from gateway.engine import ledger
from gateway.engine.schema import action, mirror
from gateway.pipeline import answers, outbox
from gateway.pipeline.project import stir_refresh
from gateway.pipeline.work import load
from gateway.records import SourceRef
from gateway.sandbox.identity import ORG
from tests.scenarios.lab import Lab
from tests.scenarios.verdict import ROWS, same, unfinished

SECONDS = 60.0  # only a broken test waits that long
LEAP, PACE = 200.0, 0.25  # the world's seconds of the first leaps, real seconds from leap to leap
LONGEST = 6 * 3600.0  # of a leap: a row of the outbox that cannot start expires after a day
MOST = 5  # saves of one record by the gateway alone, once nobody else does anything

# How a stamp may be refused for good, and in whose words; a locked record is another matter: it waits.
RULES = (
    "Closed opportunities can only be changed by Sales Operations.",
    "Closed cases cannot be changed. Open a follow-up case instead.",
)
NO_PLACE = ("The record was deleted or merged in Salesforce", "No such column 'Stripe_Status__c'")
LOCKED = "This record is locked. If you need to edit this record, contact your admin."


async def judge(lab: Lab) -> None:
    """A new gateway on the world as the story left it, with every upstream well again."""
    await asyncio.to_thread(lab.recover)
    async with lab.gateway() as gateway:
        await _come_to_rest(lab, gateway)
        await _read_again(gateway)
        await _come_to_rest(lab, gateway)
        stamps = await gateway.tools.store.read(_stamps)
    wrong = [*differences(lab), *_untold(lab, stamps)]
    assert not wrong, wrong


async def _come_to_rest(lab: Lab, gateway: Gateway) -> None:
    """Until no row waits for its answer and nothing is left to do, while time passes and the flows ask on."""
    end, leap, leaps, before = time.monotonic() + SECONDS, 0.0, 0, len(_runs(lab))
    since = await gateway.tools.store.write(lambda conn: outbox.first_seen(conn, ORG))
    while left := [*_unanswered(lab, since), *await _unsettled(gateway)]:
        saves = Counter(_runs(lab)[before:])
        assert all(count <= MOST for count in saves.values()), f"it loops: {saves}"
        assert time.monotonic() < end, f"no rest: {left}"
        if time.monotonic() > leap:
            leap, leaps = time.monotonic() + PACE, leaps + 1
            await asyncio.to_thread(lab.passes, gateway, min(LONGEST, LEAP * 2 ** (leaps // 4)))
            gateway.tools.engine.poke()
        await asyncio.sleep(0.03)


def _runs(lab: Lab) -> list[str]:
    """The record of every run of the org's flows: one for each save of it."""
    return [run["record"] for run in lab.control("salesforce", "GET", "flow_runs")]


def _unanswered(lab: Lab, since: float) -> list[str]:
    """Rows the gateway is to do; those from before it knew the org are none of its business."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since - 300))
    rows = lab.records("Stripe_Action__c")
    return [f"row {row['Id']}" for row in rows if row["Status__c"] == "queued" and row["CreatedDate"][:19] >= moment]


async def _unsettled(gateway: Gateway) -> list[str]:
    """What still has to come by itself; refused and locked stamps, and jobs that wait for a person, do not."""
    left = await unfinished(gateway, unknown=True)
    return [
        each for each in left if not each.startswith("job sender:") and " dead " not in each and " parked " not in each
    ]


_KNOWN = sa.and_(action.c.status == "succeeded", action.c.body.is_not(None))  # bodies age out


async def _read_again(gateway: Gateway) -> None:
    """As events of Stripe would have it: every object that an action made may have changed since."""
    tools = gateway.tools

    def stir(conn: sa.Connection) -> None:
        for (action_id,) in conn.execute(sa.select(action.c.id).where(_KNOWN)).all():
            work, row = load(conn, tools.sealer, action_id), ledger.by_id(conn, action_id)
            stripe_id = answers.envelope_of(row).get("stripe_id") if row is not None else None
            if work.plan is None or not stripe_id:
                continue
            source = str(work.plan.owner.get("source") or "")
            customer = work.action.stripe == "customer"
            ref = SourceRef("Contact" if source.startswith("003") else "Account", source) if customer else None
            stir_refresh(conn, tools, work, work.action.stripe, stripe_id, ref)

    await tools.store.write(stir)


def differences(lab: Lab) -> Iterator[str]:
    """Where our rows in Salesforce do not say what Stripe says, of all records together."""
    for kind, (sobject, fields) in ROWS.items():
        every = {x["id"]: x for x in lab.objects(kind)}
        ours = {key: x for key, x in every.items() if x.get("metadata", {}).get("sf_record_id")}
        made = {key for key, x in ours.items() if x.get("status") != "draft"}
        rows = {row["Stripe_Id__c"]: row for row in lab.records(sobject)}
        yield from (f"{key} is at Stripe only" for key in made - rows.keys())
        for key, row in rows.items():
            if key in every:
                yield from same(key, every[key], row, fields)
            elif row.get("Status__c") != "Deleted":
                yield f"{key} is in Salesforce only"


def _stamps(conn: sa.Connection) -> list[Any]:
    return list(conn.execute(sa.select(mirror).where(mirror.c.key == mirror.c.parent_id)).all())


def _untold(lab: Lab, stamps: list[Any]) -> Iterator[str]:
    """Stamps that are neither on their record nor refused in the org's own words."""
    for row in stamps:
        words = str(row.error or "")
        told = {
            "clean": True,
            "dead": words in RULES or words.startswith(NO_PLACE),
            "parked": words == LOCKED,
        }.get(row.state, False)
        if not told:
            yield f"the stamp of {row.key} is {row.state}: {words}"
