"""Create, update, upsert, delete: the order in which the platform checks, changes and reacts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.salesforce import checks, derived
from gateway.sandbox.salesforce.errors import (
    MultipleMatchesError,
    SalesforceError,
    no_such_column,
    not_found,
    record_error,
)
from gateway.sandbox.salesforce.faults import Target
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.incoming import read_body
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.permissions import Access
from gateway.sandbox.salesforce.schema import Field, SObject
from gateway.sandbox.salesforce.store import Record
from gateway.sandbox.salesforce.values import read_value
from gateway.sandbox.salesforce.world import SandboxUser

Body = Mapping[str, Any]


@dataclass
class Writer:
    """
    Who writes, and in which call.

    ``system`` skips access, rules, locks and automation (seed). ``auto_assign`` is the header ``Sforce-Auto-Assign``.
    ``bulk``: object → records of it in this transaction, which is what a customer's trigger sees.
    """

    org: Org
    user: SandboxUser
    method: str = "POST"
    path: str = ""
    auto_assign: bool = True
    system: bool = False
    bulk: Counter[str] = field(default_factory=Counter)

    @property
    def access(self) -> Access | None:
        return None if self.system else self.org.access(self.user)

    def create(self, sobject: SObject, body: Body, *, key: str | None = None, record_id: str | None = None) -> str:
        self._begin(sobject, "create", None, key)
        values = read_body(self.org, sobject, body, self.access, new=True)
        record = {**self._defaults(sobject), **values}
        for entry in sobject.fields.values():
            if entry.auto_number and not record.get(entry.name):
                record[entry.name] = auto_number(entry, self.org.store.next_number(sobject, entry))
        given = dict(record)
        record["Id"] = record_id or self.org.ids.new(sobject.key_prefix)
        if sobject.custom and not record.get("Name"):
            record["Name"] = record["Id"]  # a custom object's blank text name becomes the record id
        self._save(sobject, record, None, given)
        return str(record["Id"])

    def update(self, sobject: SObject, record_id: str, body: Body, *, key: str | None = None) -> str:
        record_id = full_id(record_id) or record_id
        self._begin(sobject, "edit", record_id, key)
        prior = self.existing(sobject, record_id)
        values = read_body(self.org, sobject, body, self.access, new=False)
        if not self.system:
            checks.check_not_locked(self.org, record_id)
        self._save(sobject, {**prior, **values}, prior, values)
        return record_id

    def upsert(
        self, sobject: SObject, name: str, raw: str, body: Body, *, update_only: bool = False
    ) -> tuple[str, bool]:
        """(id, created). The key stands in the address, never in the body."""
        key = external_id_field(sobject, name)
        for given in body:
            if given.lower() in (key.name.lower(), "id"):
                message = f"The {given} field should not be specified in the sobject data."
                raise SalesforceError("INVALID_FIELD", message, [given])
        found = self.org.store.find(sobject, key, read_value(key, raw))
        if len(found) > 1:
            raise MultipleMatchesError(
                [f"/services/data/v{self.org.world.api_version}/sobjects/{sobject.name}/{i}" for i in found]
            )
        if found:
            return self.update(sobject, found[0], body, key=raw), False
        if update_only:
            raise not_found()
        return self.create(sobject, {**body, key.name: raw}, key=raw), True

    def delete(self, sobject: SObject, record_id: str) -> None:
        record_id = full_id(record_id) or record_id
        self._begin(sobject, "delete", record_id, None)
        self.existing(sobject, record_id)
        checks.check_not_locked(self.org, record_id)
        before = self.org.store.get(record_id) or {}
        self.org.store.remove(sobject, record_id)
        derived.after_save(self.org, sobject.name, before)

    def existing(self, sobject: SObject, record_id: str) -> Record:
        """The record, or the platform's words for why there is none."""
        record = self.org.store.tables[sobject.name].get(record_id)
        if record is not None:
            return record
        if record_id in self.org.store.deleted or record_id in self.org.store.merged:
            raise record_error("ENTITY_IS_DELETED", "entity is deleted")
        if full_id(record_id) is None:
            raise record_error("MALFORMED_ID", f"malformed id {record_id}", "Id")
        raise record_error("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")

    def _begin(self, sobject: SObject, grant: str, record_id: str | None, key: str | None) -> None:
        if self.system:
            return
        if not sobject.writable or not self.org.access(self.user).can(sobject, grant):
            raise denied(sobject, grant)
        self.org.faults.strike(Target(self.method, self.path, sobject.name, record_id, key))
        limit = self.org.world.profile.trigger_limits.get(sobject.name)
        if limit is not None and self.bulk[sobject.name] > limit:
            message = (
                f"SalesOps.{sobject.name}Trigger: execution of BeforeUpdate caused by: System.LimitException: "
                f"Too many SOQL queries: 101 ({self.bulk[sobject.name]} records)"
            )
            raise record_error("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)

    def _defaults(self, sobject: SObject) -> Record:
        record = {entry.name: entry.default for entry in sobject.fields.values() if entry.default is not None}
        if "OwnerId" in sobject.fields:
            record["OwnerId"] = self.user.id
        if "CurrencyIsoCode" in sobject.fields:
            record["CurrencyIsoCode"] = self.org.world.corporate_currency
        return record

    def _save(self, sobject: SObject, record: Record, prior: Record | None, changed: Mapping[str, Any]) -> None:
        org, now = self.org, self.org.now()
        if prior is None:
            record |= {"CreatedDate": now, "CreatedById": self.user.id, "IsDeleted": False}
        record |= {"LastModifiedDate": now, "LastModifiedById": self.user.id, "SystemModstamp": now}
        self._assign(sobject, record)
        checks.check_references(org, sobject, changed)
        derived.before_save(org, sobject.name, record)
        checks.check_required(sobject, record)
        if not self.system:
            checks.check_owner(org, sobject, changed)
            checks.check_rules(org, sobject, record, prior, self.user)
        checks.check_unique(org, sobject, record, changed)
        org.store.put(sobject, record)
        derived.after_save(org, sobject.name, record)
        if not self.system:
            self._run_flow(sobject, record)

    def _run_flow(self, sobject: SObject, record: Record) -> None:
        """A careless flow: no entry condition, so the gateway's own stamp starts it too, as the gateway's user."""
        profile = self.org.world.profile
        action = profile.flows.get(sobject.name)
        if action is None:
            return
        told = {"sobject": sobject.name, "record": record["Id"], "action": action, "user": self.user.id}
        self.org.store.note(told)
        outbox = self.org.schema.find("Stripe_Action__c")
        if outbox is not None and not profile.flow_calls:
            row = {"Action__c": action, "Source_Record_Id__c": record["Id"], "Source_Object__c": sobject.name}
            Writer(self.org, self.user, system=True).create(outbox, row)

    def _assign(self, sobject: SObject, record: Record) -> None:
        """An active assignment rule takes the record (for the first user if the named one does not exist)."""
        name = self.org.world.profile.assignment.get(sobject.name)
        if name is not None and self.auto_assign and not self.system:
            record["OwnerId"] = (self.org.user_named(name) or self.org.world.users[0]).id


def auto_number(entry: Field, number: int) -> str:
    """``INV-{0000}`` with 7 → INV-0007."""
    head, _, rest = (entry.auto_number or "").partition("{")
    zeros, _, tail = rest.partition("}")
    return f"{head}{str(number).zfill(len(zeros))}{tail}"


def external_id_field(sobject: SObject, name: str) -> Field:
    entry = sobject.find(name)
    if entry is None or not entry.external_id:
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise SalesforceError("NOT_FOUND", message)
    return entry


def denied(sobject: SObject, grant: str) -> SalesforceError:
    if grant == "create":
        message = f"entity type cannot be inserted: {sobject.label}"
        return record_error("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
    return record_error("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")


def readable_field(org: Org, sobject: SObject, name: str, access: Access) -> Field:
    entry = sobject.find(name)
    if entry is None or not access.readable(sobject, entry):
        raise no_such_column(name, sobject.name)
    return entry
