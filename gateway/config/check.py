"""Checks across sections: what is right alone may be wrong together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.config.explain import Finding
from gateway.config.jwks import MOST_KEYS
from gateway.config.keys import InboundKey
from gateway.config.model import OBJECTS, Audit, Entity, Mode, Org, Route, SealingKeys, Server
from gateway.config.model import Mapping as FieldMapping
from gateway.config.problems import Path, did_you_mean
from gateway.config.values import is_loopback

SOON = timedelta(days=30)
_UNREAD = f"the gateway reads no fields of this object, only of {', '.join(OBJECTS)}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read; ``…_table(s)`` and ``entity_names`` as written: all that is wrong is told, once."""

    now: datetime
    literals: bool
    server: Server | None
    orgs: Mapping[str, Org]
    org_tables: Mapping[str, object]
    entities: Mapping[str, Entity]
    entity_names: tuple[str, ...]
    routing: Mapping[int, Route]
    routing_tables: tuple[object, ...]
    mappings: Mapping[str, FieldMapping]
    sealing: SealingKeys | None
    sealing_table: Mapping[str, object]
    audit: Audit | None


Check = Callable[[Parts], Iterator[Finding]]


def problems(parts: Parts) -> Iterator[Finding]:
    """What makes the configuration unusable."""
    return itertools.chain.from_iterable(check(parts) for check in _PROBLEMS)


def warnings(parts: Parts) -> Iterator[Finding]:
    """What works and should be changed."""
    return itertools.chain.from_iterable(check(parts) for check in _WARNINGS)


def _something_configured(parts: Parts) -> Iterator[Finding]:
    for table, names in (("orgs", parts.org_tables), ("entities", parts.entity_names)):
        if not names:
            yield (table,), "is missing: at least one is needed", f"add a table [{table}.name]"


def _known_entities(parts: Parts) -> Iterator[Finding]:
    for name, table in parts.org_tables.items():
        listed = table.get("entities") if isinstance(table, dict) else None
        for index, entity in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(entity, str) and entity not in parts.entity_names:
                path: Path = ("orgs", name, "entities", index)
                yield path, f"there is no entity {entity!r}", did_you_mean(entity, parts.entity_names)


def _modes(parts: Parts) -> Iterator[Finding]:
    for name, org in parts.orgs.items():
        for index, entity in enumerate(org.entities):
            found = parts.entities.get(entity)
            if found and found.mode != org.mode:
                what = f"{org.mode} org must not use the {found.mode} entity {entity!r}"
                yield ("orgs", name, "entities", index), f"a {what}", None
        if org.mode == "live" and org.salesforce.is_sandbox:
            yield ("orgs", name, "salesforce", "login_url"), "a live org cannot log in at a sandbox", None


def _stripe_keys(parts: Parts) -> Iterator[Finding]:
    for name, entity in parts.entities.items():
        for member, secret in (("secret_key", entity.secret_key), ("refund_key", entity.refund_key)):
            mode = _mode_of(secret.reveal()) if secret else entity.mode
            if mode is None:
                yield ("entities", name, member), "is not a Stripe key (rk_live_…, rk_test_…, sk_…)", None
            elif mode != entity.mode:
                yield ("entities", name, member), f"is a {mode} key in a {entity.mode} entity", None
        for index, webhook in enumerate(entity.webhook_secrets):
            if not webhook.reveal().startswith("whsec_"):
                yield ("entities", name, "webhook_secrets", index), "is not a webhook secret (whsec_…)", None
        if entity.secret_key.reveal().startswith("sk_org_") and not entity.stripe_context:
            yield ("entities", name, "stripe_context"), "is needed with an organization key", None


def _accounts_once(parts: Parts) -> Iterator[Finding]:
    seen: dict[tuple[str | None, ...], str] = {}
    for name, entity in parts.entities.items():
        account = (entity.account, entity.mode, entity.stripe_account, entity.stripe_context)
        if (first := seen.setdefault(account, name)) != name:
            yield ("entities", name, "account"), f"is the same Stripe account as that of entity {first!r}", None


def _orgs_once(parts: Parts) -> Iterator[Finding]:
    for member in ("id", "issuer"):
        seen: dict[str, str] = {}
        for name, org in parts.orgs.items():
            if (first := seen.setdefault(getattr(org, member), name)) != name:
                yield ("orgs", name, member), f"is the same as that of org {first!r}", None


def _trusted_keys(parts: Parts) -> Iterator[Finding]:
    owners: dict[bytes, str] = {}
    for name, org in parts.orgs.items():
        if len(org.keys) > MOST_KEYS:
            yield ("orgs", name, "keys"), f"brings {len(org.keys)} keys; at most {MOST_KEYS} are possible", None
        kids: set[str] = set()
        for key in org.keys:
            path: Path = ("orgs", name, "keys", key.place)
            if key.kid in kids:
                yield path, f"the kid {key.kid!r} appears twice", None
            kids |= {key.kid} if key.kid is not None else set()
            owner = owners.get(key.encoded())
            if owner == name:
                yield path, "is the same key as another one of this org", None
            elif owner:
                what = f"is also trusted by org {owner!r}: one could sign for the other"
                yield path, what, "make another certificate in one of the two orgs, and name it there"
            owners.setdefault(key.encoded(), name)


def _usable_keys(parts: Parts) -> Iterator[Finding]:
    for name, org in parts.orgs.items():
        if not any(key.valid_at(parts.now.timestamp()) for key in org.keys):
            for key in org.keys:
                yield (
                    ("orgs", name, "keys", key.place),
                    f"{_why_invalid(key, parts.now)}, and no other key is valid",
                    None,
                )


def _routed_entities(parts: Parts) -> Iterator[Finding]:
    for index, table in enumerate(parts.routing_tables):
        entity = table.get("entity") if isinstance(table, dict) else None
        if isinstance(entity, str) and entity not in parts.entity_names:
            hint = did_you_mean(entity, parts.entity_names)
            yield ("routing", index, "entity"), f"there is no entity {entity!r}", hint


def _routes(parts: Parts) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for index, rule in parts.routing.items():
        path: Path = ("routing", index)
        if rule.when.org and rule.when.org not in parts.org_tables:
            yield (
                (*path, "when", "org"),
                f"there is no org {rule.when.org!r}",
                did_you_mean(rule.when.org, parts.org_tables),
            )
        if (rule.when.field is None) != (rule.when.equals is None):
            yield (*path, "when"), "field and equals belong together", None
        if (other := seen.setdefault(rule.when.model_dump_json(), rule.entity)) != rule.entity:
            yield path, f"says the same as an earlier rule, which leads to {other!r}", None


def _mapped_objects(parts: Parts) -> Iterator[Finding]:
    allowed = {sobject for org in parts.orgs.values() for sobject in org.objects}
    for sobject, mapping in parts.mappings.items():
        if parts.orgs and sobject not in allowed and len(parts.orgs) == len(parts.org_tables):
            yield ("mappings", sobject), "no org allows this object", did_you_mean(sobject, allowed)
        elif sobject not in OBJECTS and mapping.fields:
            yield ("mappings", sobject, min(mapping.fields)), _UNREAD, None
        elif sobject in OBJECTS and mapping.lookup:
            yield ("mappings", sobject, "lookup"), "comes with the release for this object", "leave it out"


def _readable_rules(parts: Parts) -> Iterator[Finding]:
    known = {sobject.casefold() for sobject in OBJECTS}
    for index, rule in parts.routing.items():
        when = rule.when
        if when.sobject and when.sobject.casefold() not in known and (when.field or when.record_type):
            yield ("routing", index, "when"), _UNREAD, "leave it at sobject, or have requests name the entity"


def _object_names(parts: Parts) -> Iterator[Finding]:
    right = {sobject.casefold(): sobject for sobject in OBJECTS}
    for name, org in parts.orgs.items():
        for index, sobject in enumerate(org.objects):
            if (proper := right.get(sobject.casefold(), sobject)) != sobject:
                yield ("orgs", name, "objects", index), "is no API name", f"write {proper}"


def _current_key(parts: Parts) -> Iterator[Finding]:
    current, keys = parts.sealing_table.get("current"), parts.sealing_table.get("keys")
    if isinstance(current, str) and isinstance(keys, dict) and current not in keys:
        yield ("sealing", "current"), f"there is no key {current!r}", did_you_mean(current, keys)


def _sealing_keys(parts: Parts) -> Iterator[Finding]:
    if parts.sealing is None:
        return
    all_keys = [*parts.sealing.keys.values(), parts.sealing.index_key]
    if parts.audit:
        all_keys.append(parts.audit.signing_key)
    if len(set(all_keys)) < len(all_keys):
        yield ("sealing",), "uses one key for two purposes", "make each with: openssl rand -base64 32"


def _expiring_keys(parts: Parts) -> Iterator[Finding]:
    for name, org in parts.orgs.items():
        for key in org.keys:
            path: Path = ("orgs", name, "keys", key.place)
            if not key.valid_at(parts.now.timestamp()):
                yield path, f"{_why_invalid(key, parts.now)} and is not accepted now", None
            elif key.not_after and key.not_after - parts.now <= SOON:
                days = max(0, (key.not_after - parts.now).days)
                yield path, f"expires in {days} days, on {key.not_after:%Y-%m-%d}", "add the next key beside it now"


def _powerful_keys(parts: Parts) -> Iterator[Finding]:
    for name, entity in parts.entities.items():
        for member, secret in (("secret_key", entity.secret_key), ("refund_key", entity.refund_key)):
            if secret and secret.reveal().startswith("sk_live_"):
                yield ("entities", name, member), "may do everything at Stripe", "use a restricted key (rk_live_…)"
        if entity.refund_key == entity.secret_key:
            yield ("entities", name, "refund_key"), "is the same as secret_key", "leave it out"


def _unused(parts: Parts) -> Iterator[Finding]:
    used = {entity for org in parts.orgs.values() for entity in org.entities}
    for name in parts.entities:
        if name not in used:
            yield ("entities", name), "is used by no org", None
    for name, org in parts.orgs.items():
        if len(org.entities) > 1 and not any(rule.entity in org.entities for rule in parts.routing.values()):
            yield (
                ("orgs", name, "entities"),
                "no routing rule tells which entity bills: every request must name one",
                None,
            )


def _exposure(parts: Parts) -> Iterator[Finding]:
    if parts.server and not is_loopback(parts.server.host) and not parts.server.allowed_hosts:
        yield ("server", "allowed_hosts"), "any host name is accepted", "name the one Salesforce calls"
    if parts.literals:
        text = "secrets may stand in this file because every address is this machine: a sandbox only"
        yield (), text, "nothing to do, if it is one"


def _why_invalid(key: InboundKey, now: datetime) -> str:
    if key.not_after and key.not_after <= now:
        return f"expired on {key.not_after:%Y-%m-%d}"
    return f"is not valid before {key.not_before:%Y-%m-%d}"


def _mode_of(key: str) -> Mode | None:
    head = key.removeprefix("sk_org_") if key.startswith("sk_org_") else key[3:] if key[:3] in {"sk_", "rk_"} else ""
    for mode in ("test", "live"):
        if head.startswith(f"{mode}_") and len(head) > 8 and head.isascii() and head.replace("_", "").isalnum():
            return "test" if mode == "test" else "live"
    return None


_PROBLEMS: tuple[Check, ...] = (
    _something_configured, _known_entities, _modes, _stripe_keys, _accounts_once, _orgs_once, _trusted_keys,
    _usable_keys, _current_key,
    _routed_entities, _routes, _mapped_objects, _readable_rules, _object_names, _sealing_keys,
)  # fmt: skip
_WARNINGS: tuple[Check, ...] = (_expiring_keys, _powerful_keys, _unused, _exposure)
