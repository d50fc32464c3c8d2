"""The configuration as it took effect, fit to be shown: what is secret is named, never printed."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel

from gateway.config.keys import InboundKey
from gateway.config.model import Config, Database, Org
from gateway.config.secrets import Secret, SecretBytes
from gateway.records import Json

HIDDEN = "(set, not shown)"


def render_effective(config: Config) -> dict[str, Json]:
    """Plain JSON of everything, defaults included, secrets hidden."""
    sections = ("server", "database", "stripe", "orgs", "entities", "routing", "mappings", "sealing", "audit")
    shown = {name: _plain(getattr(config, name)) for name in sections}
    return shown | {"overrides": dict(config.overrides), "warnings": [str(one) for one in config.warnings]}


def _plain(value: object) -> Json:
    if isinstance(value, Secret | SecretBytes | RSAPrivateKey):
        return HIDDEN
    if isinstance(value, Database):
        return {"url": value.shown}
    if isinstance(value, Org):
        members = {name: _plain(one) for name, one in value if name != "key_sources"}
        return members | {"keys": [_key(key) for key in value.keys]}
    if isinstance(value, BaseModel):
        return {name: _plain(one) for name, one in value}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | frozenset):
        return [_plain(one) for one in (sorted(value) if isinstance(value, frozenset) else value)]
    return value


def _key(key: InboundKey) -> Json:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "source": key.source,
        "not_before": key.not_before.isoformat() if key.not_before else None,
        "not_after": key.not_after.isoformat() if key.not_after else None,
    }
