"""What every row of ours carries: its key, where it came from, which records it belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.projections import Snapshot
from gateway.projections.values import OTHER, at, choice, cut
from gateway.records import Json, SourceRef, Upsert

NAME_LENGTH = 80  # fixed by Salesforce
LENGTHS = {
    "Source_Object__c": 80,
    "Source_Record_Id__c": 18,
    "Entity__c": 80,
    "Gateway_Action_Id__c": 64,
    "Status_Raw__c": 80,
}
ORIGINS = {"live": "Live", "backfill": "Backfill", "repair": "Repair"}
PICKLISTS = {"Origin__c": (*ORIGINS.values(), OTHER)}
DELETED = "Deleted"

# Source object → lookup on our rows. Order and Quote come with their optional package directories.
LOOKUPS = {
    "Account": "Account__c",
    "Contact": "Contact__c",
    "Opportunity": "Opportunity__c",
    "Case": "Case__c",
    "Order": "Order__c",
    "Quote": "Quote__c",
}
SOURCE_ID = "Source_Record_Id__c"
# Rows that point to the record they are for; a customer belongs to an account or a person instead.
POINTING = ("Stripe_Action__c", "Stripe_Invoice__c", "Stripe_Payment_Link__c", "Stripe_Payment__c", "Stripe_Refund__c")


def key(entity: str, stripe_id: str) -> str:
    """Stripe ids are unique per account only, and several accounts can share an org."""
    return f"{entity}:{stripe_id}"


def source_fields(owner: SourceRef | None, account: str | None, contact: str | None) -> dict[str, Json]:
    """Source record and lookups. An unknown owner writes nothing: it must not clear what is already known."""
    found: dict[str, Json] = {}
    if account:
        found["Account__c"] = account
    if contact:
        found["Contact__c"] = contact
    if owner:
        found |= {"Source_Object__c": cut(owner.sobject, 80), SOURCE_ID: owner.record_id}
        if lookup := LOOKUPS.get(owner.sobject):
            found[lookup] = owner.record_id
    return found


def row(
    snapshot: Snapshot, sobject: str, name: Json, fields: Mapping[str, Json], lookups: tuple[str, ...] = ()
) -> Upsert:
    """One row of ours with its own ``fields``; ``links`` may fill ``lookups``; None as ``name`` keeps the old one."""
    stripe_id = snapshot.object["id"]
    common = {
        "Stripe_Id__c": stripe_id,
        "Entity__c": cut(snapshot.entity, LENGTHS["Entity__c"]),
        "Livemode__c": snapshot.livemode,
        "Origin__c": choice(ORIGINS, snapshot.origin),
    }
    if name is not None:
        common["Name"] = cut(name, NAME_LENGTH)
    if "metadata" in snapshot.object:
        made_by = at(snapshot.object, "metadata.gw_action_id")
        common["Gateway_Action_Id__c"] = cut(made_by, LENGTHS["Gateway_Action_Id__c"])
    known = {**({"Stripe_Customer__c": snapshot.customer_key} if snapshot.customer_key else {}), **snapshot.links}
    linked = {_relation(field): {"Stripe_Key__c": known[field]} for field in lookups if field in known}
    owned = source_fields(snapshot.owner, snapshot.owner_account, snapshot.contact)
    return Upsert(sobject, key(snapshot.entity, stripe_id), {**common, **owned, **fields, **linked}, snapshot.owner)


def gone(snapshot: Snapshot) -> bool:
    """Whether Stripe answered that the object was deleted, or no longer knows it (404)."""
    return bool(snapshot.object.get("deleted"))


def gone_row(snapshot: Snapshot, sobject: str, status: str = OTHER, **fields: Json) -> Upsert:
    """The row says so and keeps everything else it shows."""
    return row(snapshot, sobject, None, {"Status__c": status, "Status_Raw__c": "deleted", **fields})


def _relation(lookup: str) -> str:
    return f"{lookup.removesuffix('__c')}__r"
