"""Validation rules and formula fields are evaluated from the metadata; what is not understood stops the start."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.salesforce.errors import MetadataError
from gateway.sandbox.salesforce.formulas import Scope, compile_formula
from gateway.sandbox.salesforce.org import build_org
from gateway.sandbox.salesforce.world import SalesforceWorld
from tests.support.salesforce_org import Maker, World, world_json, write_field, write_object, write_rule

INVOICE = "sobjects/Stripe_Invoice__c/Stripe_Key__c/us%3Ain_1"
NEW = {"Stripe_Id__c": "in_1", "Entity__c": "us", "Status__c": "Open", "Sync_Version__c": 7}


def test_an_older_version_is_refused_in_the_rules_own_words(world: World):
    world.call("PATCH", INVOICE, NEW)

    older = world.call("PATCH", INVOICE, {"Status__c": "Draft", "Sync_Version__c": 6})
    newer = world.call("PATCH", INVOICE, {"Status__c": "Paid", "Sync_Version__c": 8})

    assert older.status_code == 400
    assert older.json()[0]["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert "older than what the record already holds" in older.json()[0]["message"]
    assert newer.status_code == 200


def test_a_person_may_not_write_what_is_the_gateways(world: World):
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")["Id"]
    change = {"Stripe_Invoice_Number__c": "FAKE-1"}

    by_rep = world.call("PATCH", f"sobjects/Opportunity/{opportunity}", change, user="admin@northwind.example")
    by_gateway = world.call("PATCH", f"sobjects/Opportunity/{opportunity}", change)

    assert by_rep.json()[0]["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert by_gateway.status_code == 204


def test_a_request_row_cannot_be_changed_after_it_was_saved(world: World):
    opportunity = world.record("Opportunity", "Velo Verde spare wheels")["Id"]
    world.control("permission_sets", {"user": "admin@northwind.example", "add": ["Stripe_Gateway_Rep"]})
    request = {"Action__c": "send-invoice", "Source_Record_Id__c": opportunity, "Source_Object__c": "Opportunity"}
    made = world.call("POST", "sobjects/Stripe_Action__c", request, user="admin@northwind.example")

    changed = world.call(
        "PATCH",
        f"sobjects/Stripe_Action__c/{made.json()['id']}",
        {"Requested_Amount__c": 1},
        user="admin@northwind.example",
    )

    assert made.status_code == 201
    assert changed.json()[0]["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def test_a_formula_field_is_worked_out_and_read_only(world: World):
    due = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
    world.call("PATCH", INVOICE, {**NEW, "Due_Date__c": due})

    invoice = world.call("GET", INVOICE).json()
    refused = world.call("PATCH", INVOICE, {"Days_Overdue__c": 3})

    assert (invoice["Days_Overdue__c"], invoice["Ageing_Bucket__c"]) == (10.0, "1-30 days")
    assert refused.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_every_formula_field_of_the_package_is_understood():
    org = build_org(SalesforceWorld.from_json(world_json()))

    assert org.schema.unsupported_formulas == []


RECORD = {
    "Name": "Ada",
    "Amount": Decimal("12.50"),
    "CloseDate": "2026-03-01",
    "StageName": "Closed Won",
    "IsWon": True,
}
FORMULAS = [
    ('Name = "Ada" && Amount > 12', True),
    ('Name == "ada" || ISBLANK(NextStep)', True),
    ("NOT(ISBLANK(Description))", False),
    ('ISPICKVAL(StageName, "Closed Won")', True),
    ('TEXT(StageName) & "!"', "Closed Won!"),
    ("Amount * 2 - 5 / 2", Decimal("22.5")),
    ("-Amount + (1 + 1)", Decimal("-10.5")),
    ("Amount <> NULL", True),
    ("NextStep = NULL", True),
    ("Probability > 0", False),
    ("!IsWon", False),
    ("ISNEW()", True),
    ("ISCHANGED(Name)", False),
    ("PRIORVALUE(Amount)", Decimal("12.50")),
    ('CASE(StageName, "Open", 1, "Closed Won", 2, 0)', Decimal(2)),
    ('IF(Amount >= 12.5, "big", "small")', "big"),
    ("CloseDate < TODAY()", False),
    ("CloseDate + 1 > CloseDate", True),
    ("CloseDate - DATEVALUE(CreatedDate)", Decimal(59)),
    ('CONTAINS(Name, "d") && BEGINS(Name, "A") && LEN(Name) = 3', True),
    ("LEFT(Name, 2) + RIGHT(Name, 1) + MID(Name, 2, 1)", "Adad"),
    ('SUBSTITUTE(UPPER(Name), "A", LOWER("X")) /* comment */', "xDx"),
    ('REGEX(Name, "[A-Z][a-z]+")', True),
    ("ROUND(Amount / 3, 2)", Decimal("4.17")),
    ("MAX(Amount, 3, 20) - MIN(Amount, 3)", Decimal(17)),
    ("FLOOR(Amount) + CEILING(Amount) + MOD(7, 4) + ABS(-1)", Decimal(29)),
    ('VALUE("4.5") + BLANKVALUE(Probability, 1)', Decimal("5.5")),
    ('FIND("a", Name)', Decimal(3)),
    ("$Permission.May_Do && NOT($Permission.May_Not)", True),
    ('$User.Id = "005x"', True),
    ("Account.Name = NULL", True),
    ("Amount / 0", None),
]


@pytest.mark.parametrize(("formula", "expected"), FORMULAS, ids=[formula for formula, _ in FORMULAS])
def test_a_formula_means_what_salesforce_says(formula: str, expected: Any):
    org = build_org(SalesforceWorld.from_json(world_json()))
    record = {**RECORD, "CreatedDate": "2026-01-01T10:00:00.000+0000"}
    scope = Scope(record, org.read, datetime(2026, 2, 1, tzinfo=UTC), permissions=frozenset({"May_Do"}), user_id="005x")

    closure = compile_formula(org.schema, org.schema.objects["Opportunity"], formula)

    assert closure(scope) == expected


@pytest.mark.parametrize(
    "formula",
    [
        "VLOOKUP(Name, Name, Name)",
        "Colour__c = 1",
        "Boss.Name = 'x'",
        "$Setup.X__c",
        "AND(",
        "ISCHANGED(1)",
        "LEN()",
        "Name ~ 1",
    ],
)
def test_a_rule_that_is_not_understood_stops_the_start(tmp_path: Path, formula: str):
    write_rule(tmp_path, "Account", "Odd", formula)

    with pytest.raises(MetadataError, match="Account"):
        build_org(SalesforceWorld.from_json(world_json(metadata=str(tmp_path))))


def test_a_changed_value_is_told_from_the_prior_one(tmp_path: Path, make_world: Maker):
    write_rule(tmp_path, "Account", "Phone_Is_Final", "AND(ISCHANGED(Phone), NOT(ISBLANK(PRIORVALUE(Phone))))")
    world = make_world(metadata=str(tmp_path))
    account = world.record("Account", "Sakura Rentals KK")["Id"]

    first = world.call("PATCH", f"sobjects/Account/{account}", {"Phone": "1"})
    same = world.call("PATCH", f"sobjects/Account/{account}", {"Phone": "1"})
    second = world.call("PATCH", f"sobjects/Account/{account}", {"Phone": "2"})

    assert [first.status_code, same.status_code, second.status_code] == [204, 204, 400]
    assert second.json()[0]["message"] == "Phone_Is_Final failed"


def test_a_formula_field_that_is_not_understood_is_null_and_listed(tmp_path: Path):
    write_field(tmp_path, "Account", "Odd__c", "<type>Text</type><formula>VLOOKUP(Name, Name, Name)</formula>")

    org = build_org(SalesforceWorld.from_json(world_json(metadata=str(tmp_path))))

    account = org.schema.objects["Account"]
    assert org.schema.unsupported_formulas == ["Account.Odd__c"]
    assert org.field_value(account, {"Id": "x"}, account.fields["Odd__c"]) is None


def test_blank_counts_as_zero_only_where_the_field_says_so(tmp_path: Path):
    body = "<type>Number</type><precision>18</precision><scale>0</scale><formula>NumberOfEmployees + 1</formula>"
    write_field(tmp_path, "Account", "Zero__c", body)
    write_field(tmp_path, "Account", "Blank__c", f"{body}<formulaTreatBlanksAs>BlankAsBlank</formulaTreatBlanksAs>")

    org = build_org(SalesforceWorld.from_json(world_json(metadata=str(tmp_path))))

    account = org.schema.objects["Account"]
    values = [org.field_value(account, {"Id": "x"}, account.fields[name]) for name in ("Zero__c", "Blank__c")]
    assert values == [Decimal(1), None]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<type>Location</type>", "field type 'Location'"),
        ("<type>Picklist</type>", "without valueSet"),
        ("<type>Picklist</type><valueSet><valueSetName>Nope</valueSetName></valueSet>", "no global value set Nope"),
        ("<type>Text</type", "test_a_field"),
    ],
)
def test_a_field_that_is_not_understood_stops_the_start(tmp_path: Path, body: str, problem: str):
    write_field(tmp_path, "Account", "Odd__c", body)

    with pytest.raises(MetadataError, match=problem):
        build_org(SalesforceWorld.from_json(world_json(metadata=str(tmp_path))))


def test_the_kinds_of_custom_fields(tmp_path: Path, make_world: Maker):
    write_object(tmp_path, "Ride__c", "<type>AutoNumber</type><displayFormat>R-{0000}</displayFormat>")
    parent = "<referenceTo>Account</referenceTo><relationshipName>Rides</relationshipName>"
    value_set = tmp_path / "main" / "core" / "globalValueSets"
    value_set.mkdir(parents=True)
    rows = "".join(f"<customValue><fullName>{name}</fullName></customValue>" for name in ("Low", "High"))
    (value_set / "Level.globalValueSet-meta.xml").write_text(
        f'<GlobalValueSet xmlns="http://soap.sforce.com/2006/04/metadata">{rows}</GlobalValueSet>'
    )
    shared = "<valueSet><valueSetName>Level</valueSetName></valueSet>"
    own = (
        "<valueSet><valueSetDefinition><value><fullName>A</fullName><default>true</default></value>"
        "<value><fullName>B</fullName></value></valueSetDefinition></valueSet>"
    )
    for name, body in {
        "Level__c": f"<type>Picklist</type>{shared}",
        "Tags__c": f"<type>MultiselectPicklist</type>{shared}",
        "Free__c": f"<type>Picklist</type>{own}",
        "Done__c": "<type>Checkbox</type><defaultValue>true</defaultValue>",
        "Notes__c": "<type>LongTextArea</type><length>1000</length>",
        "Mail__c": "<type>Email</type>",
        "Account__c": f"<type>MasterDetail</type>{parent}",
        "Gone__c": "<type>Lookup</type><referenceTo>Missing__c</referenceTo>",
    }.items():
        write_field(tmp_path, "Ride__c", name, body)
    world = make_world(metadata=str(tmp_path))
    account = world.record("Account", "Sakura Rentals KK")["Id"]

    made = world.call("POST", "sobjects/Ride__c", {"Account__c": account, "Level__c": "Low", "Tags__c": "Low;High"})
    codes = [
        world.call("POST", "sobjects/Ride__c", {"Account__c": account, **bad}).json()[0]["errorCode"]
        for bad in (
            {"Level__c": "Odd"},
            {"Tags__c": "Low;Odd"},
            {"Mail__c": "no"},
            {"Account__c": None},
            {"Name": "x"},
            {"Gone__c": "x"},
        )
    ]

    ride = world.call("GET", f"sobjects/Ride__c/{made.json()['id']}").json()
    children = world.call(
        "GET", "query?q=SELECT (SELECT Name FROM Rides__r) FROM Account WHERE Name LIKE 'Sak%25'"
    ).json()
    assert (ride["Name"], ride["Free__c"], ride["Done__c"]) == ("R-0001", "A", True)
    assert children["records"][0]["Rides__r"]["records"][0]["Name"] == "R-0001"
    assert codes == [
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_EMAIL_ADDRESS",
        "REQUIRED_FIELD_MISSING",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_FIELD",
    ]
