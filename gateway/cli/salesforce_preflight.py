"""preflight: what of ``salesforce_metadata/`` fits an org, and which of its names are there already, by describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from gateway.cli.salesforce_package import NEEDS, Column, Folder
from gateway.connectors import unobserved
from gateway.connectors.salesforce import SalesforceConnector
from gateway.connectors.salesforce_types import Describe, FieldInfo
from gateway.engine.clock import SystemClock
from gateway.records import Json

if TYPE_CHECKING:
    from gateway.config import Org

# Features that leave a field on Account.
_FEATURES = {
    "several currencies": "CurrencyIsoCode",
    "person accounts": "IsPersonAccount",
    "state and country picklists": "BillingCountryCode",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    A folder in this org. ``fits`` is None where describe cannot tell. ``taken``: names that are something else there;
    ``older``: ours, from another release.
    """

    folder: str
    fits: bool | None
    needs: str
    present: int = 0
    of: int = 0
    missing: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        if self.taken:
            return "taken"
        if self.of == 0:
            return "unknown"
        return "deployed" if self.present == self.of else "partly deployed" if self.present else "not deployed"

    def as_json(self) -> dict[str, Json]:
        return {**asdict(self), "state": self.state}


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found; ``ok`` where nothing is in the way of ``main``, and no name is taken."""

    org: str
    user: str
    sandbox: bool
    features: tuple[str, ...]
    folders: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        return all(each.fits is not False or each.folder != "main" for each in self.folders) and not any(
            each.taken for each in self.folders
        )

    def as_json(self) -> dict[str, Json]:
        told = {**asdict(self), "folders": [each.as_json() for each in self.folders]}
        return {"ok": self.ok, **told, "features": list(self.features)}


async def preflight(name: str, org: Org, folders: Sequence[Folder]) -> Preflight:
    """Ask the org. Raises what the connector raises: Misconfigured, Unreachable …"""
    connector = SalesforceConnector({name: org}, clock=SystemClock(), observe=unobserved)
    try:
        [row] = await connector.query(name, "SELECT Id, IsSandbox FROM Organization LIMIT 1")
        there = await connector.sobjects(name)
        wanted = {sobject for folder in folders for sobject in folder.objects} & there | {"Account"}
        described = {sobject: await connector.describe(name, sobject) for sobject in sorted(wanted)}
    finally:
        await connector.close()
    account = described["Account"].fields
    return Preflight(
        org=row["Id"],
        user=org.salesforce.username,
        sandbox=bool(row.get("IsSandbox")),
        features=tuple(feature for feature, field in _FEATURES.items() if field in account),
        folders=tuple(_verdict(folder, there, described) for folder in folders),
    )


def _verdict(folder: Folder, there: frozenset[str], described: Mapping[str, Describe]) -> Verdict:
    if not folder.objects:
        return Verdict(folder.path, None, NEEDS[folder.path])
    found = [each for sobject in folder.objects for each in _object(folder, sobject, described.get(sobject))]
    missing = tuple(name for name, kind, _ in found if kind == "missing")
    absent = [name for name in folder.needs if name not in there]
    return Verdict(
        folder=folder.path,
        fits=not absent,
        needs=f"{', '.join(absent)}: not there, or hidden from the user" if absent else "",
        present=len(found) - len(missing),
        of=len(found),
        missing=missing,
        older=tuple(f"{name} {why}" for name, kind, why in found if kind == "older"),
        taken=tuple(f"{name} {why}" for name, kind, why in found if kind == "taken"),
    )


def _object(folder: Folder, sobject: str, described: Describe | None) -> Iterator[tuple[str, str, str]]:
    """(name, missing | same | older | taken, why) of the object, where the folder brings it, and of each field."""
    columns, fields = folder.objects[sobject], described.fields if described else {}
    if sobject in folder.makes:
        stranger = described is not None and columns and not fields.keys() & columns.keys()
        kind = "missing" if described is None else "taken" if stranger else "same"
        yield sobject, kind, "is there and has none of our fields"
    for name, column in columns.items():
        yield f"{sobject}.{name}", *_field(fields.get(name), column)


def _field(info: FieldInfo | None, column: Column) -> tuple[str, str]:
    if info is None:
        return "missing", ""
    if info.type != column.type:
        return "taken", f"is {info.type} there, ours is {column.type}"
    if info.length < column.length:
        return "older", f"holds {info.length} characters, ours {column.length}"
    lacking = [value for value in column.values if value not in info.picklist]
    return ("older", f"lacks {', '.join(lacking[:3])}") if lacking else ("same", "")
