"""StripeSourceRecord: the record a card stands on, and our rows of it, read as the person may read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from gateway.sandbox.salesforce import query
from gateway.sandbox.salesforce.access_query import level_of
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.labels import label
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.world import SandboxUser

Row = Mapping[str, Any]
LOOKUPS = {name: f"{name}__c" for name in ("Account", "Contact", "Opportunity", "Case")}
STAMPED = ("AccountId", "Stripe_Status__c", "Stripe_Amounts__c")
NEWEST, MOST = 20, 100
EDITING = ("Edit", "Delete", "Transfer", "All")


class AuraError(Exception):
    """What the card is told instead of an answer."""


@dataclass(frozen=True)
class SourceRecord:
    """``row`` holds Id and what of AccountId and the stamp the object has and the person may read."""

    org: Org
    user: SandboxUser
    object_name: str
    name: str | None
    row: Row

    @classmethod
    def find(cls, org: Org, user: SandboxUser, record_id: object) -> Self:
        """Raises AuraError when there is no such record for this person."""
        long = full_id(str(record_id or ""))
        sobject = org.schema.objects.get(org.store.object_of.get(long or "", ""))
        access = org.access(user)
        if long is None or sobject is None or not access.can(sobject, "read") or level_of(org, user.id, long) == "None":
            raise AuraError(label(org.world.metadata, "Stripe_Gateway_No_Such_Record"))
        wanted = [sobject.fields[name] for name in STAMPED if name in sobject.fields]
        names = ["Id", *([sobject.name_field] if sobject.name_field else [])]
        names += [entry.name for entry in wanted if access.readable(sobject, entry)]
        [row] = select(org, user, f"SELECT {', '.join(names)} FROM {sobject.name} WHERE Id = '{long}'")
        return cls(org, user, sobject.name, row.get(sobject.name_field or ""), row)

    @property
    def id(self) -> str:
        return str(self.row["Id"])

    @property
    def account_id(self) -> str | None:
        return self.id if self.object_name == "Account" else self.row.get("AccountId")

    @property
    def account_name(self) -> str | None:
        if self.account_id is None:
            return None
        found = select(self.org, self.user, f"SELECT Id, Name FROM Account WHERE Id = '{self.account_id}'")
        return found[0]["Name"] if found else None

    @property
    def refunded_account_id(self) -> str | None:
        """The account whose refunds are asked for here, on whatever record was paid; None where only its own are."""
        return self.account_id if self.object_name in ("Account", "Case") else None

    @property
    def editable(self) -> bool:
        return level_of(self.org, self.user.id, self.id) in EDITING

    def children(self, kind: str, fields: Iterable[str], stripe_id: str | None = None) -> list[Row]:
        """Our newest rows of it. A case shows what its account was billed."""
        narrowed = "" if stripe_id is None else f" AND Stripe_Id__c = '{escaped(stripe_id)}'"
        return self.rows(kind, fields, narrowed, NEWEST)

    def refundable(self, fields: Iterable[str]) -> list[Row]:
        """Payments of which something can be given back, however old."""
        return self.rows("Stripe_Payment__c", fields, " AND Amount_Refundable__c > 0", MOST)

    def rows(self, kind: str, fields: Iterable[str], narrowed: str, most: int) -> list[Row]:
        sobject = self.org.schema.objects.get(kind)
        if sobject is None or not self.org.access(self.user).can(sobject, "read"):
            return []
        by_account = self.object_name == "Case" and self.account_id is not None
        column = "Account__c" if by_account else LOOKUPS.get(self.object_name, "Source_Record_Id__c")
        where = f"{column} = '{self.account_id if by_account else self.id}'{narrowed}"
        text = f"SELECT Id, {', '.join(fields)} FROM {kind} WHERE {where} ORDER BY CreatedDate DESC LIMIT {most}"
        return select(self.org, self.user, text)


def select(org: Org, user: SandboxUser, text: str) -> list[Row]:
    """A query in user mode: fields and objects by permission sets, rows by what the person may open."""
    rows = query.run(org, org.access(user), text).rows
    return [row for row in rows if level_of(org, user.id, row["Id"]) != "None"]


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
