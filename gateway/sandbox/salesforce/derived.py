"""What standard objects work out by themselves: names, closed flags, line totals, and totals of their parents."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.sandbox.salesforce.errors import record_error
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.store import Record

CENT = Decimal("0.01")
# Line object -> (reference to its parent, parent object, total on the parent).
PARENTS = {
    "OpportunityLineItem": ("OpportunityId", "Opportunity", "Amount"),
    "OrderItem": ("OrderId", "Order", "TotalAmount"),
    "QuoteLineItem": ("QuoteId", "Quote", "TotalPrice"),
}


def money(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def person_name(_: Org, record: Record) -> None:
    record["Name"] = " ".join(part for part in (record.get("FirstName"), record.get("LastName")) if part)


def account(_: Org, record: Record) -> None:
    if record.get("LastName"):
        record["Name"] = " ".join(part for part in (record.get("FirstName"), record["LastName"]) if part)
        record["IsPersonAccount"] = True


def opportunity(_: Org, record: Record) -> None:
    stage = record.get("StageName") or ""
    record["IsClosed"], record["IsWon"] = stage.startswith("Closed"), stage == "Closed Won"


def case(org: Org, record: Record) -> None:
    record["IsClosed"] = record.get("Status") == "Closed"
    contact = org.store.get(record.get("ContactId") or "")
    record["ContactEmail"] = contact.get("Email") if contact else None


def task(_: Org, record: Record) -> None:
    record["IsClosed"] = record.get("Status") == "Completed"


def quote(org: Org, record: Record) -> None:
    opportunity_record = org.store.get(record["OpportunityId"]) or {}
    record["AccountId"] = opportunity_record.get("AccountId")
    total = sum((record.get(name) or Decimal(0) for name in ("TotalPrice", "Tax", "ShippingHandling")), Decimal(0))
    record["GrandTotal"] = money(total)


def pricebook_entry(org: Org, record: Record) -> None:
    product = org.store.get(record["Product2Id"]) or {}
    record["Name"], record["ProductCode"] = product.get("Name"), product.get("ProductCode")


def from_price_book(org: Org, record: Record) -> None:
    """A line takes product and list price from its price book entry."""
    entry = org.store.get(record.get("PricebookEntryId") or "")
    if entry:
        record["Product2Id"], record["ListPrice"] = entry["Product2Id"], entry["UnitPrice"]
        record["ProductCode"] = entry.get("ProductCode")
    if not record.get("Product2Id"):
        raise record_error(
            "REQUIRED_FIELD_MISSING", "Required fields are missing: [PricebookEntryId]", "PricebookEntryId"
        )


def line(org: Org, record: Record) -> None:
    """TotalPrice = Quantity x UnitPrice x (1 - Discount); a line may bring the total instead of the price."""
    from_price_book(org, record)
    quantity = record.get("Quantity") or Decimal(1)
    if record.get("UnitPrice") is None and record.get("TotalPrice") is not None:
        record["UnitPrice"] = money(record["TotalPrice"] / quantity)
    price = record.get("UnitPrice")
    if price is None:
        raise record_error("REQUIRED_FIELD_MISSING", "Required fields are missing: [UnitPrice]", "UnitPrice")
    record["Subtotal"] = money(quantity * price)
    record["TotalPrice"] = money(quantity * price * (1 - (record.get("Discount") or Decimal(0)) / 100))


def opportunity_line(org: Org, record: Record) -> None:
    line(org, record)
    parent, product = org.store.get(record["OpportunityId"]) or {}, org.store.get(record["Product2Id"]) or {}
    record["Name"] = f"{parent.get('Name')} {product.get('Name')}"[:376]


def roll_up(org: Org, sobject: str, record: Mapping[str, Any]) -> None:
    """The parent's total follows its lines."""
    reference, parent_name, total = PARENTS[sobject]
    parent = org.store.get(record[reference])
    if parent is None:
        return
    lines_of, store = org.schema.objects[sobject], org.store
    found = [store.get(line_id) or {} for line_id in store.find(lines_of, lines_of.fields[reference], parent["Id"])]
    changed = {**parent, total: money(sum((row.get("TotalPrice") or Decimal(0) for row in found), Decimal(0)))}
    if parent_name == "Opportunity":
        changed["HasOpportunityLineItem"] = bool(found)
    if parent_name == "Quote":
        changed["Subtotal"] = money(sum((row.get("Subtotal") or Decimal(0) for row in found), Decimal(0)))
        changed["LineItemCount"] = Decimal(len(found))
        quote(org, changed)
    store.put(org.schema.objects[parent_name], changed)


BEFORE: Mapping[str, Callable[[Org, Record], None]] = {
    "Account": account,
    "Contact": person_name,
    "User": person_name,
    "Opportunity": opportunity,
    "Case": case,
    "Task": task,
    "Quote": quote,
    "PricebookEntry": pricebook_entry,
    "OpportunityLineItem": opportunity_line,
    "OrderItem": line,
    "QuoteLineItem": line,
}


def before_save(org: Org, sobject: str, record: Record) -> None:
    if sobject in BEFORE:
        BEFORE[sobject](org, record)


def after_save(org: Org, sobject: str, record: Mapping[str, Any]) -> None:
    if sobject in PARENTS:
        roll_up(org, sobject, record)
