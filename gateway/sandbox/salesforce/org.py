"""The simulated org as a whole: world, schema, records, sessions, counters. What handlers and pages work on."""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.control import Controls
from gateway.sandbox.salesforce import metadata
from gateway.sandbox.salesforce.errors import MetadataError
from gateway.sandbox.salesforce.faults import SalesforceFaults
from gateway.sandbox.salesforce.formulas import Closure, FieldPath, Scope, compile_formula, formula_value
from gateway.sandbox.salesforce.identifiers import IdFactory
from gateway.sandbox.salesforce.permissions import Access, effective_mode
from gateway.sandbox.salesforce.profiles import OrgRule
from gateway.sandbox.salesforce.schema import Field, Rule, Schema, SObject, standard_objects
from gateway.sandbox.salesforce.store import Record, Store
from gateway.sandbox.salesforce.values import write_datetime
from gateway.sandbox.salesforce.world import SalesforceWorld, SandboxUser


@dataclass(frozen=True)
class Session:
    """``expires`` in epoch seconds of the sandbox clock."""

    token: str
    user: SandboxUser
    expires: float


@dataclass(frozen=True)
class CompiledRule:
    rule: Rule
    failing: Closure


@dataclass
class Org:
    """Everything that changes during a run lives here; ``reset`` makes it new from the world."""

    world: SalesforceWorld
    schema: Schema
    controls: Controls
    rules: Mapping[str, tuple[CompiledRule, ...]] = field(default_factory=dict)
    formulas: Mapping[tuple[str, str], Closure] = field(default_factory=dict)
    store: Store = field(init=False)
    ids: IdFactory = field(init=False)
    sessions: dict[str, Session] = field(init=False)
    permission_sets: dict[str, set[str]] = field(init=False)
    locked: set[str] = field(init=False)
    shares: dict[tuple[str, str], str] = field(init=False)
    cursors: dict[str, list[Any]] = field(init=False)
    counts: Counter[str] = field(init=False)
    calls: int = field(init=False)
    daily_calls: int = field(init=False)
    _access: dict[str, Access] = field(init=False)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.store = Store(self.schema)
        self.ids = IdFactory(self.world.id_pod)
        self.sessions = {}
        self.permission_sets = {user.id: set(user.permission_sets) for user in self.world.users}
        self.locked, self.shares, self.cursors = set(), {}, {}
        self.counts = Counter()
        self.calls, self.daily_calls = 0, self.world.daily_calls
        self._access = {}

    @property
    def clock(self) -> SandboxClock:
        return self.controls.clock

    @property
    def faults(self) -> SalesforceFaults:
        faults = self.controls.faults
        if not isinstance(faults, SalesforceFaults):
            raise TypeError("the controls of this simulator need SalesforceFaults")
        return faults

    @property
    def flow_runs(self) -> list[Record]:
        """Each run of a flow: ``sobject``, ``record``, ``action``, and the ``user`` whose save started it."""
        return self.store.events

    def now(self) -> str:
        return write_datetime(datetime.fromtimestamp(self.clock.now(), UTC))

    def user(self, user_id: str) -> SandboxUser | None:
        return next((user for user in self.world.users if user.id == user_id), None)

    def user_named(self, name: str) -> SandboxUser | None:
        return next((user for user in self.world.users if name in (user.username, user.name, user.id)), None)

    def is_active(self, user_id: str) -> bool:
        """The User record is the truth, so that a test can deactivate somebody."""
        record = self.store.get(user_id)
        return bool(record and record.get("IsActive"))

    def access(self, user: SandboxUser) -> Access:
        access = self._access.get(user.id)
        if access is None:
            held = [
                self.schema.permission_sets[name]
                for name in sorted(self.permission_sets[user.id])
                if name in self.schema.permission_sets
            ]
            access = Access(user, held, effective_mode(self.world.fls, self.schema.permission_sets))
            self._access[user.id] = access
        return access

    def forget_access(self) -> None:
        self._access.clear()

    def login(self, user: SandboxUser) -> Session:
        token = f"{self.world.org_id[:15]}!AQ{secrets.token_urlsafe(60)}"
        session = Session(token, user, self.clock.now() + self.world.token_seconds)
        self.sessions[token] = session
        self.counts["logins"] += 1
        return session

    def session(self, token: str) -> Session | None:
        session = self.sessions.get(token)
        if session is None or session.expires <= self.clock.now() or not self.is_active(session.user.id):
            return None
        return session

    def read(self, record: Mapping[str, Any], path: FieldPath) -> Any:
        """A field for a formula: relationships followed, formula fields evaluated, dates as dates."""
        current, sobject = record, self.schema.objects[path.sobject]
        for hop in path.hops:
            target = self.store.get(current.get(hop.name) or "")
            if target is None:
                return None
            current = target
            sobject = self.schema.objects[self.store.object_of[target["Id"]]]
        return formula_value(path.field, self.field_value(sobject, current, path.field))

    def field_value(self, sobject: SObject, record: Mapping[str, Any], entry: Field) -> Any:
        """The stored value, or the formula's result in stored form."""
        if entry.formula is None:
            return record.get(entry.name)
        closure = self.formulas.get((sobject.name, entry.name))
        return None if closure is None else storable(entry, closure(self.scope(record)))

    def scope(self, record: Mapping[str, Any], prior: Record | None = None, user: SandboxUser | None = None) -> Scope:
        return Scope(
            record=record,
            read=self.read,
            now=datetime.fromtimestamp(self.clock.now(), UTC),
            prior=prior,
            permissions=self.access(user).custom_permissions if user else frozenset(),
            user_id=user.id if user else "",
            username=user.username if user else "",
            org_id=self.world.org_id,
        )


def storable(entry: Field, value: Any) -> Any:
    if value is None or value == "":
        return None
    if entry.type == "date":
        return value.isoformat()[:10]
    if entry.type == "datetime":
        return write_datetime(value)
    if isinstance(value, Decimal) and entry.precision:
        return value.quantize(Decimal(1).scaleb(-entry.scale))
    return value


@lru_cache(maxsize=16)
def blueprint(
    tree: Path, packages: tuple[str, ...] | None, features: frozenset[str], own_rules: tuple[OrgRule, ...]
) -> tuple[Schema, Mapping[str, tuple[CompiledRule, ...]], Mapping[tuple[str, str], Closure]]:
    """Schema, rules and formulas never change after this, so orgs of one process share them."""
    schema = Schema(standard_objects(features))
    metadata.apply(schema, tree, packages, features)
    return schema, compile_rules(schema, own_rules), compile_formulas(schema)


def compile_rules(schema: Schema, own_rules: Iterable[OrgRule]) -> dict[str, tuple[CompiledRule, ...]]:
    """The package's rules and the customer's; a rule the simulator cannot evaluate stops the start."""
    rules = [rule for sobject in schema.objects.values() for rule in sobject.rules]
    own = [entry for entry in own_rules if entry.sobject in schema.objects]
    rules += [Rule(entry.sobject, entry.name, entry.formula, entry.message) for entry in own]
    compiled: dict[str, tuple[CompiledRule, ...]] = {}
    for rule in rules:
        closure = compile_formula(schema, schema.objects[rule.sobject], rule.condition)
        compiled[rule.sobject] = (*compiled.get(rule.sobject, ()), CompiledRule(rule, closure))
    return compiled


def compile_formulas(schema: Schema) -> dict[tuple[str, str], Closure]:
    """A formula field the simulator cannot evaluate shows null and is listed in ``schema.unsupported_formulas``."""
    compiled = {}
    for sobject in schema.objects.values():
        for entry in sobject.formulas:
            try:
                compiled[sobject.name, entry.name] = compile_formula(
                    schema, sobject, entry.formula or "", blank_as_zero=entry.blank_as_zero
                )
            except MetadataError:
                schema.unsupported_formulas.append(f"{sobject.name}.{entry.name}")
    return compiled


def build_org(world: SalesforceWorld) -> Org:
    features = frozenset(feature for feature in world.features if world.has(feature))
    schema, rules, formulas = blueprint(world.metadata, world.packages, features, world.profile.rules)
    return Org(world, schema, Controls(faults=SalesforceFaults()), rules, formulas)
