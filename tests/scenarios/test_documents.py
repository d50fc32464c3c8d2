"""The documents proven by replay: what they show as requests is taken, and what is answered is what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from starlette.routing import Route

from gateway import actions
from gateway.app import build
from gateway.config import load
from gateway.sandbox.wire import Server
from gateway.web import external_services, openapi
from tests.scenarios.lab import QUICK, Lab
from tests.scenarios.test_http import Caller
from tests.support.documents import Held

NOBODYS = "act_01M8000000000000000000000A"


class Recorder(Caller):
    """A caller whose every answer is held against both documents."""

    def __init__(self, lab: Lab, url: str, routes: list[Any]) -> None:
        super().__init__(lab, url)
        self.routes = routes
        self.tools = Held(requests.get(f"{url}/openapi.json", timeout=30).json(), empty_members=True)
        flow = requests.get(f"{url}/openapi/external-services.json", timeout=30).json()
        self.flow = Held(flow, empty_members=False)

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        answer = super().__call__(method, path, body, **more)
        for document in (self.tools, self.flow):
            document.hold(method, path, answer)
        return answer


@pytest.fixture
def caller(sqlite_lab: Lab) -> Iterator[Recorder]:
    made = build(load(sqlite_lab.config_file, {}))
    made.tools.patience = QUICK
    with Server(made.app) as server:
        app: Any = made.app._app
        yield Recorder(sqlite_lab, server.url, app.routes)


@pytest.mark.plain
def test_the_documents_need_no_token_and_are_made_once(caller: Recorder) -> None:
    first, second = (requests.get(f"{caller.url}/openapi.json", timeout=30) for _ in range(2))
    flow = requests.get(f"{caller.url}/openapi/external-services.json", timeout=30)

    assert first.content == second.content
    assert first.json() == openapi.document()
    assert flow.json() == external_services.document()
    assert first.headers["Cache-Control"] == "max-age=300"


@pytest.mark.plain
def test_every_route_is_documented_and_every_documented_path_is_a_route(caller: Recorder) -> None:
    names = actions.registry()
    served: set[tuple[str, str]] = set()
    for route in caller.routes:
        assert isinstance(route, Route)
        methods = {method.lower() for method in route.methods or ()} - {"head"}
        for method in methods:
            by_name = "{name}" in route.path and method == "post"
            served |= {(method, route.path.replace("{name}", name)) for name in names} if by_name else set()
            served |= {(method, route.path.replace("{name}", "{action_id}"))} if not by_name else set()
    documented = {(method, path) for path, item in openapi.document()["paths"].items() for method in item}

    assert served - {("get", "/")} == documented  # the signpost for browsers is no part of the interface


def test_every_example_is_taken_as_it_is_and_every_answer_is_as_documented(caller: Recorder) -> None:
    lab = caller.lab
    made = caller("POST", "/v1/actions/send-invoice", {"record_id": lab.fleet}, Idempotency_Key="paid").json()
    [invoice] = [each for each in lab.objects("invoice") if each["id"] == made["stripe_id"]]
    lab.pay(invoice)
    [payment] = lab.objects("payment_intent")
    real = {"001": lab.account, "006": lab.opportunities["Velo Verde spare wheels"], "500": lab.fleet}

    for action in actions.registry().values():
        for example in action.request.examples:
            body = {**example, "record_id": real[str(example["record_id"])[:3]]}
            body |= {"payment_intent": payment["id"]} if "payment_intent" in body else {}
            shown = caller("POST", f"/v1/actions/{action.name}/preview", body)
            done = caller("POST", f"/v1/actions/{action.name}", body)
            assert (shown.status_code, done.status_code) == (200, 200), (shown.text, done.text)
            assert done.json()["success"] or done.json()["error_code"] == "invoice_already_open", done.text

    caller("GET", f"/v1/actions/{made['action_id']}/trace")
    assert {name for name, _ in caller.tools.seen} >= {
        *(external_services.identifier(name) for name in actions.registry()),
        *(external_services.identifier("preview", name) for name in actions.registry()),
    }


def test_every_kind_of_answer_is_as_documented(caller: Recorder) -> None:
    path, body = "/v1/actions/send-invoice", {"record_id": caller.lab.fleet}
    later = caller("POST", path, {**body, "request_key": "k"}, Prefer="respond-async").json()
    caller("GET", f"/v1/actions/{later['action_id']}")
    caller("GET", "/v1/actions?request_key=k")
    caller("GET", "/v1/actions?request_key=another")
    caller("GET", f"/v1/actions/{NOBODYS}")
    caller("GET", "/v1/actions/nonsense")
    caller("POST", path, {**body, "currency": "EUR", "lines": [{"description": "x", "amount": "0.10"}]})
    caller("POST", f"{path}/preview", {**body, "due_date": "2020-01-01"})
    caller("POST", path, {**body, "colour": 1})
    caller("POST", path, body, Authorization="Bearer nonsense")
    caller("POST", path, body, Content_Type="text/xml")
    caller("POST", "/v1/actions/refund-payment", {**body, "request_key": "r"}, sub="gateway-automation")
    caller("POST", "/v1/outbox/pull", {})
    assert caller("POST", "/v1/outbox/pull").status_code == 202
    for place in ("/livez", "/readyz", "/metrics", "/openapi.json", "/openapi/external-services.json"):
        caller("GET", place)

    assert caller.tools.seen >= {
        ("sendInvoice", status) for status in ("200", "202", "401", "415", "422")
    } | {
        ("readAction", "200"), ("readAction", "404"), ("readAction", "422"), ("findAction", "200"),
        ("findAction", "404"), ("previewSendInvoice", "200"), ("pullOutbox", "202"), ("refundPayment", "403"),
        ("checkAlive", "200"), ("checkReady", "200"), ("readMetrics", "200"), ("readDocument", "200"),
        ("readExternalServices", "200"),
    }  # fmt: skip
    assert {name for name, _ in caller.flow.seen} >= {"sendInvoice", "readAction", "findAction", "pullOutbox"}
