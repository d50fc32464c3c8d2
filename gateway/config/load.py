"""Read a configuration once, as a whole: either it is right, or every problem is told with its line."""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.config import check
from gateway.config.environment import Raw, is_sandbox, override
from gateway.config.explain import Finding, explain
from gateway.config.model import Audit, Config, Database, Entity, Org, Route, SealingKeys, Server, StripeUpstream
from gateway.config.model import Mapping as FieldMapping
from gateway.config.positions import Positions
from gateway.config.problems import ConfigProblems, Path, Problem, Wrong, did_you_mean, dotted
from gateway.config.secrets import SecretBytes, Sources, key_bytes

SECTIONS = ("server", "database", "stripe", "orgs", "entities", "routing", "mappings", "sealing", "audit")

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class _Reading:
    """One attempt to read a file: what is found wrong gathers here."""

    file: str
    raw: Raw
    positions: Positions
    sources: Sources
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    overrides: dict[str, str] = field(default_factory=dict)

    def problem(self, finding: Finding) -> None:
        self.problems.append(self._placed(finding))

    def warning(self, finding: Finding) -> None:
        self.warnings.append(self._placed(finding))

    def _placed(self, finding: Finding) -> Problem:
        path, message, suggestion = finding
        if variable := self.overrides.get(dotted(path)):
            return Problem("environment", None, variable, message, suggestion)
        return Problem(self.file, self.positions.line(path), dotted(path), message, suggestion)

    def part(self, model: type[M], path: Path, data: object) -> M | None:
        """One section as its model, or None with its problems noted."""
        try:
            return model.model_validate(data, context=self.sources)
        except ValidationError as exc:
            for inner, message, suggestion in explain(exc, model, data):
                self.problem(((*path, *inner), message, suggestion))
            return None
        finally:
            for text in self.sources.warnings:
                self.warning((path, text, None))
            self.sources.warnings.clear()

    def named(self, model: type[M], section: str) -> dict[str, M]:
        """Every table ``[section.name]``."""
        found: dict[str, M] = {}
        for name, data in self.table(section).items():
            if isinstance(data, dict) and "name" in data:
                self.problem(((section, name, "name"), "the name is that of the table", f"[{section}.{data['name']}]"))
                continue
            one = self.part(model, (section, name), {**data, "name": name} if isinstance(data, dict) else data)
            found |= {name: one} if one else {}
        return found

    def table(self, section: str) -> Mapping[str, Any]:  # parsed TOML
        data = self.raw.get(section, {})
        if isinstance(data, dict):
            return data
        self.problem(((section,), "must be a table", f"[{section}]"))
        return {}


def load(path: FilePath | str, environ: Mapping[str, str] | None = None, *, now: datetime | None = None) -> Config:
    """
    The configuration in a TOML file and the environment (default: the process's), or ``ConfigProblems``.

    Keys and files it names are read here and nowhere else; relative paths start at the file's folder.
    """
    return _assemble(_read(path, environ, now))


def load_org(path: FilePath | str, name: str, environ: Mapping[str, str] | None = None) -> tuple[Server, Org]:
    """
    ``[server]`` and one org of a file that is not complete yet, or ``ConfigProblems`` about these two.

    Salesforce makes the consumer key late, so its place may be empty. Nothing of Stripe's is read.
    """
    reading = _read(path, environ, None)
    reading.problems.clear()  # about sections, and variables of the environment, that are not looked at here
    orgs = reading.table("orgs")
    if name not in orgs:
        reading.problem((("orgs", name), "is missing", did_you_mean(name, orgs) or f"add a table [orgs.{name}]"))
    reading.raw["orgs"] = {name: _with_consumer_key(orgs[name], reading.sources)} if name in orgs else {}
    server = reading.part(Server, ("server",), reading.table("server"))
    org = reading.named(Org, "orgs").get(name)
    if server is None or org is None or reading.problems:
        raise _all_of(reading)
    return server, org


def _with_consumer_key(org: Any, sources: Sources) -> Any:  # parsed TOML
    login = org.get("salesforce") if isinstance(org, dict) else None
    if not isinstance(login, dict):
        return org
    try:
        known = bool(sources.text(login.get("consumer_key", "")))
    except Wrong:
        known = False
    return org if known else {**org, "salesforce": {**login, "consumer_key": "not made yet"}}


def _read(path: FilePath | str, environ: Mapping[str, str] | None, now: datetime | None) -> _Reading:
    path = FilePath(path)
    text, raw = _parse(path)
    sources = Sources(
        os.environ if environ is None else environ, path.parent, is_sandbox(raw), now or datetime.now(UTC)
    )
    reading = _Reading(str(path), raw, Positions(text), sources)
    for at, variable, wrong in override(raw, sources):
        reading.overrides[dotted(at)] = variable
        if wrong:
            reading.problem((at, wrong.message, wrong.suggestion))
    for name in raw.keys() - set(SECTIONS):
        reading.problem(((name,), "is not a known section", did_you_mean(name, SECTIONS)))
    return reading


def _parse(path: FilePath) -> tuple[str, Raw]:
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as exc:
        hint = "start from docs/examples/gateway.toml" if isinstance(exc, FileNotFoundError) else None
        raise ConfigProblems([Problem(str(path), None, "", f"cannot be read: {exc.strerror}", hint)]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigProblems([Problem(str(path), None, "", "is not text (UTF-8)")]) from exc
    except tomllib.TOMLDecodeError as exc:
        at = re.search(r" \(at line (\d+), column (\d+)\)", str(exc))
        line = int(at[1]) if at else None
        message = str(exc).replace(at[0], f" in column {at[2]}") if at else str(exc)
        raise ConfigProblems([Problem(str(path), line, "", f"is not TOML: {message}")]) from exc


def _assemble(reading: _Reading) -> Config:
    server = reading.part(Server, ("server",), reading.table("server"))
    database = reading.part(Database, ("database",), reading.table("database"))
    stripe = reading.part(StripeUpstream, ("stripe",), reading.table("stripe"))
    orgs, entities = reading.named(Org, "orgs"), reading.named(Entity, "entities")
    routing = _routing(reading)
    mappings = {
        name: one
        for name, data in reading.table("mappings").items()
        if (one := reading.part(FieldMapping, ("mappings", name), data))
    }
    sealing_table, audit_table = _keys(reading)
    sealing = reading.part(SealingKeys, ("sealing",), sealing_table)
    audit = reading.part(Audit, ("audit",), audit_table)
    parts = check.Parts(
        now=reading.sources.now, literals=reading.sources.literals, server=server,
        orgs=orgs, org_tables=reading.table("orgs"),
        entities=entities, entity_names=tuple(reading.table("entities")),
        routing=routing, routing_tables=tuple(_rules(reading)), mappings=mappings,
        sealing=sealing, sealing_table=sealing_table, audit=audit,
    )  # fmt: skip
    _each(reading.problem, check.problems(parts))
    _each(reading.warning, check.warnings(parts))
    if reading.problems or not (server and database and stripe and sealing and audit):
        raise _all_of(reading)
    return Config(
        server=server, database=database, stripe=stripe, orgs=orgs, entities=entities, routing=tuple(routing.values()),
        mappings=mappings, sealing=sealing, audit=audit, warnings=tuple(dict.fromkeys(reading.warnings)),
        overrides=reading.overrides, file=reading.file,
    )  # fmt: skip


def _all_of(reading: _Reading) -> ConfigProblems:
    return ConfigProblems(sorted(dict.fromkeys(reading.problems), key=lambda one: (one.file, one.line or 0, one.key)))


def _routing(reading: _Reading) -> dict[int, Route]:
    if not isinstance(reading.raw.get("routing", []), list):
        reading.problem((("routing",), "must be a list of rules", "[[routing]]"))
    found = ((index, reading.part(Route, ("routing", index), rule)) for index, rule in enumerate(_rules(reading)))
    return {index: rule for index, rule in found if rule}


def _rules(reading: _Reading) -> list[Any]:  # parsed TOML
    rules = reading.raw.get("routing", [])
    return rules if isinstance(rules, list) else []


def _keys(reading: _Reading) -> tuple[dict[str, Any], dict[str, Any]]:  # parsed TOML
    """Sealing and audit keys; all of them may come as lines ``id=base64`` of one secret."""
    sealing, audit = dict(reading.table("sealing")), dict(reading.table("audit"))
    if isinstance(written := sealing.get("keys"), str):
        try:
            keys = _key_lines(reading.sources.secret(written))
        except Wrong as wrong:
            reading.problem((("sealing", "keys"), wrong.message, wrong.suggestion))
            # Stand-ins, so that what only follows from it is not told as well.
            current = sealing.get("current")
            names = {current if isinstance(current, str) else "k1", "index", "audit"}
            keys = {name: SecretBytes(secrets.token_bytes(32)) for name in names}
        for reserved, table, member in (("index", sealing, "index_key"), ("audit", audit, "signing_key")):
            if reserved in keys:
                table.setdefault(member, keys.pop(reserved))
        sealing["keys"] = keys
    return sealing, audit


def _key_lines(text: str) -> dict[str, SecretBytes]:
    keys: dict[str, SecretBytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name or name in keys:
            raise Wrong(f"line {number} is not a new id=base64")
        try:
            keys[name] = key_bytes(value)
        except Wrong as wrong:
            raise Wrong(f"key {name!r} {wrong.message}", wrong.suggestion) from wrong
    return keys


def _each(note: Any, findings: Iterable[Finding]) -> None:  # a bound method of _Reading
    for finding in findings:
        note(finding)
