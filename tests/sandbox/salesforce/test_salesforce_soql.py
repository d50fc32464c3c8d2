"""SOQL: what is answered, in which order, and what is refused."""

from typing import Any

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.format import format_soql

from tests.support.salesforce_org import Maker, World


@pytest.fixture(scope="module")
def client(plain_org: World) -> Salesforce:
    plain_org.control("reset", {})
    return plain_org.login()


def rows(client: Salesforce, soql: str) -> list[Any]:
    answer = client.query(soql)
    assert answer["totalSize"] == len(answer["records"])
    return [tuple(value for name, value in row.items() if name != "attributes") for row in answer["records"]]


def flat(client: Salesforce, soql: str) -> list[Any]:
    return [row[0] for row in rows(client, soql)]


HARBOR, VELO, SAKURA = "Harbor Cycles Inc.", "Velo Verde GmbH", "Sakura Rentals KK"
ACCOUNTS = [
    ("Name = 'Velo Verde GmbH'", [VELO]),
    ("Name = 'velo verde gmbh'", [VELO]),
    ("Name != 'Velo Verde GmbH'", [HARBOR, SAKURA]),
    ("Name <> 'Velo Verde GmbH'", [HARBOR, SAKURA]),
    ("Name > 'S'", [SAKURA, VELO]),
    ("Name >= 'sakura rentals kk' AND Name <= 'Velo'", [SAKURA]),
    ("Name LIKE '%cycles%'", [HARBOR]),
    ("Name LIKE 'Velo_Verde%'", [VELO]),
    ("Name LIKE 'Velo\\_Verde%'", []),
    ("Name LIKE '\\%'", []),
    ("(NOT Name LIKE 'V%')", [HARBOR, SAKURA]),
    ("NOT (Name LIKE 'V%' OR Name LIKE 'S%')", [HARBOR]),
    ("Name IN ('Velo Verde GmbH', 'Nobody', 'Sakura Rentals KK')", [SAKURA, VELO]),
    ("Name NOT IN ('Velo Verde GmbH')", [HARBOR, SAKURA]),
    ("BillingState = null", [SAKURA, VELO]),
    ("BillingState != null", [HARBOR]),
    ("BillingState = ''", [SAKURA, VELO]),
    ("BillingState != 'WA'", [SAKURA, VELO]),
    ("BillingCountry = 'Germany' OR (Type = 'Prospect' AND BillingCity = 'Tokyo')", [SAKURA, VELO]),
    ("Owner.Name = 'Rita Rep' AND Name LIKE 'H%'", [HARBOR]),
    ("IsDeleted = false", [HARBOR, SAKURA, VELO]),
    ("CreatedDate > 2020-01-01T00:00:00Z", [HARBOR, SAKURA, VELO]),
    ("CreatedDate < 2020-01-01T00:00:00+02:00", []),
    ("Name IN ('it\\'s', 'a\\\\b', 'tab\\t')", []),
    ("Name = 'Velo \\u0056erde GmbH'", [VELO]),
]


@pytest.mark.parametrize(("where", "expected"), ACCOUNTS, ids=[where for where, _ in ACCOUNTS])
def test_a_condition_finds_exactly_its_records(client: Salesforce, where: str, expected: list[str]):
    assert flat(client, f"SELECT Name FROM Account WHERE {where} ORDER BY Name") == expected


ORDERS = [
    ("ORDER BY Name DESC", [VELO, SAKURA, HARBOR]),
    ("ORDER BY BillingState, Name DESC", [VELO, SAKURA, HARBOR]),
    ("ORDER BY BillingState NULLS LAST, Name", [HARBOR, SAKURA, VELO]),
    ("ORDER BY BillingState DESC NULLS FIRST, Name ASC", [SAKURA, VELO, HARBOR]),
    ("ORDER BY Owner.Name, Name LIMIT 2", [HARBOR, SAKURA]),
    ("ORDER BY Name LIMIT 1 OFFSET 1", [SAKURA]),
    ("ORDER BY Name LIMIT 0", []),
    ("ORDER BY Name OFFSET 2", [VELO]),
    ("order by name desc limit 1 for update", [VELO]),
]


@pytest.mark.parametrize(("tail", "expected"), ORDERS, ids=[tail for tail, _ in ORDERS])
def test_order_and_window(client: Salesforce, tail: str, expected: list[str]):
    assert flat(client, f"select Name from Account {tail}") == expected


def test_numbers_dates_and_booleans_compare_as_such(client: Salesforce):
    lines = "SELECT Quantity FROM OpportunityLineItem WHERE Opportunity.Name = 'Harbor Cycles fleet renewal' AND"
    assert flat(client, f"{lines} UnitPrice = 349.50") == [24.0]
    assert flat(client, f"{lines} Quantity >= 12 ORDER BY Quantity") == [12.0, 24.0]
    assert flat(client, "SELECT Name FROM Opportunity WHERE CloseDate = 2026-06-30") == ["Harbor Cycles first order"]
    assert flat(client, "SELECT Name FROM Opportunity WHERE IsWon = true AND Amount > -1") == [
        "Harbor Cycles first order"
    ]


def test_parents_come_as_nested_records(client: Salesforce):
    names = "Product2.Name, Product2.ProductCode, Opportunity.Account.Name"
    soql = f"SELECT {names} FROM OpportunityLineItem WHERE SortOrder = 2"

    [record] = client.query(soql)["records"]

    assert record["Product2"]["Name"] == "Wheel set"
    assert record["Product2"]["attributes"]["type"] == "Product2"
    assert record["Opportunity"]["Account"]["Name"] == HARBOR


def test_a_record_type_is_read_by_its_developer_name(make_world: Maker):
    world = make_world(features=["record_types"])
    client = world.login()
    fields = {"Name": "Wholesale deals", "DeveloperName": "Wholesale", "SobjectType": "Opportunity"}
    made = world.control("records", {"sobject": "RecordType", "fields": fields})["id"]
    deal = world.record("Opportunity", "Velo Verde spare wheels")["Id"]
    world.control("records", {"sobject": "Opportunity", "id": deal, "fields": {"RecordTypeId": made}})

    found = client.query("SELECT RecordType.DeveloperName FROM Opportunity WHERE RecordType.DeveloperName != null")

    assert [row["RecordType"]["DeveloperName"] for row in found["records"]] == ["Wholesale"]


def test_a_parent_that_is_not_set_is_null(client: Salesforce):
    [record] = client.query(f"SELECT Name, Parent.Name FROM Account WHERE Name = '{HARBOR}'")["records"]

    assert record["Parent"] is None


def test_children_come_as_a_sub_select(client: Salesforce):
    soql = (
        "SELECT Name, "
        "(SELECT Quantity, Product2.Name FROM OpportunityLineItems WHERE Quantity > 1 ORDER BY Quantity DESC), "
        "(SELECT Contact.Email, IsPrimary FROM OpportunityContactRoles WHERE IsPrimary = true LIMIT 1) "
        "FROM Opportunity WHERE Account.Name = 'Harbor Cycles Inc.' ORDER BY Amount DESC"
    )

    fleet, first = client.query(soql)["records"]

    assert [line["Quantity"] for line in fleet["OpportunityLineItems"]["records"]] == [24.0, 12.0]
    assert fleet["OpportunityContactRoles"]["records"][0]["Contact"]["Email"] == "ada.okafor@harborcycles.example"
    assert first["OpportunityLineItems"] is None


def test_a_custom_relationship_is_followed(client: Salesforce, plain_org: World):
    invoice = {"Stripe_Id__c": "in_7", "Entity__c": "us", "Number__c": "N-7"}
    plain_org.call("PATCH", "sobjects/Stripe_Invoice__c/Stripe_Key__c/us%3Ain_7", invoice)
    payment = {"Stripe_Id__c": "pi_7", "Entity__c": "us", "Stripe_Invoice__r": {"Stripe_Key__c": "us:in_7"}}
    plain_org.call("PATCH", "sobjects/Stripe_Payment__c/Stripe_Key__c/us%3Api_7", payment)

    soql = "SELECT Stripe_Invoice__r.Number__c FROM Stripe_Payment__c WHERE Stripe_Invoice__r.Stripe_Key__c = 'us:in_7'"
    assert client.query(soql)["records"][0]["Stripe_Invoice__r"]["Number__c"] == "N-7"
    assert flat(client, "SELECT Stripe_Id__c FROM Stripe_Invoice__c WHERE Stripe_Key__c = 'us:IN_7'") == []


def test_an_object_called_like_a_keyword_is_an_object(client: Salesforce):
    soql = "SELECT Order.OrderNumber FROM OrderItem WHERE Order.PoNumber = 'PO-7781' ORDER BY Order.PoNumber"

    assert client.query(soql)["totalSize"] == 2
    assert client.query("SELECT Order.Id FROM Order")["totalSize"] == 1


def test_count_has_no_records(client: Salesforce):
    answer = client.query("SELECT COUNT() FROM Account WHERE Name LIKE '%a%'")

    assert (answer["totalSize"], answer["records"]) == (2, [])


def test_an_id_is_found_with_fifteen_characters_too(client: Salesforce):
    [(long,)] = rows(client, f"SELECT Id FROM Account WHERE Name = '{VELO}'")

    assert flat(client, f"SELECT Name FROM Account WHERE Id = '{long[:15]}'") == [VELO]
    assert flat(client, f"SELECT Name FROM Account WHERE Id > '{long}' ORDER BY Id") == [HARBOR, SAKURA]
    assert flat(client, f"SELECT Name FROM Account WHERE Id IN ('{long}', '{long}')") == [VELO]


def test_an_address_comes_as_a_compound_field(client: Salesforce):
    [record] = client.query(f"SELECT BillingAddress FROM Account WHERE Name = '{HARBOR}'")["records"]

    assert record["BillingAddress"]["city"] == "Seattle"


def test_values_formatted_by_the_library_are_taken_literally(plain_org: World, client: Salesforce):
    name = 'O\'Neil\\ 100% "of" a_b\n\t'
    made = plain_org.control("records", {"sobject": "Account", "fields": {"Name": f"{name}x"}})

    assert flat(client, format_soql("SELECT Id FROM Account WHERE Name = {}", f"{name}x")) == [made["id"]]
    assert flat(client, format_soql("SELECT Id FROM Account WHERE Name LIKE '{:like}%'", name)) == [made["id"]]
    plain_org.control("delete", {"record": made["id"]})


REFUSED = [
    ("SELECT Colour__c FROM Account", "INVALID_FIELD"),
    ("SELECT Name FROM Account WHERE Colour__c = 1", "INVALID_FIELD"),
    ("SELECT Owner.Colour__c FROM Account", "INVALID_FIELD"),
    ("SELECT Boss.Name FROM Account", "INVALID_FIELD"),
    ("SELECT Name, Name FROM Account", "INVALID_FIELD"),
    ("SELECT Name FROM Unicorn", "INVALID_TYPE"),
    ("SELECT (SELECT Id FROM Unicorns) FROM Account", "INVALID_TYPE"),
    ("SELECT Name FROM Account WHERE AnnualRevenue = '5'", "INVALID_FIELD"),
    ("SELECT Name FROM Account WHERE Name = 5", "INVALID_FIELD"),
    ("SELECT Name FROM Opportunity WHERE CloseDate = '2026-01-01'", "INVALID_FIELD"),
    ("SELECT Name FROM Opportunity WHERE CloseDate = 2026-01-01T00:00:00Z", "INVALID_FIELD"),
    ("SELECT Name FROM Opportunity WHERE CreatedDate > 2026-01-01", "INVALID_FIELD"),
    ("SELECT Name FROM Opportunity WHERE IsWon = 'true'", "INVALID_FIELD"),
    ("SELECT Name FROM Opportunity WHERE IsWon > true", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Name FROM Opportunity WHERE Amount LIKE '5%'", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Name FROM Account WHERE Name > null", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Name FROM Account WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Name FROM Account WHERE Description = 'x'", "INVALID_FIELD"),
    ("SELECT Name FROM Account ORDER BY Description", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ("SELECT Name FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account WHERE Name = 'it's'", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account WHERE Name = 'a\\q'", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account WHERE Name IN ()", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account WHERE", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account GROUP BY Name", "MALFORMED_QUERY"),
    ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY"),
    ("SELECT FIELDS(ALL) FROM Account LIMIT 1", "MALFORMED_QUERY"),
    ("SELECT * FROM Account", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account WHERE CreatedDate = TODAY", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account a", "MALFORMED_QUERY"),
    ("SELECT Name FROM Account LIMIT -", "MALFORMED_QUERY"),
    ("SELECT (SELECT COUNT() FROM Contacts) FROM Account", "MALFORMED_QUERY"),
    ("UPDATE Account SET Name = 'x'", "MALFORMED_QUERY"),
    ("", "MALFORMED_QUERY"),
]


@pytest.mark.parametrize(("soql", "code"), REFUSED, ids=[soql or "empty" for soql, _ in REFUSED])
def test_what_is_not_understood_is_refused(plain_org: World, soql: str, code: str):
    answer = plain_org.call("GET", f"query?q={soql.replace('%', '%25').replace('+', '%2B')}")

    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == code


def test_a_query_without_text_is_refused(plain_org: World):
    assert plain_org.call("GET", "query").json()[0]["errorCode"] == "MALFORMED_QUERY"


def test_a_long_answer_comes_in_batches(make_world: Maker):
    world = make_world(query_batch=3)
    for number in range(8):
        world.control("records", {"sobject": "Account", "fields": {"Name": f"Batch {number}"}})
    client = world.login()

    first = client.query("SELECT Name FROM Account WHERE Name LIKE 'Batch%' ORDER BY Name")
    everything = client.query_all("SELECT Name FROM Account WHERE Name LIKE 'Batch%' ORDER BY Name")

    assert (first["totalSize"], first["done"], len(first["records"])) == (8, False, 3)
    assert first["nextRecordsUrl"].startswith("/services/data/v65.0/query/01g")
    assert [row["Name"] for row in everything["records"]] == [f"Batch {number}" for number in range(8)]


def test_the_batch_size_can_be_asked_for(make_world: Maker):
    world = make_world()
    for number in range(250):
        world.control("records", {"sobject": "Account", "fields": {"Name": f"Batch {number}"}})

    answer = world.call(
        "GET", "query?q=SELECT Id FROM Account", headers={"Sforce-Query-Options": "batchSize=200"}
    ).json()

    assert (len(answer["records"]), answer["done"]) == (200, False)


def test_an_unknown_locator_is_refused(plain_org: World):
    assert plain_org.call("GET", "query/01gunknown-200-200").json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
