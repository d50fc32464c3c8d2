"""
What Salesforce should hold of Stripe's objects. One file = one Stripe object = one custom object.

A projection is a pure function of the object as it is now. Webhook, replay, backfill and the drift audit call the same
one, so neither the order of events nor their duplicates can matter. The registry is the folder itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from gateway.records import Json, SourceRef, Upsert


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A Stripe object as it is now, and what its row must be tied to.

    ``object`` is what a GET with the projection's ``expand`` answered, or ``{"id": …, "deleted": True}`` after a 404;
    ``lists`` holds the lists named in ``needs``. ``owner`` is the source record, ``owner_account`` and ``contact`` the
    account and person billed. ``links`` names rows of ours that are known to exist or travel with this one, as
    lookup field → Stripe_Key__c: a lookup by external id to a row that does not exist would refuse the whole write.
    ``customer_key`` is short for ``links["Stripe_Customer__c"]``. Dates are days in ``time_zone``.
    """

    entity: str
    livemode: bool
    object: Mapping[str, Json]
    lists: Mapping[str, Sequence[Mapping[str, Json]]] = field(default_factory=dict)
    owner: SourceRef | None = None
    owner_account: str | None = None
    contact: str | None = None
    customer_key: str | None = None
    origin: str = "live"
    time_zone: str = "UTC"
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """A list that must be read with the object; ``{id}`` stands for the object's id."""

    path: str
    params: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Projection:
    """
    How one kind of Stripe object reaches Salesforce.

    ``stripe`` is the object's name at Stripe, ``path`` where to read it with ``expand`` and the lists in ``needs``,
    ``events`` what tells that it may have changed.
    """

    stripe: str
    path: str
    sobject: str
    project: Callable[[Snapshot], Iterator[Upsert]]
    events: frozenset[str] = frozenset()
    expand: tuple[str, ...] = ()
    needs: Mapping[str, Need] = field(default_factory=dict)


@cache
def registry() -> Mapping[str, Projection]:
    """Every projection by the name of its Stripe object, found in this folder."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    found = (projection for module in modules for projection in getattr(module, "PROJECTIONS", ()))
    return {projection.stripe: projection for projection in found}


def project(stripe: str, snapshot: Snapshot) -> Iterator[Upsert]:
    """The rows Salesforce should hold for one object; ``stripe`` is the object's name, e.g. ``invoice``."""
    return registry()[stripe].project(snapshot)
