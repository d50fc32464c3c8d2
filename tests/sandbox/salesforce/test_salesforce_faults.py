"""Faults on demand: of the wire, of the session, and of single records wherever they travel."""

import time
from typing import Any

import pytest
import requests

from tests.support.salesforce_org import World

BASE = "/services/data/v65.0"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


@pytest.fixture
def opportunity(world: World) -> str:
    found: str = world.record("Opportunity", "Velo Verde spare wheels")["Id"]
    return found


RECORD_FAULTS = {
    "lock_row": "UNABLE_TO_LOCK_ROW",
    "entity_locked": "ENTITY_IS_LOCKED",
    "trigger_failure": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "validation": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
}


@pytest.mark.parametrize(("kind", "error"), RECORD_FAULTS.items())
def test_a_record_fault_strikes_once_and_saves_nothing(world: World, opportunity: str, kind: str, error: str):
    world.fault(kind, match={"path": "*/sobjects/Opportunity/*"})

    first = world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"NextStep": "x"})
    second = world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"NextStep": "y"})

    assert code(first) == (400, error)
    assert second.status_code == 204


def test_a_record_fault_finds_its_record_inside_a_collection(world: World, opportunity: str):
    world.fault("entity_locked", match={"record": opportunity}, times=None)
    others = [row["Id"] for row in world.objects("Opportunity") if row["Id"] != opportunity]
    records = [{"attributes": {"type": "Opportunity"}, "id": one, "NextStep": "x"} for one in (*others, opportunity)]

    results = world.call("PATCH", "composite/sobjects", {"records": records}).json()

    assert [row["success"] for row in results] == [True] * len(others) + [False]
    assert results[-1]["errors"][0]["statusCode"] == "ENTITY_IS_LOCKED"


def test_a_record_fault_finds_its_record_inside_a_graph_by_external_id(world: World):
    world.fault("lock_row", match={"sobject": "Stripe_Invoice__c", "record": "us:in_2"})
    graphs = [
        {
            "graphId": f"g{n}",
            "compositeRequest": [
                {
                    "method": "PATCH",
                    "url": f"{BASE}/sobjects/Stripe_Invoice__c/Stripe_Key__c/us%3Ain_{n}",
                    "referenceId": "i",
                    "body": {"Stripe_Id__c": f"in_{n}", "Entity__c": "us"},
                }
            ],
        }
        for n in (1, 2, 3)
    ]

    answers = world.call("POST", "composite/graph", {"graphs": graphs}).json()["graphs"]

    assert [answer["isSuccessful"] for answer in answers] == [True, False, True]
    body = answers[1]["graphResponse"]["compositeResponse"][0]["body"]
    assert body[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"


def test_a_record_fault_can_wait_and_say_its_own_words(world: World, opportunity: str):
    world.fault("validation", match={"sobject": "Opportunity"}, after=1, extra={"message": "Ask Dora first."})

    answers = [world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"NextStep": "x"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [204, 400, 204]
    assert answers[1].json()[0]["message"] == "Ask Dora first."


def test_a_fault_for_another_record_stays_armed(world: World, opportunity: str):
    world.fault("lock_row", match={"sobject": "Account"})

    assert world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"NextStep": "x"}).status_code == 204
    assert len(requests.get(f"{world.url}/_control/faults", timeout=10).json()) == 1


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [("expired_session", 401, "INVALID_SESSION_ID"), ("request_limit", 403, "REQUEST_LIMIT_EXCEEDED")],
)
def test_a_request_fault_answers_before_anything_happens(world: World, kind: str, status: int, error: str):
    world.fault(kind, match={"method": "POST", "path": f"{BASE}/sobjects/*"})

    refused = world.call("POST", "sobjects/Account", {"Name": "Never"})

    assert code(refused) == (status, error)
    assert "Never" not in {row["Name"] for row in world.objects("Account")}


def test_an_answer_lost_after_the_commit_leaves_the_record(world: World):
    world.fault("drop_after", match={"path": f"{BASE}/sobjects/*"})

    with pytest.raises(requests.ConnectionError):
        world.call("POST", "sobjects/Account", {"Name": "Saved all the same"})

    assert "Saved all the same" in {row["Name"] for row in world.objects("Account")}


def test_a_request_lost_before_the_commit_leaves_nothing(world: World):
    world.fault("drop_before", match={"path": f"{BASE}/sobjects/*"})

    with pytest.raises(requests.ConnectionError):
        world.call("POST", "sobjects/Account", {"Name": "Never"})

    assert "Never" not in {row["Name"] for row in world.objects("Account")}


def test_an_outage_resets_connections_until_it_ends(world: World):
    token = world.control("login", {"user": "rep@northwind.example"})["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    world.control("outage", {"down": True})
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{world.base}/limits", headers=headers, timeout=10)
    world.control("outage", {"down": False})

    assert requests.get(f"{world.base}/limits", headers=headers, timeout=10).status_code == 200


def test_latency_is_added_to_every_call(world: World):
    world.control("latency", {"seconds": 0.05})
    started = time.monotonic()

    world.call("GET", "limits")

    assert time.monotonic() - started >= 0.05


def test_an_unknown_fault_is_refused(world: World):
    answer = requests.post(f"{world.url}/_control/faults", json={"kind": "gremlin"}, timeout=10)

    assert answer.status_code == 400
    assert "lock_row" in answer.text


def test_the_log_of_requests_shows_bodies_but_no_tokens(world: World):
    world.call("POST", "sobjects/Account", {"Name": "Logged"})

    entry = requests.get(f"{world.url}/_control/requests", timeout=10).json()[-1]

    assert (entry["method"], entry["status"], entry["params"]) == ("POST", 201, {"Name": "Logged"})
    assert "authorization" not in entry["headers"]


def test_an_unknown_object_of_the_control_api_is_404(world: World):
    assert requests.get(f"{world.url}/_control/objects/Unicorn", timeout=10).status_code == 404
