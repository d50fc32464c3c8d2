"""The default company (seed.json) and what a profile does to it: records planted past rules and access."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.saving import Writer
from gateway.sandbox.salesforce.world import SandboxUser

SEED = Path(__file__).with_name("seed.json")
Row = Mapping[str, Any]


def default_rows(org: Org) -> list[Row]:
    """What this org's features and profile allow. ``"@ref"`` as a value stands for the id of an earlier row."""
    groups = json.loads(SEED.read_text(encoding="utf-8"), parse_float=Decimal)
    return [entry for group in groups if wanted(org, group["when"]) for entry in group["rows"]]


def wanted(org: Org, when: str | None) -> bool:
    if when == "locks":
        return bool(org.world.profile.locks)
    return when is None or org.world.has(when)


def plant(org: Org) -> None:
    """People and records into an empty org; the profile's special cases on top."""
    people, admin = org.world.users, org.world.users[0]
    writer = Writer(org, admin, system=True)
    with org.store.transaction():
        for user in people:
            writer.create(org.schema.objects["User"], user_fields(user), record_id=user.id)
        organization(writer)
        ids = plant_rows(org, writer, default_rows(org) if org.world.seed is None else org.world.seed)
        misfortunes(org, writer, ids)


def plant_rows(org: Org, writer: Writer, rows: Iterable[Row]) -> dict[str, str]:
    ids: dict[str, str] = {}
    reps = [user for user in org.world.users if user.active and not user.permission_sets and not user.admin]
    owner = (reps or org.world.users)[0]
    for entry in rows:
        sobject = org.schema.objects[entry["sobject"]]
        fields = {
            name: ids[value[1:]] if str(value).startswith("@") else value for name, value in entry["fields"].items()
        }
        if "OwnerId" in sobject.fields:
            fields.setdefault("OwnerId", owner.id)
        record_id = writer.create(sobject, fields, record_id=entry.get("id"))
        ids[entry.get("ref", record_id)] = record_id
    return ids


def organization(writer: Writer) -> None:
    world = writer.org.world
    fields = {
        "Name": world.org_name,
        "IsSandbox": world.is_sandbox,
        "InstanceName": world.instance[:5],
        "OrganizationType": "Enterprise Edition",
    }
    writer.create(writer.org.schema.objects["Organization"], fields, record_id=world.org_id)


def user_fields(user: SandboxUser) -> dict[str, Any]:
    first, _, last = user.name.rpartition(" ")
    email = user.email or f"{user.username.partition('@')[0]}@example.com"
    return {
        "Username": user.username,
        "FirstName": first or None,
        "LastName": last or user.name,
        "Email": email,
        "IsActive": user.active,
    }


def misfortunes(org: Org, writer: Writer, ids: Mapping[str, str]) -> None:
    """Approval locks, an inactive owner, a merged account, a cloned opportunity."""
    profile, store = org.world.profile, org.store
    for sobject, names in profile.locks.items():
        found = store.tables.get(sobject, {}).values()
        org.locked |= {record["Id"] for record in found if record.get("Name") in names}
    left = next((user for user in org.world.users if not user.active), None)
    if profile.inactive_owner and left is not None and "spare" in ids:
        writer.update(org.schema.objects["Opportunity"], ids["spare"], {"OwnerId": left.id})
    if profile.merged_account and "velo" in ids:
        account = org.schema.objects["Account"]
        loser = writer.create(account, {"Name": "Velo Verde (duplicate)"})
        store.remove(account, loser)
        store.merged[loser] = ids["velo"]
    if profile.cloned_opportunity and "fleet" in ids:
        clone(org, writer, ids["fleet"])


def clone(org: Org, writer: Writer, record_id: str, *, stamp: bool = True) -> str:
    """
    Clone copies custom fields too: the stamp of the original comes along, as it does on the platform. ``stamp`` False:
    the package's flow that clears it is active.
    """
    name = org.store.object_of[record_id]
    sobject, original = org.schema.objects[name], org.store.tables[name][record_id]
    copied = {n: v for n, v in original.items() if sobject.fields[n].createable and sobject.fields[n].type != "boolean"}
    if not stamp:
        copied = {n: v for n, v in copied.items() if not n.startswith("Stripe_")}
    named = {"Name": f"{original['Name']} (clone)"} if "Name" in copied else {}
    return writer.create(sobject, {**copied, **named})
