"""create-customer: the Stripe customer of an Account, Contact or person account, made once and kept up to date."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from gateway.actions import Action, Context, NeedsSource, Reads, Request
from gateway.actions.customers import create_step, email, has_tax_id, params, tax_id_step, update_step
from gateway.errors import Rejected
from gateway.records import Json, Plan, Step
from gateway.sources import Party


class CreateCustomer(Request):
    """Members of create-customer: what is not sent is read from the record."""

    examples = (
        {"record_id": "0015g00000AbCdEAAV"},
        {"record_id": "0015g00000AbCdEAAV", "recipient_email": "accounts@example.com", "tax_id_type": "eu_vat",
         "tax_id_value": "DE123456789"},
    )  # fmt: skip

    recipient_email: str | None = Field(None, description="Where invoices go; default: the record's own address")
    tax_id_type: str | None = Field(None, pattern=r"^[a-z]{2}_[a-z]{2,10}$", description="Stripe's type, e.g. eu_vat")
    tax_id_value: str | None = Field(None, max_length=40, description="The number itself; needs tax_id_type")


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
    tax_ids = _new_tax_ids(request, context, known)
    return Plan(
        action=ACTION.name,
        entity=context.entity.name,
        steps=_changes(told, tax_ids) if known else (create_step(context, told, tax_ids),),
        content={"entity": context.entity.name, "source": party.source_id, "told": told, "tax_ids": tax_ids},
        summary={"customer": party.name, "recipient": told.get("email"), "warnings": _warnings(party, told)},
        result="customer",
        holes={"customer": known} if known else {},
    )


def _new_tax_ids(request: CreateCustomer, context: Context, known: str | None) -> list[Json]:
    if request.tax_id_type is None:
        return []
    tax_id = {"type": request.tax_id_type, "value": request.tax_id_value}
    if known is None:
        return [tax_id]
    if known not in context.tax_ids:
        raise NeedsSource  # the customer was made while the record was read: look at its tax ids first
    return [] if has_tax_id(context.tax_ids[known], tax_id) else [tax_id]


def _changes(told: dict[str, Json], tax_ids: list[Json]) -> tuple[Step, ...]:
    """Tax ids first: one that Stripe does not accept leaves the customer as it was."""
    update = update_step({**told, "expand": ["tax_ids"]} if tax_ids else told)
    return (*map(tax_id_step, tax_ids), update)


def _first_address(context: Context) -> str | None:
    candidates = context.source.bill_to if context.source else ()
    return next((one.email for one in candidates if one.email), None)


def _warnings(party: Party, told: dict[str, Json]) -> list[Json]:
    found: list[Json] = []
    if not told.get("email"):
        found.append("No e-mail address: Stripe cannot send invoices to this customer yet.")
    if party.phone and "phone" not in told:
        found.append("The phone number is longer than Stripe takes and is left out.")
    return found


def for_invoice(context: Context, address: str | None) -> Plan:
    """The customer another action waits for, from the party it has read."""
    request = CreateCustomer(record_id=context.ref.record_id, recipient_email=address)
    return plan(request, replace(context, customer=None))


ACTION = Action(
    name="create-customer",
    label="Create Stripe customer",
    request=CreateCustomer,
    reads=lambda request: Reads(tax_ids=request.tax_id_type is not None),
    check=check,
    plan=plan,
    stripe="customer",
    sobjects=("Account", "Contact", "Opportunity", "Order", "Quote", "Case"),
    result={"stripe_id": "id"},
    columns={"Recipient_Email__c": "recipient_email"},
    done="The customer is at Stripe.",
)
