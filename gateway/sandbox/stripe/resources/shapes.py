"""Parameter shapes and members that several objects share."""

from typing import Any

from gateway.sandbox.stripe.params import COUNTRY, Hash, Items, Text, Whole
from gateway.sandbox.stripe.tables import Row

ADDRESS_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")


def address(*, clear: bool = True) -> Hash:
    table = {name: Text(clear=True) for name in ADDRESS_FIELDS if name != "country"}
    return Hash({**table, "country": COUNTRY}, clear=clear)


def shipping(*, clear: bool = True) -> Hash:
    return Hash({"address!": address(clear=False), "name!": Text(), "phone": Text(clear=True)}, clear=clear)


def custom_fields() -> Items:
    return Items(Hash({"name!": Text(max=40), "value!": Text(max=140)}), max=4, clear=True)


def discounts() -> Items:
    return Items(Hash({"coupon": Text(), "discount": Text()}), max=20, clear=True)


def whole_address(given: Row | None) -> Row | None:
    """Stripe answers with every member of an address."""
    if given is None:
        return None
    return {name: given.get(name) for name in ADDRESS_FIELDS}


def whole_shipping(given: Row | None) -> Row | None:
    if given is None:
        return None
    return {"address": whole_address(given["address"]), "name": given["name"], "phone": given.get("phone")}


def picked(params: Row, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: params[name] for name in names if name in params}


PERIOD = Hash({"start!": Whole(min=0), "end!": Whole(min=0)})
