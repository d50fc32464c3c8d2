"""Customers: one ``Stripe_Customer__c`` per Stripe customer, the only link to an account or contact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.projections import Projection, Snapshot, rows
from gateway.projections.values import OTHER, amount, at, choice, currency_code, cut, moment, texts
from gateway.records import Json, Upsert

SOBJECT = "Stripe_Customer__c"
ACTIVE = "Active"
TAX_EXEMPT = {"none": "None", "exempt": "Exempt", "reverse": "Reverse"}
PICKLISTS = rows.PICKLISTS | {"Status__c": (ACTIVE, rows.DELETED), "Tax_Exempt__c": (*TAX_EXEMPT.values(), OTHER)}
TEXTS = {
    "Email__c": ("email", 255),
    "Phone__c": ("phone", 40),
    "Tax_Exempt_Raw__c": ("tax_exempt", 80),
    "Description__c": ("description", 255),
}
LENGTHS = {"Address__c": 255, "Tax_Ids__c": 255, "Preferred_Language__c": 40, "Country__c": 2}
ADDRESS = ("line1", "line2", "postal_code", "city", "state", "country")
# A customer belongs to an account or a person, whatever record it was first billed for.
NOT_OURS = {lookup for sobject, lookup in rows.LOOKUPS.items() if sobject not in {"Account", "Contact"}}


def project(snapshot: Snapshot) -> Iterator[Upsert]:
    """A deleted customer keeps its row: invoices still point to it."""
    customer = snapshot.object
    if rows.gone(snapshot):
        yield _row(snapshot, None, {"Status__c": rows.DELETED, "Is_Primary__c": False})
        return
    currency = customer.get("currency")
    address = customer.get("address") or {}
    fields = {
        **texts(customer, TEXTS),
        "Status__c": ACTIVE,
        "Is_Primary__c": at(customer, "metadata.gw_primary") != "false",
        "Address__c": cut(
            ", ".join(str(address[part]) for part in ADDRESS if address.get(part)), LENGTHS["Address__c"]
        ),
        "Country__c": cut(address.get("country"), LENGTHS["Country__c"]),
        "Tax_Exempt__c": choice(TAX_EXEMPT, customer.get("tax_exempt")),
        "Currency_Code__c": currency_code(currency),
        "Balance__c": amount(customer.get("balance"), currency),
        "Delinquent__c": bool(customer.get("delinquent")),
        "Preferred_Language__c": cut(
            ", ".join(customer.get("preferred_locales") or ()), LENGTHS["Preferred_Language__c"]
        ),
        "Stripe_Created_At__c": moment(customer.get("created")),
    }
    if customer.get("tax_ids"):  # Stripe leaves them out unless asked: that is not the same as having none
        fields["Tax_Ids__c"] = cut(_tax_ids(customer), LENGTHS["Tax_Ids__c"])
    yield _row(snapshot, customer.get("name") or customer["id"], fields)


def _row(snapshot: Snapshot, name: Json, fields: dict[str, Json]) -> Upsert:
    made = rows.row(snapshot, SOBJECT, name, fields)
    return replace(made, fields={k: v for k, v in made.fields.items() if k not in NOT_OURS})


def _tax_ids(customer: Json) -> str:
    return ", ".join(f"{tax['type']} {tax['value']}" for tax in at(customer, "tax_ids.data") or ())


PROJECTIONS = (
    Projection(
        stripe="customer",
        path="/v1/customers/{id}",
        sobject=SOBJECT,
        project=project,
        events=frozenset({"customer.created", "customer.updated", "customer.deleted"}),
        expand=("tax_ids",),
    ),
)
