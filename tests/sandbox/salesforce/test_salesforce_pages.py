"""The screens, and the buttons that call the gateway the way Apex does."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.sandbox.salesforce.world import BadWorldError, SalesforceWorld
from gateway.sandbox.wire import Server
from tests.support.salesforce_org import USERS, Maker, World, full, keys, world_json

ENVELOPE = {
    "success": True,
    "status": "succeeded",
    "user_message": "Invoice N-1 was sent to <accounts@harborcycles.example>.",
    "url": "https://invoice.example/i/1",
    "stripe_id": "in_1",
}


class Gateway:
    """Records what arrives and answers with an envelope."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.answer: Response = JSONResponse(ENVELOPE)
        self.server = Server(Starlette(routes=[Route("/v1/actions/{name}", self.act, methods=["POST"])]))

    async def act(self, request: Request) -> Response:
        headers = dict(request.headers)
        self.seen.append({"name": request.path_params["name"], "headers": headers, "body": await request.json()})
        return self.answer


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    with found.server:
        yield found


@pytest.fixture
def connected(make_world: Maker, gateway: Gateway) -> World:
    signing = {"private_key": keys()[0], "kid": "Stripe_Gateway_2026"}
    return make_world(signing=signing, gateway_url=gateway.server.url)


def page(world: World, sobject: str = "Opportunity", name: str = "Harbor Cycles fleet renewal") -> str:
    record = world.record(sobject, name)["Id"]
    answer = requests.get(f"{world.url}/lightning/r/{sobject}/{record}/view", timeout=10)
    assert answer.status_code == 200
    return answer.text


def press(world: World, action: str, **form: str) -> str:
    """Press the button of the rendered page: its address, its hidden key."""
    html = page(world)
    [(target, key)] = re.findall(
        rf'action="([^"]+/action/{action})">\s*<input type="hidden" name="request_key" value="([^"]+)"', html
    )
    return requests.post(f"{world.url}{target}", data={"request_key": key, **form}, timeout=20).text


def test_the_front_page_lists_the_records(world: World):
    html = requests.get(world.url, timeout=10).text

    assert "Harbor Cycles fleet renewal" in html
    assert "<script" not in html


def test_a_record_page_shows_fields_parents_children_and_buttons(world: World):
    html = page(world)

    assert "21,528.00" in html
    assert ">Harbor Cycles Inc.</a>" in html
    assert "Opportunity Products" in html
    assert all(label in html for label in ("Send invoice", "Create payment link", "Refund"))


OTHERS = [
    ("Account", "Velo Verde GmbH"),
    ("Case", "Wheel arrived bent"),
    ("Quote", "Velo Verde workshop quote"),
    ("Contact", "Ada Okafor"),
]


@pytest.mark.parametrize(("sobject", "name"), OTHERS)
def test_other_objects_have_pages_too(world: World, sobject: str, name: str):
    assert name in page(world, sobject, name)


def test_our_records_appear_beside_their_source(world: World):
    opportunity = world.record("Opportunity", "Harbor Cycles fleet renewal")["Id"]
    invoice = {
        "Stripe_Id__c": "in_1",
        "Entity__c": "us",
        "Name": "N-1",
        "Opportunity__c": opportunity,
        "Hosted_Url__c": "https://pay.example/1",
    }
    made = world.call("PATCH", "sobjects/Stripe_Invoice__c/Stripe_Key__c/us%3Ain_1", invoice).json()["id"]
    world.call(
        "PATCH", f"sobjects/Opportunity/{opportunity}", {"Stripe_Status__c": "Paid", "Stripe_Invoice_Number__c": "N-1"}
    )

    html = page(world)

    assert f"/lightning/r/Stripe_Invoice__c/{made}/view" in html
    assert "<h2>Stripe</h2>" in html
    child = requests.get(f"{world.url}/lightning/r/Stripe_Invoice__c/{made}/view", timeout=10).text
    assert 'href="https://pay.example/1"' in child


def test_the_button_calls_the_gateway_as_apex_does(connected: World, gateway: Gateway):
    html = press(connected, "send-invoice", user=full(USERS[1]["id"]))

    [call] = gateway.seen
    record = connected.record("Opportunity", "Harbor Cycles fleet renewal")["Id"]
    assert call["name"] == "send-invoice"
    assert call["body"] == {"record_id": record, "object": "Opportunity"}
    assert call["headers"]["x-salesforce-org-id"] == full("00DWs0000000001")
    assert call["headers"]["x-salesforce-sandbox"] == "true"
    assert re.fullmatch(r"[0-9a-f-]{36}", call["headers"]["idempotency-key"])
    assert "Invoice N-1 was sent to &lt;accounts@harborcycles.example&gt;." in html
    assert 'href="https://invoice.example/i/1"' in html


def test_the_token_looks_like_salesforces(connected: World, gateway: Gateway):
    press(connected, "send-invoice", user=full(USERS[1]["id"]))

    token = gateway.seen[0]["headers"]["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, keys()[1], algorithms=["RS256"], audience="stripe-gateway")
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": "Stripe_Gateway_2026"}
    assert set(claims) == {"iss", "sub", "aud", "iat", "nbf", "exp"}
    assert isinstance(jwt.decode(token, options={"verify_signature": False})["exp"], str)
    assert claims["iss"] == full("00DWs0000000001")
    assert full(claims["sub"][:15]) == full(USERS[1]["id"])


def test_form_members_travel_and_empty_ones_do_not(connected: World, gateway: Gateway):
    press(connected, "refund-payment", amount="12.50", reason="")

    assert gateway.seen[0]["body"]["amount"] == "12.50"
    assert "reason" not in gateway.seen[0]["body"]


def test_the_same_rendered_button_sends_the_same_key(connected: World, gateway: Gateway):
    html = page(connected)
    [(target, key)] = re.findall(
        r'action="([^"]+send-invoice)">\s*<input type="hidden" name="request_key" value="([^"]+)"', html
    )

    for _ in range(2):
        requests.post(f"{connected.url}{target}", data={"request_key": key}, timeout=20)

    first, second = (call["headers"]["idempotency-key"] for call in gateway.seen)
    assert first == second == key


def test_a_gateway_that_does_not_answer_is_said_so(connected: World, gateway: Gateway):
    gateway.server.stop()

    assert "The gateway did not answer" in press(connected, "send-invoice")


def test_an_answer_that_cannot_be_read_is_said_so(connected: World, gateway: Gateway):
    gateway.answer = PlainTextResponse("<h1>Bad gateway</h1>", 502)

    assert "could not be read" in press(connected, "send-invoice")


def test_an_org_without_a_gateway_says_so(world: World):
    assert "not connected to a gateway" in press(world, "send-invoice")


def test_a_flow_of_the_org_calls_the_gateway_on_every_save(make_world: Maker, gateway: Gateway):
    signing = {"private_key": keys()[0]}
    profile = {"flows": {"Account": "sync-status"}, "flow_calls": True}
    world = make_world(signing=signing, gateway_url=gateway.server.url, profile=profile)
    account = world.record("Account", "Velo Verde GmbH")["Id"]

    for number in range(3):
        world.call("PATCH", f"sobjects/Account/{account}", {"Phone": str(number)})
    while len(gateway.seen) < 3:
        requests.get(world.url, timeout=10)

    assert {call["name"] for call in gateway.seen} == {"sync-status"}
    assert len({call["headers"]["idempotency-key"] for call in gateway.seen}) == 3
    assert world.objects("Stripe_Action__c") == []


@pytest.mark.parametrize(
    "path", ["/lightning/r/Opportunity/006Ws0000000999/view", "/lightning/r/Unicorn/x/view", "/nothing"]
)
def test_a_page_that_does_not_exist_is_404(world: World, path: str):
    assert requests.get(f"{world.url}{path}", timeout=10).status_code == 404


def test_the_stylesheet_is_served(world: World):
    assert requests.get(f"{world.url}/static/style.css", timeout=10).headers["content-type"].startswith("text/css")


def test_it_runs_as_a_program(tmp_path: Path):
    config = tmp_path / "world.json"
    config.write_text(json.dumps(world_json()))
    command = [sys.executable, "-m", "gateway.sandbox.salesforce", "--port", "0", "--config", str(config)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, url = process.stdout.readline().split()
        status = requests.get(f"{url}/services/data", timeout=10).json()
        process.terminate()

    assert word == "ready"
    assert status[0]["version"] == "65.0"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"colour": "red"}, "colour"),
        ({"features": ["teleport"]}, "teleport"),
        ({"org_id": "00D"}, "00D"),
        ({"profile": "sunny"}, "sunny"),
        ({"users": [{"id": "005Ws000001Adm1"}]}, "username"),
    ],
)
def test_a_world_that_cannot_be_read_names_the_member(changes: dict[str, Any], problem: str):
    with pytest.raises(BadWorldError, match=problem):
        SalesforceWorld.from_json(world_json(**changes))


def test_a_contact_role_is_listed_by_the_name_of_its_contact(connected: World) -> None:
    shown = page(connected)

    related = shown[shown.index("Opportunity Contact Roles") :]
    assert "Ada Okafor" in related
    assert "00K" not in re.sub(r'href="[^"]*"', "", related)
