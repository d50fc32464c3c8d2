"""Composite: 25 requests, references between them, all or none."""

from typing import Any

from simple_salesforce import Salesforce

from tests.support.salesforce_org import World

BASE = "/services/data/v65.0"


def sub(reference: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    entry = {"referenceId": reference, "method": method, "url": f"{BASE}/{path}"}
    return entry if body is None else {**entry, "body": body}


def send(sf: Salesforce, *subs: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
    answer = sf.restful("composite", method="POST", json={"compositeRequest": list(subs), **members})
    found: list[dict[str, Any]] = answer["compositeResponse"]
    return found


def test_a_later_request_uses_an_earlier_answer(sf: Salesforce):
    account, contact, query, read = send(
        sf,
        sub("account", "POST", "sobjects/Account", {"Name": "Delta Rides"}),
        sub("contact", "POST", "sobjects/Contact", {"LastName": "Lu", "AccountId": "@{account.id}"}),
        sub("found", "GET", "query?q=SELECT+Id,Name+FROM+Contact+WHERE+LastName='Lu'"),
        sub("read", "GET", "sobjects/Contact/@{found.records[0].Id}?fields=Name,AccountId"),
    )

    assert [entry["httpStatusCode"] for entry in (account, contact, query, read)] == [201, 201, 200, 200]
    assert read["body"]["AccountId"] == account["body"]["id"]
    assert contact["referenceId"] == "contact"


def test_without_all_or_none_a_failure_stands_alone(sf: Salesforce, world: World):
    good, bad, also = send(
        sf,
        sub("good", "POST", "sobjects/Account", {"Name": "Good"}),
        sub("bad", "POST", "sobjects/Account", {"Name": "Bad", "Colour__c": "red"}),
        sub("also", "POST", "sobjects/Account", {"Name": "Also"}),
    )

    assert [entry["httpStatusCode"] for entry in (good, bad, also)] == [201, 400, 201]
    assert bad["body"][0]["errorCode"] == "INVALID_FIELD"
    assert {"Good", "Also"} <= {row["Name"] for row in world.objects("Account")}


def test_with_all_or_none_a_failure_undoes_everything(sf: Salesforce, world: World):
    good, bad, never = send(
        sf,
        sub("good", "POST", "sobjects/Account", {"Name": "Good"}),
        sub("bad", "POST", "sobjects/Account", {}),
        sub("never", "POST", "sobjects/Account", {"Name": "Never"}),
        allOrNone=True,
    )

    assert good["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert bad["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert never["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert not {"Good", "Never"} & {row["Name"] for row in world.objects("Account")}


def test_a_reference_to_a_failed_answer_fails(sf: Salesforce):
    _, contact = send(
        sf,
        sub("account", "POST", "sobjects/Account", {}),
        sub("contact", "POST", "sobjects/Contact", {"LastName": "Lu", "AccountId": "@{account.id}"}),
    )

    assert contact["httpStatusCode"] == 400
    assert "Invalid reference specified" in contact["body"][0]["message"]


def refusal(world: World, *subs: dict[str, Any]) -> str:
    answer = world.call("POST", "composite", {"compositeRequest": list(subs)})
    assert answer.status_code == 400
    code: str = answer.json()[0]["errorCode"]
    return code


def test_the_limits_of_a_composite(world: World):
    reads = [sub(f"r{n}", "GET", "limits") for n in range(26)]
    queries = [sub(f"q{n}", "GET", "query?q=SELECT+Id+FROM+Account") for n in range(6)]

    assert refusal(world, *reads) == "LIMIT_EXCEEDED"
    assert refusal(world, *queries) == "LIMIT_EXCEEDED"
    assert refusal(world, reads[0], reads[0]) == "INVALID_INPUT"
    assert refusal(world, {**reads[0], "referenceId": "a b"}) == "INVALID_INPUT"
    assert refusal(world, {"method": "GET"}) == "JSON_PARSER_ERROR"
    assert refusal(world, {**reads[0], "bodi": 1}) == "JSON_PARSER_ERROR"
    assert refusal(world) == "JSON_PARSER_ERROR"


def test_a_composite_is_one_call_of_the_daily_limit(sf: Salesforce, world: World):
    before = world.control("usage")["used"]

    send(sf, *(sub(f"r{n}", "GET", "limits") for n in range(20)))

    assert world.control("usage")["used"] == before + 1


def test_another_version_inside_is_not_found(sf: Salesforce):
    [answer] = send(sf, {"referenceId": "old", "method": "GET", "url": "/services/data/v40.0/limits"})

    assert answer["httpStatusCode"] == 404


def test_a_collection_may_stand_in_a_composite(sf: Salesforce):
    records = [{"attributes": {"type": "Account"}, "Name": "One"}, {"attributes": {"type": "Account"}}]

    [answer] = send(sf, sub("many", "POST", "composite/sobjects", {"records": records}))

    assert [row["success"] for row in answer["body"]] == [True, False]
