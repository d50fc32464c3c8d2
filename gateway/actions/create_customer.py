"""create-customer: the Stripe customer of an Account, Contact or person account, made once and kept up to date."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from gateway.actions import Action, Context, Reads, Request
from gateway.actions.customers import create_step, email, params, update_step
from gateway.errors import Rejected
from gateway.records import Json, Plan


class CreateCustomer(Request):
    """Members of create-customer: what is not sent is read from the record."""

    recipient_email: str | None = Field(None, description="Where invoices go; default: the record's own address")
    tax_id_type: str | None = Field(None, pattern=r"^[a-z]{2}_[a-z]{2,10}$", description="Stripe's type, e.g. eu_vat")
    tax_id_value: str | None = Field(None, max_length=40)


def check(request: CreateCustomer) -> None:
    """An address must look like one; a tax id needs both members."""
    email(request.recipient_email)
    if (request.tax_id_type is None) != (request.tax_id_value is None):
        raise Rejected("invalid_tax_id", "Send tax_id_type and tax_id_value together.", field="tax_id_type")


def plan(request: CreateCustomer, context: Context) -> Plan:
    """Create when the source has none at this entity, update where it has."""
    party = context.party
    if party is None:
        raise Rejected("no_account", "The record has no account to bill. Fill it in and try again.", http_status=200)
    told = params(party, email(request.recipient_email) or _first_address(context))
    known = context.customer.stripe_id if context.customer else None
    tax_ids = [{"type": request.tax_id_type, "value": request.tax_id_value}] if request.tax_id_type else None
    step = update_step(told) if known else create_step(context, told, tax_ids)
    return Plan(
        action=ACTION.name,
        entity=context.entity.name,
        steps=(step,),
        content={"entity": context.entity.name, "source": party.source_id, "told": told, "tax_ids": tax_ids},
        summary={"customer": party.name, "recipient": told.get("email"), "warnings": _warnings(told)},
        result="customer",
        holes={"customer": known} if known else {},
    )


def _first_address(context: Context) -> str | None:
    candidates = context.source.bill_to if context.source else ()
    return candidates[0].email if candidates else None


def _warnings(told: dict[str, Json]) -> list[Json]:
    return [] if told.get("email") else ["No e-mail address: Stripe cannot send invoices to this customer yet."]


def for_invoice(context: Context, address: str | None) -> Plan:
    """The customer another action waits for, from the party it has read."""
    request = CreateCustomer(record_id=context.ref.record_id, recipient_email=address)
    return plan(request, replace(context, customer=None))


ACTION = Action(
    name="create-customer",
    label="Create Stripe customer",
    request=CreateCustomer,
    reads=lambda request: Reads(),
    check=check,
    plan=plan,
    stripe="customer",
    sobjects=("Account", "Contact", "Opportunity", "Order", "Quote", "Case"),
    result={"stripe_id": "id"},
    columns={"Recipient_Email__c": "recipient_email"},
    done="The customer is at Stripe.",
)
