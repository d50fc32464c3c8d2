"""What the simulated org is made of: people, app, keys, features. One JSON file; no behaviour beyond reading it."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.profiles import PROFILES, Profile

FEATURES = frozenset(
    {"multi_currency", "person_accounts", "quotes", "orders", "state_country_picklists", "record_types"}
)
METADATA = Path(__file__).resolve().parents[3] / "salesforce_metadata"


class BadWorldError(ValueError):
    """The configuration cannot be used; the message names the member."""


@dataclass(frozen=True)
class SandboxUser:
    """
    ``admin`` sees and edits everything (System Administrator); others get what their permission sets say.

    ``record_access``: None | Read | Edit, the level on records the user neither owns nor was given by a share.
    """

    id: str
    username: str
    name: str
    email: str = ""
    active: bool = True
    admin: bool = False
    permission_sets: tuple[str, ...] = ()
    record_access: str = "Edit"


@dataclass(frozen=True)
class ConnectedApp:
    """``public_key``: PEM certificate or public key. ``approved``: user names; None lets every active user in."""

    consumer_key: str
    public_key: str
    approved: frozenset[str] | None = None


@dataclass(frozen=True)
class SigningKey:
    """What the org's named credential signs its calls to the gateway with."""

    private_key: str
    kid: str | None = None
    audience: str = "stripe-gateway"
    issuer: str | None = None
    seconds: int = 120


@dataclass(frozen=True)
class SalesforceWorld:
    """``fls``: auto | off | custom | all – see permissions.py. ``packages``: metadata directories; None = all."""

    org_id: str
    users: tuple[SandboxUser, ...]
    app: ConnectedApp
    signing: SigningKey | None = None
    gateway_url: str | None = None
    org_name: str = "Northwind Bicycles"
    is_sandbox: bool = True
    instance: str = "USA1S"
    api_version: str = "65.0"
    profile: Profile = PROFILES["plain"]
    features: frozenset[str] = frozenset({"quotes", "orders"})
    audiences: frozenset[str] = frozenset()
    metadata: Path = METADATA
    packages: tuple[str, ...] | None = None
    fls: str = "auto"
    corporate_currency: str = "USD"
    token_seconds: int = 7200
    daily_calls: int = 100_000
    query_batch: int = 2000
    seed: Sequence[Mapping[str, Any]] | None = None
    id_pod: str | None = None

    def has(self, feature: str) -> bool:
        return feature in self.features and feature not in self.profile.without

    def login_audiences(self) -> frozenset[str]:
        host = "https://test.salesforce.com" if self.is_sandbox else "https://login.salesforce.com"
        return self.audiences | {host}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form; unknown members are refused by name."""
        values = dict(data)
        known = {entry.name for entry in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BadWorldError(f"unknown members: {', '.join(unknown)}")
        try:
            return cls(**{name: READERS[name](value) if name in READERS else value for name, value in values.items()})
        except (TypeError, KeyError) as exc:
            raise BadWorldError(f"the world cannot be read: {exc}") from exc

    @classmethod
    def load(cls, path: Path) -> Self:
        world = cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        if not world.metadata.is_dir():
            raise BadWorldError(f"there is no Salesforce metadata at {world.metadata}: run it from a checkout")
        return world


def read_id(text: str) -> str:
    long = full_id(text)
    if long is None:
        raise BadWorldError(f"{text!r} is not a Salesforce id")
    return long


def read_users(rows: Sequence[Mapping[str, Any]]) -> tuple[SandboxUser, ...]:
    return tuple(
        SandboxUser(**{**row, "id": read_id(row["id"]), "permission_sets": tuple(row.get("permission_sets", ()))})
        for row in rows
    )


def read_app(row: Mapping[str, Any]) -> ConnectedApp:
    approved = row.get("approved")
    return ConnectedApp(**{**row, "approved": None if approved is None else frozenset(approved)})


def read_features(names: Sequence[str]) -> frozenset[str]:
    if unknown := sorted(set(names) - FEATURES):
        raise BadWorldError(f"unknown features: {', '.join(unknown)}; known: {', '.join(sorted(FEATURES))}")
    return frozenset(names)


def read_profile(name: str | Mapping[str, Any]) -> Profile:
    """A name, or ``{"base": name, …}`` that changes members of one."""
    if isinstance(name, str):
        return PROFILES[name]
    changes = dict(name)
    base = PROFILES[changes.pop("base", "plain")]
    if "without" in changes:
        changes["without"] = frozenset(changes["without"])
    return dataclasses.replace(base, **changes)


READERS: Mapping[str, Any] = {
    "org_id": read_id,
    "users": read_users,
    "app": read_app,
    "signing": lambda row: SigningKey(**row) if row else None,
    "profile": read_profile,
    "features": read_features,
    "audiences": frozenset,
    "metadata": Path,
    "packages": lambda names: None if names is None else tuple(names),
}
