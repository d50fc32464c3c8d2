"""What the environment decides: ``GATEWAY_SERVER_PORT`` stands above ``port`` in ``[server]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.config.model import Database, Server, StripeUpstream
from gateway.config.problems import Path, Wrong, did_you_mean
from gateway.config.secrets import Sources
from gateway.config.values import is_loopback

SECTIONS: dict[str, type[BaseModel]] = {"server": Server, "database": Database, "stripe": StripeUpstream}
_SECRET = {("database", "url"), ("database", "password")}
_SWITCHES = {"true": True, "false": False, "1": True, "0": False}

Raw = dict[str, Any]  # parsed TOML


def is_sandbox(raw: Raw) -> bool:
    """Whether every address is this machine and nothing is live: only then may secrets stand in the file."""
    orgs, entities = list(_tables(raw.get("orgs"))), list(_tables(raw.get("entities")))
    logins = [org.get("salesforce") for org in orgs]
    addresses = [_table(raw.get("stripe")).get("base_url")]
    for login in map(_table, logins):
        addresses += [login.get("login_url"), login.get("instance_url", login.get("login_url"))]
    return (
        bool(orgs)
        and is_loopback(_table(raw.get("server")).get("host", "127.0.0.1"))
        and all(table.get("mode") == "test" for table in orgs + entities)
        and all(isinstance(address, str) and is_loopback(_host(address)) for address in addresses)
    )


def override(raw: Raw, sources: Sources) -> Iterator[tuple[Path, str, Wrong | None]]:
    """Put each variable's value into ``raw``; yields its path, its name, and what is wrong with it."""
    referenced = set(_references(raw))
    for variable in sorted(sources.environ):
        for section, model in SECTIONS.items():
            prefix = f"GATEWAY_{section.upper()}_"
            name = variable.removesuffix("_FILE")
            if not name.startswith(prefix) or name in referenced or variable in referenced:
                continue
            key = name.removeprefix(prefix).lower()
            try:
                value = _value(section, key, name, model, sources)
            except Wrong as wrong:
                yield (section, key), name, wrong
            else:
                raw.setdefault(section, {})[key] = value
                yield (section, key), name, None


def _value(section: str, key: str, name: str, model: type[BaseModel], sources: Sources) -> object:
    field = model.model_fields.get(key)
    if field is None:
        raise Wrong("is not a known setting", did_you_mean(key, model.model_fields))
    if (section, key) in _SECRET:
        return f"env:{name}"
    return _typed(sources.text(f"env:{name}"), field)


def _typed(text: str, field: FieldInfo) -> object:
    kind = type(field.default)
    if kind is bool:
        if text.lower() not in _SWITCHES:
            raise Wrong("must be true or false")
        return _SWITCHES[text.lower()]
    if kind is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind in {int, float}:
        try:
            return kind(text)
        except ValueError as exc:
            raise Wrong("must be a whole number" if kind is int else "must be a number") from exc
    return text


def _references(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("env:"):
        name = value.removeprefix("env:")
        yield from (name, f"{name}_FILE")
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item)


def _table(value: object) -> Raw:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> Iterator[Raw]:
    return (one for one in _table(value).values() if isinstance(one, dict))


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
