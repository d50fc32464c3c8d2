"""Who gets the invoice, and why: chosen, sent, or by the bill-to rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.actions import Context, RequestModel
from gateway.actions.customers import email
from gateway.errors import Rejected
from gateway.records import Json, Lookup, Step, StepKind
from gateway.sources import BillTo

NOBODY = "Nobody to send the invoice to: choose a contact, or add a contact role Billing with an e-mail address."


RECIPIENT = "recipient"  # steps of this name change whom Stripe mails to
MAILED_TO = "invoice.recipient"  # hole: whether Stripe has the recipient's address for the invoice


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    Who gets the invoice, and why; nobody yet in a preview that offers whom to choose. ``confirmed``: chosen by the
    caller, or shown and confirmed, so Stripe's customer is given this address if it has another one; where it is not,
    an invoice to another address is not made.
    """

    email: str | None
    why: str
    candidates: list[Json]
    confirmed: bool
    warnings: tuple[str, ...] = ()


def recipient(request: RequestModel, context: Context) -> Recipient:
    """The chosen contact, the address sent, or the first bill-to candidate; none = refused, in a preview offered."""
    source = context.source
    candidates = source.bill_to if source else ()
    shown: list[Json] = [
        {"contact_id": c.contact_id, "name": c.name, "email": c.email, "why": c.why}
        for c in (*candidates, *(source.contacts if source else ()))
    ]
    address, why = _address(request, context, candidates)
    if address is None and context.preview:
        return Recipient(None, "", shown, confirmed=True, warnings=(NOBODY,))
    if address is None:
        raise Rejected("no_recipient", NOBODY, field="recipient_email", http_status=200)
    confirmed, warnings = _address_at_stripe(request, context)
    return Recipient(email(address), why, shown, confirmed, warnings)


def _address(request: RequestModel, context: Context, candidates: tuple[BillTo, ...]) -> tuple[str | None, str]:
    chosen = _chosen(request.contact_id, candidates) if request.contact_id else None
    if request.recipient_email:
        return request.recipient_email, "sent with the request"
    if chosen is not None:
        if not chosen.email:
            raise Rejected(
                "no_email", f"{chosen.name} has no e-mail address: add one, or choose another contact.",
                field="contact_id", http_status=200,
            )  # fmt: skip
        return chosen.email, "chosen contact"
    first = next((c for c in candidates if c.email), None)
    if first is not None:
        return first.email, first.why
    party = context.party
    return (party.email, "address of the account") if party is not None and party.email else (None, "")


def _chosen(contact_id: str, candidates: tuple[BillTo, ...]) -> BillTo:
    found = next((c for c in candidates if c.contact_id == contact_id), None)
    if found is None:
        raise Rejected(
            "unknown_contact", "The contact belongs neither to the record nor to its account, or you may not see it.",
            field="contact_id",
        )  # fmt: skip
    return found


def _address_at_stripe(request: RequestModel, context: Context) -> tuple[bool, tuple[str, ...]]:
    customer = context.customer
    confirmed = bool(request.recipient_email or request.contact_id or request.preview_token or context.preview)
    if customer is None or customer.stripe_id is None or customer.same_recipient is not False:
        return confirmed, ()
    if not confirmed:
        raise Rejected(
            "recipient_differs",
            "Stripe has another address for this customer: confirm it in the preview or send recipient_email.",
            field="recipient_email", http_status=200,
        )  # fmt: skip
    return confirmed, ("The customer's address at Stripe is another one and will be changed to the recipient's.",)


def address_first(who: Recipient, context: Context) -> tuple[Step, ...]:
    """Where Stripe's customer is known to have another address or none: no invoice to mail is made without one."""
    customer = context.customer
    known = customer is not None and customer.stripe_id is not None and not customer.same_recipient
    return (_address_step(RECIPIENT, who),) if known else ()


def address_again(who: Recipient, undo: Mapping[str, str]) -> tuple[Step, ...]:
    """
    Before an invoice is finalized: Stripe mails to the customer's address, whoever changed it last. Left out by the
    draft's own word that it has the recipient's.
    """
    if not who.confirmed:
        return ()
    return (replace(_address_step(f"{RECIPIENT}_again", who), skip_if={MAILED_TO: ("same",)}, undo=undo),)


def _address_step(name: str, who: Recipient) -> Step:
    return Step(
        name, "POST", "/v1/customers/{customer}", {"email": who.email}, StepKind.STATE,
        lookup=Lookup("/v1/customers/{customer}", done_when={"email": (who.email,)}),
        saves={"customer": "id"}, compares={MAILED_TO: ("email", who.email)},
    )  # fmt: skip
