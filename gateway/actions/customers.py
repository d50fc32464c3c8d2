"""A Stripe customer from an Account, Contact or person account: parameters, step and plan content."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pycountry

from gateway.actions import Context, metadata
from gateway.errors import Rejected
from gateway.records import Json, Lookup, Step, StepKind, fingerprint
from gateway.sources import Party

_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\".]+(?:\.[^@\s,;<>\".]+)+", re.ASCII)
# Longest values Stripe takes: API reference, "Create a customer".
_NAME, _PHONE, _EMAIL_LENGTH = 256, 20, 512


def email(text: str | None, *, field: str = "recipient_email") -> str | None:
    """A plausible address in lower case domain form as given, or ``invalid_email``."""
    if text is None:
        return None
    if len(text) > _EMAIL_LENGTH or not _EMAIL.fullmatch(text):
        raise Rejected("invalid_email", "This is not an e-mail address Stripe can send to.", field=field)
    return text


def country(text: str | None) -> str | None:
    """ISO 3166 alpha-2 from a code or an English name (org text fields), or ``unknown_country``."""
    if not text:
        return None
    try:
        return str(pycountry.countries.lookup(text.strip()).alpha_2)
    except LookupError:
        raise Rejected(
            "unknown_country", f"The billing country is not one Stripe knows: {text[:60]}. Correct it on the record."
        ) from None


def params(party: Party, address: str | None) -> dict[str, Json]:
    """What Stripe is told of the party, absent members left out. A phone longer than Stripe's 20 is left out."""
    place = {
        "line1": party.street, "city": party.city, "state": party.state,
        "postal_code": party.postal_code, "country": country(party.country),
    }  # fmt: skip
    told: dict[str, Json] = {
        "name": party.name[:_NAME],
        "email": address or email(party.email, field="email"),
        "phone": party.phone if party.phone and len(party.phone) <= _PHONE else None,
        "address": {k: v for k, v in place.items() if v} or None,
    }
    return {k: v for k, v in told.items() if v is not None}


def content_hash(told: dict[str, Json]) -> str:
    """Fingerprint of what Stripe is told, to see whether an update is needed."""
    return fingerprint(told)


def create_step(context: Context, told: dict[str, Json], tax_ids: list[Json] | None = None) -> Step:
    """The step that makes the customer; found again by our metadata among the customers made since."""
    extra: dict[str, Json] = {"tax_id_data": tax_ids, "expand": ["tax_ids"]} if tax_ids else {}
    return Step(
        "customer",
        "POST",
        "/v1/customers",
        {**told, **extra, "metadata": metadata(context, "customer")},
        lookup=Lookup("/v1/customers", {}),
        saves={"customer": "id"},
    )


def tax_id_step(tax_id: dict[str, Json]) -> Step:
    """A customer that exists gets tax ids one by one; Stripe takes the same one twice, so it is looked for first."""
    path = "/v1/customers/{customer}/tax_ids"
    return Step("tax_id", "POST", path, tax_id, lookup=Lookup(path, match=tax_id), saves={"tax_id": "id"})


def has_tax_id(known: Sequence[tuple[str, str]], tax_id: dict[str, Json]) -> bool:
    """Whether the customer has it, however it is spaced and punctuated."""
    return any((kind, _bare(value)) == (tax_id["type"], _bare(tax_id["value"])) for kind, value in known)


def _bare(value: str) -> str:
    return "".join(char for char in value if char.isalnum()).casefold()


def update_step(told: dict[str, Json]) -> Step:
    """Tell Stripe what changed; repeating it is harmless, so nothing needs to be looked up."""
    return Step(
        "customer_update",
        "POST",
        "/v1/customers/{customer}",
        told,
        StepKind.STATE,
        saves={"customer": "id"},
    )
