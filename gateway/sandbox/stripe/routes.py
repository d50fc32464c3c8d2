"""Endpoints and the calls that reach them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.params import Hash
from gateway.sandbox.stripe.tables import Row

if TYPE_CHECKING:
    from gateway.sandbox.stripe.world import StripeWorld


@dataclass(frozen=True)
class Call:
    """One request that passed the door: ``ids`` are the variable parts of its path."""

    world: "StripeWorld"
    ledger: Ledger
    ids: tuple[str, ...]
    params: dict[str, Any]

    @property
    def id(self) -> str:
        return self.ids[0]


Handler = Callable[[Call], Row]


@dataclass(frozen=True)
class Endpoint:
    """``path`` has ``{}`` for ids; ``scope`` is a restricted key's permission; ``answers``: the kind of object."""

    method: str
    path: str
    handler: Handler
    accepts: Hash
    scope: str
    answers: str
    write: bool = True


def get(path: str, handler: Handler, accepts: Hash, scope: str, answers: str) -> Endpoint:
    return Endpoint("GET", path, handler, accepts, scope, answers, write=False)


def post(path: str, handler: Handler, accepts: Hash, scope: str, answers: str, *, write: bool = True) -> Endpoint:
    return Endpoint("POST", path, handler, accepts, scope, answers, write)


def delete(path: str, handler: Handler, accepts: Hash, scope: str, answers: str) -> Endpoint:
    return Endpoint("DELETE", path, handler, accepts, scope, answers)


class Router:
    """A tree of path segments; static segments win over ids (``/invoices/search`` over ``/invoices/{}``)."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.root: dict[str, Any] = {}
        for endpoint in endpoints:
            node = self.root
            for segment in endpoint.path.strip("/").split("/"):
                node = node.setdefault(segment, {})
            node[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, tuple[str, ...]] | None:
        found = self._walk(self.root, path.strip("/").split("/"), ())
        if found is None or method not in found[0]:
            return None
        return found[0][method], found[1]

    def _walk(
        self, node: dict[str, Any], segments: list[str], ids: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[str, ...]] | None:
        for position, segment in enumerate(segments):
            if segment in node:
                node = node[segment]
            elif "{}" in node and segment:
                node, ids = node["{}"], (*ids, segment)
            else:
                return None
            if position == len(segments) - 1:
                return node, ids
        return None
