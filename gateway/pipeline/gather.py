"""What must be read before a plan: the record (under the caller's own access), the charge, the live objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.actions import Charge
from gateway.engine import links
from gateway.engine import live as live_rows
from gateway.errors import Refused
from gateway.pipeline.charge import object_of, read_charge
from gateway.pipeline.record import read_party, read_source, with_contacts
from gateway.pipeline.routing import entity_by_record
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Live
from gateway.sources import Party, SourceRecord


@dataclass(frozen=True)
class Facts:
    """
    What was read. ``fresh`` are the record's live objects as Stripe has them now, by id; None = gone. ``tax_ids`` are
    those of the customer, by its id.
    """

    source: SourceRecord | None = None
    party: Party | None = None
    charge: Charge | None = None
    fresh: Mapping[str, Mapping[str, Json] | None] = field(default_factory=dict)
    tax_ids: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


async def gather(tools: Tools, work: Work, *, source: bool = False) -> Facts:
    """Read all of it (the record also where the body would do: ``source``). Raises Rejected, Unavailable."""
    reads = work.action.reads(work.request)
    named = getattr(work.request, "account_id", None) is not None  # whom to bill is known without the record
    needed = reads.source or work.entity is None or (source and not named)
    asked = source or needed or work.caller.user is not None
    record = await read_source(tools, work, needed=needed) if asked else None
    if work.entity is None and record is not None:
        org = tools.org(work.caller.org)
        work.entity = entity_by_record(tools.config, org, work.ref.sobject, work.request, record)
    party = await read_party(tools, work, record, needed=source)
    facts = Facts(source=await with_contacts(tools, work, reads, record, party), party=party)
    if reads.tax_ids:
        facts = replace(facts, tax_ids=await _tax_ids(tools, work, party))
    if work.action.name == "create-customer" and party is not None:
        facts = replace(facts, fresh=await _known_customer(tools, work, party.source_id))
    if reads.live:
        facts = replace(facts, fresh=await _live(tools, work, reads.live))
    if reads.charge:
        facts = replace(facts, charge=await read_charge(tools, work))
    return facts


async def _tax_ids(tools: Tools, work: Work, party: Party | None) -> dict[str, tuple[tuple[str, str], ...]]:
    """What the customer has already, by the customer's id: Stripe would add the same tax id a second time."""
    entity = work.entity or ""
    source_id = party.source_id if party else ""
    link = await tools.store.read(lambda c: links.find(c, work.caller.org, entity, source_id))
    if link is None or link.state != "ready":
        return {}
    try:
        listed = tools.stripe.list_all(entity, f"/v1/customers/{link.stripe_id}/tax_ids")
        return {link.stripe_id: tuple([(each["type"], each["value"]) async for each in listed])}
    except Refused as exc:
        if exc.status != 404:
            raise
        return {link.stripe_id: ()}  # deleted at Stripe: the step that changes it is refused with those words


async def _live(tools: Tools, work: Work, kind: str) -> dict[str, Mapping[str, Json] | None]:
    rows = await tools.store.read(lambda c: live_rows.of_record(c, work.caller.org, work.ref.record_id, kind))
    fresh: dict[str, Mapping[str, Json] | None] = {}
    for row in rows:
        if counts(row):
            fresh[row.stripe_id] = await object_of(tools, row.entity, f"/v1/{kind}s/{row.stripe_id}")
    return fresh


async def _known_customer(tools: Tools, work: Work, source_id: str) -> dict[str, Mapping[str, Json] | None]:
    """The customer this source has had so far, as Stripe has it now: somebody may have deleted it there."""
    entity = work.entity or ""
    link = await tools.store.read(lambda c: links.find(c, work.caller.org, entity, source_id))
    if link is None or link.state != "ready":
        return {}
    body = await object_of(tools, entity, f"/v1/customers/{link.stripe_id}")
    return {link.stripe_id: None if body is None or body.get("deleted") else body}


def counts(row: Live) -> bool:
    """Whether a live object still counts for the guard: it was paid, or it can be."""
    return row.status in {"draft", "open", "uncollectible", "paid", "active"}
