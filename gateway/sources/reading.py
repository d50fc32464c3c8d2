"""Fields that several objects share, and how rows become values. Field names: Salesforce Object Reference, API 65.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypedDict

from gateway.records import Json
from gateway.sources import BillTo, Part, Party, SourceLine

OWNER = ("OwnerId", "Owner.IsActive")
ACCOUNT = (
    *OWNER,
    "Id",
    "Name",
    "Phone",
    "BillingStreet",
    "BillingCity",
    "BillingState",
    "BillingPostalCode",
    "BillingCountry",
)
CONTACT = (*OWNER, "Id", "Name", "Email", "Phone", "MailingStreet", "MailingCity", "MailingState", "MailingPostalCode")
BILL_TO = ("Id", "Name", "Email")
LINE = ("Id", "Quantity", "UnitPrice", "TotalPrice", "Description", "Product2.Name")


def records(sobject: str, fields: tuple[str, ...], record_ids: Sequence[str]) -> Part:
    """The records themselves."""
    return Part(select(sobject, fields, among("Id", record_ids)))


def children(sobject: str, fields: tuple[str, ...], parent: str, record_ids: Sequence[str], *, order: str) -> Part:
    """Rows that belong to them by the field ``parent``, those of each record in this order."""
    return Part(select(sobject, (*fields, parent), among(parent, record_ids), order=order), by=parent)


def select(sobject: str, fields: tuple[str, ...], where: str, *, order: str = "", limit: int = 0) -> str:
    """A SELECT over checked names; ``where`` is built from checked ids only."""
    names: dict[str, str] = {}
    for name in fields:
        names.setdefault(name.casefold(), name)  # Salesforce refuses a field that is selected twice
    soql = f"SELECT {', '.join(names.values())} FROM {sobject} WHERE {where}"  # noqa: S608 - SOQL over checked ids
    return soql + (f" ORDER BY {order}" if order else "") + (f" LIMIT {limit}" if limit else "")


def among(field: str, record_ids: Sequence[str]) -> str:
    """The condition that a field is one of these checked ids."""
    if len(record_ids) == 1:
        return f"{field} = '{record_ids[0]}'"
    return f"{field} IN ('" + "', '".join(record_ids) + "')"


def under(path: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    """The same fields of a parent record: ``Account.Name``."""
    return tuple(f"{path}.{name}" for name in fields)


def at(row: Mapping[str, Json] | None, path: str) -> Json:
    """The value at a dotted path, None where a parent is absent; as at Salesforce, case does not matter."""
    value: Json = row
    for name in path.split("."):
        members = value if isinstance(value, Mapping) else {}
        value = members[name] if name in members else _any_case(members, name)
    return value


def _any_case(members: Mapping[str, Json], name: str) -> Json:
    return next((value for key, value in members.items() if key.casefold() == name.casefold()), None)


def text(row: Mapping[str, Json], path: str) -> str | None:
    """A field of any type as the text that people see; empty is None."""
    value = at(row, path) if path else None
    if isinstance(value, Decimal):
        value = format(value.normalize(), "f")
    return None if value is None or isinstance(value, Mapping) else str(value).strip() or None


class Common(TypedDict):
    """What every object says in the same way."""

    currency: str | None
    po_number: str | None
    reference: str | None
    due: str | None
    owner_id: str | None


def owner(row: Mapping[str, Json]) -> str | None:
    """The user who owns the record; not a queue, nor somebody who has left: our rows can belong to neither."""
    found = row.get("OwnerId")
    return found if str(found).startswith("005") and at(row, "Owner.IsActive") is not False else None


def common(
    row: Mapping[str, Json], names: Mapping[str, str], *, po_number: str | None = None, reference: str | None = None
) -> Common:
    """Mapped fields, else the standard ones; the currency of a record in an org that has several is its own."""

    def mapped(name: str) -> str | None:
        return text(row, names.get(name, ""))

    return Common(
        currency=mapped("currency") or row.get("CurrencyIsoCode"),
        po_number=mapped("po_number") if "po_number" in names else po_number,
        reference=mapped("reference") if "reference" in names else reference,
        due=mapped("due_date"),
        owner_id=owner(row),
    )


def selected(names: Mapping[str, str]) -> tuple[str, ...]:
    """The fields a mapping stands for: of the relationship to the contact who is billed, three."""
    return tuple(
        field
        for ours, theirs in names.items()
        for field in (under(theirs, BILL_TO) if ours == "bill_to" else (theirs,))
    )


def account_party(row: Mapping[str, Json] | None) -> Party | None:
    """A business account, or a person account where the org has them (``IsPersonAccount`` was selected)."""
    if row is None:
        return None
    return Party(
        source_id=row["Id"],
        sobject="Account",
        name=row["Name"],
        email=row.get("PersonEmail"),
        phone=row.get("Phone"),
        street=row.get("BillingStreet"),
        city=row.get("BillingCity"),
        state=row.get("BillingState"),
        postal_code=row.get("BillingPostalCode"),
        country=row.get("BillingCountryCode") or row.get("BillingCountry"),
        owner_id=owner(row),
    )


def contact_party(row: Mapping[str, Json]) -> Party:
    """A contact who is billed in person."""
    return Party(
        source_id=row["Id"],
        sobject="Contact",
        name=row["Name"],
        email=row.get("Email"),
        phone=row.get("Phone"),
        street=row.get("MailingStreet"),
        city=row.get("MailingCity"),
        state=row.get("MailingState"),
        postal_code=row.get("MailingPostalCode"),
        country=row.get("MailingCountryCode") or row.get("MailingCountry"),
        owner_id=owner(row),
    )


def bill_to(row: Mapping[str, Json] | None, why: str) -> tuple[BillTo, ...]:
    """A candidate from a contact row, none where it is absent."""
    return () if row is None else (BillTo(row["Id"], row["Name"], row.get("Email"), why),)


def person(party: Party | None) -> tuple[BillTo, ...]:
    """The person account itself as the last candidate."""
    return () if party is None or party.email is None else (BillTo(None, party.name, party.email, "person account"),)


def decimal(value: Json) -> Decimal | None:
    """A JSON number as Decimal (the connector parses numbers without floats)."""
    return None if value is None else Decimal(str(value))


def line(row: Mapping[str, Json]) -> SourceLine:
    """One product line; TotalPrice is the truth of what it costs."""
    quantity, unit = decimal(row["Quantity"]) or Decimal(0), decimal(row["UnitPrice"]) or Decimal(0)
    total = decimal(row.get("TotalPrice"))
    return SourceLine(
        source_id=row["Id"],
        name=at(row, "Product2.Name") or row.get("Description") or "Item",
        description=row.get("Description"),
        quantity=quantity,
        unit_price=unit,
        total=quantity * unit if total is None else total,
        discount_percent=decimal(row.get("Discount")),
    )
