"""sObject Collections: up to 200 records in one call, each standing for itself unless all or none is asked."""

from typing import Any

import pytest
from simple_salesforce import Salesforce

from tests.support.salesforce_org import World


def row(sobject: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": sobject}, **fields}


def invoice(n: int, **fields: Any) -> dict[str, Any]:
    return row("Stripe_Invoice__c", Stripe_Key__c=f"us:in_{n}", Stripe_Id__c=f"in_{n}", Entity__c="us", **fields)


def test_two_hundred_records_are_updated_in_one_call(sf: Salesforce, world: World):
    made = sf.restful(
        "composite/sobjects", method="POST", json={"records": [row("Account", Name=f"A{n}") for n in range(200)]}
    )
    changes = [row("Account", id=entry["id"], Phone=f"+{n}") for n, entry in enumerate(made)]
    before = world.control("usage")["used"]

    results = sf.restful("composite/sobjects", method="PATCH", json={"allOrNone": False, "records": changes})

    assert all(entry["success"] for entry in results)
    assert [entry["id"] for entry in results] == [entry["id"] for entry in made]
    assert world.control("usage")["used"] == before + 1


def test_a_bad_record_does_not_stop_the_others(sf: Salesforce, world: World):
    good, bad = world.record("Account", "Velo Verde GmbH")["Id"], world.record("Account", "Harbor Cycles Inc.")["Id"]
    records = [
        row("Account", id=good, Phone="1"),
        row("Account", id=bad, Name=None),
        row("Account", id="001x", Phone="1"),
    ]

    results = sf.restful("composite/sobjects", method="PATCH", json={"records": records})

    assert [entry["success"] for entry in results] == [True, False, False]
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert results[2]["errors"][0]["statusCode"] == "MALFORMED_ID"
    assert world.record("Account", "Velo Verde GmbH")["Phone"] == "1"


def test_all_or_none_undoes_everything(sf: Salesforce, world: World):
    records = [row("Account", Name="Lost"), row("Account")]

    results = sf.restful("composite/sobjects", method="POST", json={"allOrNone": True, "records": records})

    assert results[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert "Lost" not in {entry["Name"] for entry in world.objects("Account")}


def test_an_upsert_says_which_records_are_new(sf: Salesforce):
    path = "composite/sobjects/Stripe_Invoice__c/Stripe_Key__c"
    sf.restful(path, method="PATCH", json={"records": [invoice(1)]})

    results = sf.restful(
        path, method="PATCH", json={"records": [invoice(1, Status__c="Paid"), invoice(2), row("Stripe_Invoice__c")]}
    )

    assert [entry.get("created") for entry in results] == [False, True, None]
    assert results[2]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"


def test_records_are_deleted_by_id(sf: Salesforce, world: World):
    made = sf.restful("composite/sobjects", method="POST", json={"records": [row("Account", Name="Gone")]})

    results = sf.restful("composite/sobjects", method="DELETE", params={"ids": f"{made[0]['id']},zzz"})

    assert [entry["success"] for entry in results] == [True, False]
    assert "Gone" not in {entry["Name"] for entry in world.objects("Account")}


def test_a_record_that_was_deleted_or_never_was_is_told_apart(sf: Salesforce, world: World):
    gone = sf.restful("sobjects/Account", method="POST", json={"Name": "Gone"})["id"]
    world.control("delete", {"record": gone})
    records = [row("Account", id=gone, Phone="1"), row("Account", id="001Ws0000000999", Phone="1")]

    results = sf.restful("composite/sobjects", method="PATCH", json={"records": records})

    assert [entry["errors"][0]["statusCode"] for entry in results] == [
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"records": [row("Account", Name="x")] * 201}, "EXCEEDED_ID_LIMIT"),
        ({"records": []}, "JSON_PARSER_ERROR"),
        ({"records": [{"Name": "x"}]}, "JSON_PARSER_ERROR"),
        ({"records": [row("Account", Name="x"), row("Contact", LastName="x")] * 6}, "LIMIT_EXCEEDED"),
    ],
)
def test_a_collection_beyond_the_limits_is_refused_whole(world: World, body: Any, code: str):
    answer = world.call("POST", "composite/sobjects", body)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_an_upsert_takes_one_object_only(world: World):
    answer = world.call("PATCH", "composite/sobjects/Account/Stripe_Key__c", {"records": [row("Contact")]})

    assert answer.json()[0]["errorCode"] == "INVALID_TYPE"


def test_a_record_upserted_twice_in_one_call_is_refused_the_second_time(sf: Salesforce, world: World):
    records = [invoice(1, Status__c="Draft"), invoice(2), invoice(1, Status__c="Open")]

    results = sf.restful(
        "composite/sobjects/Stripe_Invoice__c/Stripe_Key__c", method="PATCH", json={"records": records}
    )

    assert [entry["success"] for entry in results] == [True, True, False]
    assert results[2]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert "Duplicate external id specified" in results[2]["errors"][0]["message"]
    assert {row["Status__c"] for row in world.objects("Stripe_Invoice__c")} == {"Draft", None}


def test_a_record_updated_twice_in_one_call_is_refused_the_second_time(sf: Salesforce, world: World):
    account = world.record("Account", "Velo Verde GmbH")["Id"]
    records = [row("Account", id=account, Phone="1"), row("Account", id=account[:15], Phone="2")]

    results = sf.restful("composite/sobjects", method="PATCH", json={"records": records})

    assert [entry["success"] for entry in results] == [True, False]
    assert results[1]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert world.record("Account", "Velo Verde GmbH")["Phone"] == "1"
