"""Field and object permissions come from the package's permission sets, and can be taken away in mid-run."""

from typing import Any

import pytest

from tests.support.salesforce_org import USERS, Maker, World, full

GATEWAY = "gateway@northwind.example"
INVOICE = "sobjects/Stripe_Invoice__c/Stripe_Key__c/us%3Ain_1"
NEW = {"Stripe_Id__c": "in_1", "Entity__c": "us", "Status__c": "Open"}


def code(answer: Any) -> str:
    found: str = answer.json()[0]["errorCode"]
    return found


def test_the_integration_user_may_write_what_the_package_grants(world: World):
    assert world.call("PATCH", INVOICE, NEW).status_code == 201


def test_a_permission_set_removed_in_mid_run_closes_the_objects(world: World):
    world.call("PATCH", INVOICE, NEW)

    world.control("permission_sets", {"user": GATEWAY, "remove": ["Stripe_Gateway_Integration"]})

    assert code(world.call("PATCH", INVOICE, NEW)) == "NOT_FOUND"
    assert code(world.call("GET", "query?q=SELECT Id FROM Stripe_Invoice__c")) == "INVALID_TYPE"
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")["Id"]
    assert (
        code(world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"Stripe_Status__c": "Paid"}))
        == "INVALID_FIELD"
    )
    described = world.call("GET", "sobjects/Opportunity/describe").json()["fields"]
    assert not [field for field in described if field["name"].startswith("Stripe_")]
    world.control("permission_sets", {"user": GATEWAY, "add": ["Stripe_Gateway_Integration"]})
    assert world.call("PATCH", INVOICE, NEW).status_code == 200


def test_a_user_without_permission_sets_does_not_see_our_fields(world: World):
    answer = world.call("GET", "query?q=SELECT Stripe_Status__c FROM Opportunity", user="rep@northwind.example")

    assert code(answer) == "INVALID_FIELD"


def test_an_administrator_sees_everything(world: World):
    answer = world.call("GET", "query?q=SELECT Stripe_Status__c FROM Opportunity", user="admin@northwind.example")

    assert answer.status_code == 200


def test_field_security_can_be_switched_off(make_world: Maker):
    world = make_world(fls="off")

    answer = world.call("GET", "query?q=SELECT Stripe_Status__c FROM Opportunity", user="rep@northwind.example")

    assert answer.status_code == 200


def test_with_all_standard_objects_need_a_grant_too(make_world: Maker):
    world = make_world(fls="all")
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")["Id"]

    by_gateway = world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"Stripe_Status__c": "Paid"})
    lines = world.call("GET", "query?q=SELECT Id FROM OpportunityLineItem")
    by_rep = world.call("GET", "query?q=SELECT Id FROM Opportunity", user="rep@northwind.example")
    deleted = world.call("DELETE", f"sobjects/Opportunity/{opportunity}")
    created = world.call("POST", "sobjects/Account", {"Name": "x"})

    assert (by_gateway.status_code, lines.status_code) == (204, 200)
    assert code(by_rep) == "INVALID_TYPE"
    assert (deleted.status_code, code(deleted)) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert code(created) == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


def access(
    world: World, user: str, *records: str, fields: str = "RecordId, HasReadAccess, HasEditAccess, MaxAccessLevel"
) -> Any:
    ids = ", ".join(f"'{record}'" for record in records)
    soql = f"SELECT {fields} FROM UserRecordAccess WHERE UserId = '{user}' AND RecordId IN ({ids})"
    return world.call("GET", f"query?q={soql}")


ADMIN, REP, DISPATCHER, LEFT = (full(USERS[n]["id"]) for n in (0, 1, 4, 3))


def test_user_record_access_tells_owner_share_and_level(world: World):
    account = world.record("Account", "Velo Verde GmbH")["Id"]
    harbor = world.record("Account", "Harbor Cycles Inc.")["Id"]
    world.control("share", {"user": "dispatcher", "record": harbor, "level": "Read"})

    levels = {
        user: [row["MaxAccessLevel"] for row in access(world, user, account, harbor).json()["records"]]
        for user in (ADMIN, REP, DISPATCHER, LEFT, full("005Ws000001Gat1"))
    }

    assert levels == {
        ADMIN: ["All", "All"],
        REP: ["All", "All"],
        DISPATCHER: ["None", "Read"],
        LEFT: ["None", "None"],
        full("005Ws000001Gat1"): ["Edit", "Edit"],
    }


def test_user_record_access_understands_fifteen_characters(world: World):
    account = world.record("Account", "Velo Verde GmbH")["Id"]

    [row] = access(world, DISPATCHER[:15], account[:15]).json()["records"]

    assert (row["RecordId"], row["HasReadAccess"], row["HasEditAccess"]) == (account, False, False)


def test_user_record_access_can_be_filtered_further(world: World):
    account = world.record("Account", "Velo Verde GmbH")["Id"]
    where = f"UserId = '{DISPATCHER}' AND RecordId = '{account}' AND HasReadAccess = true"
    soql = f"SELECT RecordId FROM UserRecordAccess WHERE {where}"

    assert world.call("GET", f"query?q={soql}").json()["totalSize"] == 0


def test_user_record_access_is_a_question_about_at_most_200_records(world: World):
    many = [full(f"001Ws0000000{number:03}") for number in range(201)]

    assert code(access(world, REP, *many)) == "EXCEEDED_ID_LIMIT"
    assert access(world, REP, *many[:200]).json()["totalSize"] == 200


@pytest.mark.parametrize("where", ["UserId = '005Ws000001Rep1'", "RecordId = '001Ws0000000001'", "Id = null"])
def test_user_record_access_needs_user_and_records(world: World, where: str):
    assert code(world.call("GET", f"query?q=SELECT RecordId FROM UserRecordAccess WHERE {where}")) == "MALFORMED_QUERY"


def test_user_record_access_cannot_be_written(world: World):
    assert world.call("POST", "sobjects/UserRecordAccess", {"RecordId": "x"}).status_code == 400


def test_describe_tells_types_lengths_and_picklists(world: World):
    fields = {
        field["name"]: field for field in world.call("GET", "sobjects/Stripe_Invoice__c/describe").json()["fields"]
    }

    assert (fields["Stripe_Key__c"]["type"], fields["Stripe_Key__c"]["externalId"]) == ("string", True)
    assert (fields["Stripe_Key__c"]["unique"], fields["Stripe_Key__c"]["caseSensitive"]) == (True, True)
    assert {"Draft", "Open", "Paid"} <= {value["value"] for value in fields["Status__c"]["picklistValues"]}
    assert fields["Status__c"]["restrictedPicklist"] is True
    assert fields["Days_Overdue__c"]["calculated"] is True
    assert fields["Account__c"]["referenceTo"] == ["Account"]


def test_describe_shows_features_that_are_off_as_missing(make_world: Maker):
    world = make_world(features=["multi_currency", "person_accounts", "state_country_picklists"])

    names = {entry["name"] for entry in world.call("GET", "sobjects").json()["sobjects"]}
    account = {field["name"] for field in world.call("GET", "sobjects/Account/describe").json()["fields"]}
    invoice = {field["name"] for field in world.call("GET", "sobjects/Stripe_Invoice__c/describe").json()["fields"]}

    assert {"Account", "Stripe_Invoice__c"} <= names
    assert not {"Quote", "Order", "OrderItem", "QuoteLineItem"} & names
    assert {"CurrencyIsoCode", "IsPersonAccount", "PersonEmail", "BillingCountryCode"} <= account
    assert not {"Quote__c", "Order__c"} & invoice
    assert world.record("Opportunity", "Sakura rental fleet (JPY)")["CurrencyIsoCode"] == "JPY"
    assert world.record("Account", "Noor Haddad")["IsPersonAccount"] is True


@pytest.mark.parametrize(("features", "there"), [([], False), (["record_types"], True)])
def test_record_types_are_a_field_only_where_the_org_has_them(make_world: Maker, features: list[str], there: bool):
    world = make_world(features=features)

    fields = {field["name"] for field in world.call("GET", "sobjects/Opportunity/describe").json()["fields"]}
    asked = world.call("GET", "query?q=SELECT+RecordType.DeveloperName+FROM+Opportunity")

    assert ("RecordTypeId" in fields, asked.status_code) == (there, 200 if there else 400)


def test_the_plain_object_resource_names_it(world: World):
    assert world.call("GET", "sobjects/Case").json()["objectDescribe"]["keyPrefix"] == "500"
    assert set(world.call("GET", "").json()) == {"sobjects", "query", "limits", "composite"}
