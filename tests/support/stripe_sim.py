"""The Stripe simulator in a thread, and short ways to talk to it over HTTP as a program, a tester or a person would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from gateway.sandbox.stripe import StripeWorld, create_app
from gateway.sandbox.wire import Server

KEY = "sk_test_sandbox"
LIVE_KEY = "sk_live_sandbox"
READER = "rk_test_reader"
OTHER_KEY = "sk_test_other"
ORGANIZATION_KEY = "sk_org_test_sandbox"
ACCOUNTS: list[dict[str, Any]] = [
    {
        "id": "acct_main",
        "keys": [
            KEY,
            LIVE_KEY,
            ORGANIZATION_KEY,
            {"key": READER, "scopes": ["rak_invoice_read", "rak_customer_write"]},
        ],
        "connected": ["acct_other"],
    },
    {"id": "acct_other", "keys": [OTHER_KEY], "currency": "usd", "country": "US"},
]


def encoded(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested parameters the way Stripe's libraries send them."""
    if isinstance(value, dict):
        pairs = [encoded(child, f"{name}[{key}]" if name else str(key)) for key, child in value.items()]
    elif isinstance(value, list):
        pairs = [encoded(child, f"{name}[{position}]") for position, child in enumerate(value)]
    else:
        return [(name, str(value).lower() if isinstance(value, bool) else str(value))]
    return [pair for group in pairs for pair in group]


@dataclass(frozen=True)
class Reply:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["error"]
        return found

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"


@dataclass
class StripeSim:
    """``ok`` answers with the object and fails the test otherwise; ``call`` hands back whatever came."""

    url: str
    world: StripeWorld
    session: requests.Session = field(default_factory=requests.Session)

    def call(
        self, method: str, path: str, params: dict[str, Any] | None = None, *, key: str | None = None, **headers: Any
    ) -> Reply:
        sent = {"Authorization": f"Bearer {headers.pop('api_key', KEY)}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["Idempotency-Key"] = key
        pairs = encoded(params or {})
        body: dict[str, Any] = {"data": pairs} if method == "POST" else {"params": pairs}
        answer = self.session.request(method, f"{self.url}{path}", headers=sent, timeout=30, **body)
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status_code, answer.json(), names)

    def ok(self, method: str, path: str, params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        reply = self.call(method, path, params, **more)
        assert reply.status == 200, reply.body
        return reply.body

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self.ok("GET", path, params)

    def post(self, path: str, **params: Any) -> dict[str, Any]:
        return self.ok("POST", path, params)

    def refused(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        """The error of a call that must not succeed, with its status."""
        reply = self.call(method, path, params)
        assert reply.status >= 400, reply.body
        return {**reply.error, "status": reply.status}

    def control(self, path: str, method: str = "POST", **body: Any) -> Any:
        answer = self.session.request(method, f"{self.url}/_control{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind: str, path: str = "/v1/*", method: str = "POST", **more: Any) -> None:
        self.control("/faults", match={"method": method, "path": path}, kind=kind, **more)

    def objects(self, kind: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.control(f"/objects/{kind}", "GET")
        return rows

    def customer(self, **fields: Any) -> dict[str, Any]:
        return self.post("/v1/customers", **{"name": "Acme GmbH", "email": "ap@acme.example", **fields})

    def draft(self, *amounts: int, **fields: Any) -> dict[str, Any]:
        """A draft that is to be sent, with one line an amount."""
        customer = fields.pop("customer", None) or self.customer()["id"]
        terms = {"currency": "eur", "collection_method": "send_invoice", "days_until_due": 30}
        invoice = self.post("/v1/invoices", customer=customer, **{**terms, **fields})
        if not amounts:
            return invoice
        lines = [{"amount": amount, "description": f"Line {i}"} for i, amount in enumerate(amounts)]
        return self.post(f"/v1/invoices/{invoice['id']}/add_lines", lines=lines)

    def open_invoice(self, *amounts: int, **fields: Any) -> dict[str, Any]:
        return self.post(f"/v1/invoices/{self.draft(*amounts, **fields)['id']}/finalize")

    def charge(self, amount: int = 10_000, card: str = "pm_card_visa") -> dict[str, Any]:
        """A succeeded charge, made by paying an invoice."""
        invoice = self.open_invoice(amount)
        self.post(f"/v1/invoices/{invoice['id']}/pay", payment_method=card)
        made: dict[str, Any] = self.get("/v1/charges", customer=invoice["customer"])["data"][0]
        return made

    def page(self, path: str, **form: str) -> requests.Response:
        """As a browser: a POST when there is a form, redirects followed."""
        if form:
            return self.session.post(f"{self.url}{path}", data=form, timeout=30)
        return self.session.get(f"{self.url}{path}", timeout=30)


@contextmanager
def stripe_sim(accounts: list[dict[str, Any]] | None = None) -> Iterator[StripeSim]:
    world = StripeWorld.of(accounts or ACCOUNTS)
    with Server(create_app(world)) as server, requests.Session() as session:
        world.public_url = server.url
        yield StripeSim(server.url, world, session)
