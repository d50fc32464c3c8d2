"""Single records: create, read, update, delete, upsert by external id, and what the platform refuses."""

from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceMoreThanOneRecord

from tests.support.salesforce_org import ORG_ID, Maker, World, full, write_field

INVOICE = {"Stripe_Id__c": "in_1", "Entity__c": "us", "Status__c": "Open"}
KEY = "sobjects/Stripe_Invoice__c/Stripe_Key__c/us%3Ain_1"


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def test_a_record_is_created_read_changed_and_deleted(sf: Salesforce):
    made = sf.restful("sobjects/Account", method="POST", json={"Name": "Delta Rides"})
    sf.restful(f"sobjects/Account/{made['id']}", method="PATCH", json={"Phone": "+1 555 0100"})

    read = sf.restful(f"sobjects/Account/{made['id']}", params={"fields": "Name,Phone"})
    sf.restful(f"sobjects/Account/{made['id']}", method="DELETE")

    assert made["success"] is True
    assert made["id"].startswith("001")
    assert (read["Name"], read["Phone"]) == ("Delta Rides", "+1 555 0100")
    assert read["attributes"]["type"] == "Account"
    with pytest.raises(Exception, match="ENTITY_IS_DELETED"):
        sf.restful(f"sobjects/Account/{made['id']}")


def test_the_typed_methods_of_the_library_work_too(sf: Salesforce):
    made = sf.Account.create({"Name": "Delta Rides"})
    assert sf.Account.update(made["id"], {"Name": "Delta Rides Ltd"}) == 204
    assert sf.Account.get(made["id"])["Name"] == "Delta Rides Ltd"
    assert sf.Stripe_Invoice__c.upsert("Stripe_Key__c/us:in_9", INVOICE) == 201
    assert sf.Account.describe()["keyPrefix"] == "001"


def test_an_upsert_creates_then_updates(world: World):
    first = world.call("PATCH", KEY, INVOICE)
    second = world.call("PATCH", KEY, {**INVOICE, "Status__c": "Paid"})

    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert first.json()["id"] == second.json()["id"]
    assert world.call("GET", KEY).json()["Status__c"] == "Paid"


def test_the_external_id_is_case_sensitive(world: World):
    world.call("PATCH", KEY, INVOICE)

    answer = world.call("PATCH", KEY.replace("in_1", "IN_1"), INVOICE)

    assert answer.status_code == 201


def test_a_blank_text_name_becomes_the_record_id(world: World):
    made = world.call("PATCH", KEY, INVOICE).json()["id"]

    assert world.call("GET", KEY).json()["Name"] == made


def test_an_external_id_that_nobody_has_is_404(world: World):
    assert error(world.call("GET", KEY)) == (404, "NOT_FOUND")
    assert error(world.call("PATCH", f"{KEY}?updateOnly=true", INVOICE)) == (404, "NOT_FOUND")
    assert error(world.call("DELETE", KEY)) == (404, "NOT_FOUND")


def test_a_field_that_is_no_external_id_is_404(world: World):
    answer = world.call("PATCH", "sobjects/Stripe_Invoice__c/Status__c/Open", {"Entity__c": "us"})

    assert error(answer) == (404, "NOT_FOUND")
    assert "external ID field does not exist" in answer.json()[0]["message"]


def test_several_records_with_the_same_external_id_are_300(tmp_path: Any, make_world: Maker):
    field = "Legacy_Number__c"
    write_field(tmp_path, "Account", field, "<type>Text</type><length>20</length><externalId>true</externalId>")
    loose = make_world(metadata=str(tmp_path), fls="off")
    for name in ("One", "Two"):
        loose.control("records", {"sobject": "Account", "fields": {"Name": name, field: "L-1"}})

    answer = loose.call("PATCH", f"sobjects/Account/{field}/L-1", {"Name": "Three"})

    assert answer.status_code == 300
    assert len(answer.json()) == 2
    assert all("/sobjects/Account/001" in url for url in answer.json())
    with pytest.raises(SalesforceMoreThanOneRecord):
        loose.login().restful(f"sobjects/Account/{field}/L-1")


@pytest.mark.parametrize("body", [{"Stripe_Key__c": "us:in_1"}, {"Id": "a02000000000001"}])
def test_an_upsert_body_may_not_repeat_the_key(world: World, body: dict[str, str]):
    assert error(world.call("PATCH", KEY, {**INVOICE, **body})) == (400, "INVALID_FIELD")


REFUSALS = [
    ({"Colour__c": "red"}, "INVALID_FIELD"),
    ({"Name": "x" * 121}, "STRING_TOO_LONG"),
    ({"Name": None}, "REQUIRED_FIELD_MISSING"),
    ({"Name": 7}, "JSON_PARSER_ERROR"),
    ({"IsPrivate": "yes"}, "JSON_PARSER_ERROR"),
    ({"Amount": "ten"}, "JSON_PARSER_ERROR"),
    ({"Amount": 10**17}, "NUMBER_OUTSIDE_VALID_RANGE"),
    ({"CloseDate": "2026-13-01"}, "JSON_PARSER_ERROR"),
    ({"CloseDate": "soon"}, "JSON_PARSER_ERROR"),
    ({"IsClosed": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ({"CreatedDate": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ({"AccountId": "nonsense"}, "MALFORMED_ID"),
    ({"AccountId": full("001Ws0000000999")}, "INVALID_CROSS_REFERENCE_KEY"),
    ({"AccountId": full("005Ws000001Rep1")}, "FIELD_INTEGRITY_EXCEPTION"),
    ({"OwnerId": full("005Ws000001Lef1")}, "INACTIVE_OWNER_OR_USER"),
    ({"Stripe_Status__c": "Sideways"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ({"Stripe_Amount_Paid__c": 10**15}, "NUMBER_OUTSIDE_VALID_RANGE"),
    ({"Stripe_Last_Error__c": "x" * 40_000}, "STRING_TOO_LONG"),
    ({"Id": "006Ws0000000001"}, "INVALID_FIELD"),
    ({"attributes": {"type": "Account"}}, "INVALID_TYPE"),
    ({"Owner__r": {"X__c": "1"}}, "INVALID_FIELD"),
]


@pytest.mark.parametrize(("body", "code"), REFUSALS, ids=[f"{code}-{next(iter(body))}" for body, code in REFUSALS])
def test_a_bad_value_is_refused_and_nothing_changes(world: World, body: dict[str, Any], code: str):
    before = world.record("Opportunity", "Velo Verde spare wheels")

    answer = world.call("PATCH", f"sobjects/Opportunity/{before['Id']}", {"Description": "changed", **body})

    assert error(answer) == (400, code)
    assert world.record("Opportunity", "Velo Verde spare wheels") == before


def test_a_duplicate_of_a_unique_field_names_the_other_record(world: World):
    first = world.call("PATCH", KEY, INVOICE).json()["id"]

    answer = world.call("POST", "sobjects/Stripe_Invoice__c", {**INVOICE, "Stripe_Key__c": "us:in_1"})

    assert error(answer) == (400, "DUPLICATE_VALUE")
    assert first[:15] in answer.json()[0]["message"]


def test_a_required_field_is_asked_for_on_create(world: World):
    answer = world.call("POST", "sobjects/Opportunity", {"Name": "No date", "StageName": "Prospecting"})

    assert error(answer) == (400, "REQUIRED_FIELD_MISSING")
    assert answer.json()[0]["fields"] == ["CloseDate"]


def test_a_relationship_is_resolved_by_external_id(world: World):
    invoice = world.call("PATCH", KEY, INVOICE).json()["id"]
    payment = {"Stripe_Id__c": "pi_1", "Entity__c": "us", "Stripe_Invoice__r": {"Stripe_Key__c": "us:in_1"}}

    answer = world.call("PATCH", "sobjects/Stripe_Payment__c/Stripe_Key__c/us%3Api_1", payment)

    assert answer.status_code == 201
    assert (
        world.call("GET", "sobjects/Stripe_Payment__c/Stripe_Key__c/us%3Api_1").json()["Stripe_Invoice__c"] == invoice
    )


def test_a_relationship_to_nothing_is_refused(world: World):
    payment = {"Stripe_Id__c": "pi_1", "Entity__c": "us", "Stripe_Invoice__r": {"Stripe_Key__c": "us:in_404"}}

    answer = world.call("PATCH", "sobjects/Stripe_Payment__c/Stripe_Key__c/us%3Api_1", payment)

    assert error(answer) == (400, "INVALID_FIELD")
    assert "Foreign key external ID: us:in_404 not found" in answer.json()[0]["message"]


def test_numbers_come_back_as_doubles_and_are_rounded_to_their_scale(world: World):
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")["Id"]

    world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"Stripe_Amount_Paid__c": 12.3456})

    value = world.call("GET", f"sobjects/Opportunity/{opportunity}").json()["Stripe_Amount_Paid__c"]
    assert value == 12.346
    assert isinstance(value, float)


def test_text_is_trimmed_and_empty_text_is_null(world: World):
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")["Id"]

    world.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"NextStep": "  call back  ", "Description": "   "})

    read = world.call("GET", f"sobjects/Opportunity/{opportunity}").json()
    assert (read["NextStep"], read["Description"]) == ("call back", None)


def test_names_of_fields_are_found_without_regard_to_case(world: World):
    answer = world.call("POST", "sobjects/account", {"name": "Cloudy"})

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "sobjects/Unicorn", 404, "NOT_FOUND"),
        ("GET", "sobjects/Account/001", 404, "NOT_FOUND"),
        ("GET", f"sobjects/Account/{full('001Ws0000000999')}", 404, "NOT_FOUND"),
        ("PUT", "sobjects/Account", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "sobjects/Account/001/2/3/4", 404, "NOT_FOUND"),
        ("GET", "tooling", 404, "NOT_FOUND"),
        ("GET", "queryAll", 404, "NOT_FOUND"),
    ],
)
def test_an_address_that_does_not_exist_is_refused(world: World, method: str, path: str, status: int, code: str):
    assert error(world.call(method, path)) == (status, code)


def test_another_api_version_is_unknown(world: World):
    token = world.control("login", {"user": "rep@northwind.example"})["access_token"]
    answer = requests.get(
        f"{world.url}/services/data/v99.0/limits", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )

    assert error(answer) == (404, "NOT_FOUND")


def test_the_body_must_be_json(world: World):
    headers = {"Content-Type": "text/plain"}
    assert error(world.call("POST", "sobjects/Account", {"Name": "x"}, headers=headers)) == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )
    assert error(world.call("POST", "sobjects/Account", ["x"])) == (400, "JSON_PARSER_ERROR")
    assert error(world.call("POST", "sobjects/Account", {"Name": float("nan")})) == (400, "JSON_PARSER_ERROR")


def test_if_unmodified_since_is_honoured(world: World):
    account = world.record("Account", "Velo Verde GmbH")["Id"]
    old, new = "Mon, 01 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2080 00:00:00 GMT"

    refused = world.call("PATCH", f"sobjects/Account/{account}", {"Phone": "1"}, headers={"If-Unmodified-Since": old})
    done = world.call("PATCH", f"sobjects/Account/{account}", {"Phone": "1"}, headers={"If-Unmodified-Since": new})

    assert error(refused) == (412, "PRECONDITION_FAILED")
    assert done.status_code == 204


def test_every_answer_says_how_much_of_the_daily_limit_is_used(sf: Salesforce, world: World):
    sf.restful("limits")
    first = sf.api_usage["api-usage"]
    sf.restful("limits")

    assert sf.api_usage["api-usage"].used == first.used + 1
    assert first.total == 100_000


def test_when_the_daily_limit_is_used_up_calls_are_refused(world: World):
    world.control("usage", {"used": 50, "limit": 50})

    answer = world.call("GET", "limits")

    assert error(answer) == (403, "REQUEST_LIMIT_EXCEEDED")


def test_totals_follow_the_lines(world: World, sf: Salesforce):
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")
    entry = sf.query("SELECT Id FROM PricebookEntry WHERE ProductCode = 'SRV-12'")["records"][0]["Id"]

    line = {
        "OpportunityId": opportunity["Id"],
        "PricebookEntryId": entry,
        "Quantity": 2,
        "UnitPrice": 99.99,
        "Discount": 50,
    }
    made = sf.restful("sobjects/OpportunityLineItem", method="POST", json=line)

    after = world.record("Opportunity", "Velo Verde spare wheels")
    assert after["Amount"] == opportunity["Amount"] + 99.99
    sf.restful(f"sobjects/OpportunityLineItem/{made['id']}", method="DELETE")
    assert world.record("Opportunity", "Velo Verde spare wheels")["Amount"] == opportunity["Amount"]


def test_the_library_raises_its_own_error_with_the_body(sf: Salesforce):
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf.restful("sobjects/Account", method="POST", json={})

    assert caught.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_a_custom_setting_belongs_to_the_org_and_has_no_owner(world: World):
    admin = "admin@northwind.example"
    fields = {"SetupOwnerId": full(ORG_ID), "Org_Id__c": full(ORG_ID)}

    made = world.call("POST", "sobjects/Stripe_Gateway_Setting__c", fields, user=admin)
    nobodys = world.call("POST", "sobjects/Stripe_Gateway_Setting__c", {"Org_Id__c": full(ORG_ID)}, user=admin)

    assert made.status_code == 201
    assert nobodys.json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    [setting] = world.objects("Stripe_Gateway_Setting__c")
    assert (setting["Enabled__c"], setting["SetupOwnerId"]) == (True, full(ORG_ID))
    assert "OwnerId" not in setting
