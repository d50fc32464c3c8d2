"""The hostile org: everything a customer's customisation does to a write."""

from typing import Any

import pytest

from tests.support.salesforce_org import Maker, World, full


@pytest.fixture
def hostile(make_world: Maker) -> World:
    return make_world(profile="hostile")


def code(answer: Any) -> str:
    found: str = answer.json()[0]["errorCode"]
    return found


def change(world: World, name: str, **headers: str) -> Any:
    record = world.record("Opportunity", name)["Id"]
    return world.call("PATCH", f"sobjects/Opportunity/{record}", {"Stripe_Status__c": "Paid"}, headers=headers)


def test_closed_records_are_final(hostile: World):
    answer = change(hostile, "Harbor Cycles first order")

    assert code(answer) == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert answer.json()[0]["message"] == "Closed opportunities can only be changed by Sales Operations."


def test_a_record_under_approval_is_locked_until_it_is_freed(hostile: World):
    locked = change(hostile, "Locked by approval")
    hostile.control("lock", {"record": hostile.record("Opportunity", "Locked by approval")["Id"], "locked": False})

    assert code(locked) == "ENTITY_IS_LOCKED"
    assert change(hostile, "Locked by approval").status_code == 204


def test_a_record_can_be_locked_in_mid_run(world: World):
    world.control("lock", {"record": world.record("Opportunity", "Velo Verde spare wheels")["Id"]})

    assert code(change(world, "Velo Verde spare wheels")) == "ENTITY_IS_LOCKED"


def test_an_assignment_rule_takes_cases_unless_told_not_to(hostile: World):
    case = hostile.objects("Case")[0]
    path, body = f"sobjects/Case/{case['Id']}", {"Stripe_Status__c": "Paid"}

    hostile.call("PATCH", path, body, headers={"Sforce-Auto-Assign": "FALSE"})
    kept = hostile.objects("Case")[0]["OwnerId"]
    hostile.call("PATCH", path, {"Stripe_Status__c": "Void"})
    taken = hostile.objects("Case")[0]["OwnerId"]

    assert (kept, taken) == (case["OwnerId"], full("005Ws000001Dis1"))


def collection(world: World, count: int) -> list[Any]:
    made = [
        world.control("records", {"sobject": "Account", "fields": {"Name": f"Bulk {number}"}})["id"]
        for number in range(count)
    ]
    records = [{"attributes": {"type": "Account"}, "id": one, "Stripe_Status__c": "Paid"} for one in made]
    found: list[Any] = world.call("PATCH", "composite/sobjects", {"records": records}).json()
    return found


def test_a_trigger_fails_above_twenty_records_in_one_call(hostile: World):
    few, many = collection(hostile, 20), collection(hostile, 21)

    assert all(row["success"] for row in few)
    assert {row["errors"][0]["statusCode"] for row in many} == {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}


def test_a_trigger_counts_the_records_of_one_graph(hostile: World):
    ids = [hostile.control("records", {"sobject": "Account", "fields": {"Name": f"{n}"}})["id"] for n in range(21)]
    nodes = [
        {
            "method": "PATCH",
            "url": f"/services/data/v65.0/sobjects/Account/{one}",
            "referenceId": f"r{n}",
            "body": {"Stripe_Status__c": "Paid"},
        }
        for n, one in enumerate(ids)
    ]

    together = hostile.call("POST", "composite/graph", {"graphs": [{"graphId": "g", "compositeRequest": nodes}]})
    apart = hostile.call(
        "POST",
        "composite/graph",
        {"graphs": [{"graphId": f"g{n['referenceId']}", "compositeRequest": [n]} for n in nodes]},
    )

    assert together.json()["graphs"][0]["isSuccessful"] is False
    assert all(graph["isSuccessful"] for graph in apart.json()["graphs"])


def test_every_save_starts_the_flow_that_inserts_a_row_of_the_outbox_as_whoever_saved(hostile: World):
    deal = hostile.record("Opportunity", "Velo Verde spare wheels")["Id"]

    for number in range(2):
        hostile.call("PATCH", f"sobjects/Opportunity/{deal}", {"Stripe_Invoice_Number__c": str(number)})

    rows = hostile.objects("Stripe_Action__c")
    assert [(row["Action__c"], row["Source_Record_Id__c"], row["Status__c"]) for row in rows] == [
        ("send-invoice", deal, "queued")
    ] * 2
    assert {row["CreatedById"] for row in rows} == {full("005Ws000001Gat1")}
    assert len(hostile.control("flow_runs")) == 2


def test_a_save_that_is_undone_leaves_nothing_of_the_flow_it_started(hostile: World):
    names = ("Velo Verde spare wheels", "Harbor Cycles first order")  # the second one is closed
    records = [
        {
            "attributes": {"type": "Opportunity"},
            "id": hostile.record("Opportunity", name)["Id"],
            "Stripe_Status__c": "Paid",
        }
        for name in names
    ]

    hostile.call("PATCH", "composite/sobjects", {"records": records, "allOrNone": True})

    assert hostile.objects("Stripe_Action__c") == []
    assert hostile.control("flow_runs") == []


def test_an_inactive_owner_does_not_stop_a_change_of_other_fields(hostile: World):
    assert hostile.record("Opportunity", "Velo Verde spare wheels")["OwnerId"] == full("005Ws000001Lef1")
    assert change(hostile, "Velo Verde spare wheels").status_code == 204


def test_quotes_are_off(hostile: World):
    assert code(hostile.call("GET", "query?q=SELECT Id FROM Quote")) == "INVALID_TYPE"


def test_a_cloned_opportunity_carries_the_fields_of_the_original(hostile: World):
    clone = hostile.record("Opportunity", "Harbor Cycles fleet renewal (clone)")

    assert clone["AccountId"] == hostile.record("Opportunity", "Harbor Cycles fleet renewal")["AccountId"]


@pytest.mark.parametrize(("stamp", "copied"), [(True, "Paid"), (False, None)])
def test_a_clone_keeps_the_stamp_unless_the_packages_flow_clears_it(world: World, stamp: bool, copied: str | None):
    change(world, "Velo Verde spare wheels")
    original = world.record("Opportunity", "Velo Verde spare wheels")

    made = world.control("clone", {"record": original["Id"], "stamp": stamp})["id"]

    clone = world.record("Opportunity", "Velo Verde spare wheels (clone)")
    assert (clone["Id"], clone["AccountId"], clone["Stripe_Status__c"]) == (made, original["AccountId"], copied)


def test_a_merged_account_is_gone_and_its_children_follow_the_master(world: World):
    master, loser = (world.record("Account", name)["Id"] for name in ("Velo Verde GmbH", "Sakura Rentals KK"))

    world.control("merge", {"master": master, "loser": loser})

    gone = world.call("PATCH", f"sobjects/Account/{loser}", {"Phone": "1"})
    child = world.call("POST", "sobjects/Contact", {"LastName": "x", "AccountId": loser})
    assert (gone.status_code, code(gone)) == (404, "ENTITY_IS_DELETED")
    assert code(child) == "ENTITY_IS_DELETED"
    assert world.record("Contact", "Yui Tanaka")["AccountId"] == master


def test_a_profile_can_be_changed_member_by_member(make_world: Maker):
    world = make_world(profile={"base": "hostile", "trigger_limits": {"Account": 2}, "without": []})

    assert [row["success"] for row in collection(world, 3)] == [False] * 3
    assert world.call("GET", "query?q=SELECT Id FROM Quote").status_code == 200


def test_a_reset_makes_the_org_new(world: World):
    change(world, "Velo Verde spare wheels")
    world.call("POST", "sobjects/Account", {"Name": "Extra"})

    world.control("reset", {})

    assert len(world.objects("Account")) == 3
    assert world.record("Opportunity", "Velo Verde spare wheels")["Stripe_Status__c"] is None
