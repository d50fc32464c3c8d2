"""One REST call as a value, and its answer: the same for a request of its own and for a part of a composite."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.salesforce.errors import SalesforceError, malformed_json
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.permissions import Access
from gateway.sandbox.salesforce.saving import Writer
from gateway.sandbox.salesforce.schema import SObject
from gateway.sandbox.salesforce.world import SandboxUser


@dataclass(frozen=True)
class Answer:
    """``body`` None: no body at all (204)."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def no_dispatch(call: "Call") -> Answer:
    raise SalesforceError("NOT_FOUND", f"nothing answers {call.url}")


@dataclass(frozen=True)
class Call:
    """``path``: segments after ``/services/data/vXX.X``; ``headers`` in lower case."""

    org: Org
    user: SandboxUser
    method: str
    path: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    bulk: Counter[str] = field(default_factory=Counter)
    dispatch: Callable[["Call"], Answer] = field(repr=False, default=no_dispatch)

    @property
    def access(self) -> Access:
        return self.org.access(self.user)

    @property
    def url(self) -> str:
        return f"/services/data/v{self.org.world.api_version}/{'/'.join(self.path)}"

    def sobject(self, name: str) -> SObject:
        sobject = self.org.schema.find(name)
        if sobject is None or not self.access.can(sobject, "read"):
            raise SalesforceError("NOT_FOUND", "The requested resource does not exist")
        return sobject

    def record_body(self) -> Mapping[str, Any]:
        if not isinstance(self.body, dict):
            raise malformed_json("The HTTP entity body is required, but this request has no entity body.")
        return self.body

    def writer(self) -> Writer:
        auto_assign = self.headers.get("sforce-auto-assign", "true").strip().lower() != "false"
        return Writer(self.org, self.user, self.method, self.url, auto_assign=auto_assign, bulk=self.bulk)
