import json
import tomllib

import pytest

from gateway.projections import action
from gateway.projections.rows import LOOKUPS, POINTING
from gateway.records import Status
from tests.metadata import checks
from tests.metadata.tree import NAMESPACE, ROOT, load, picklist
from tests.metadata.written import written

TREE = load()
# Of sfdx-project.schema.json (@salesforce/schemas). No dependencies: an org-dependent package cannot name any.
PACKAGE = {"path", "package", "versionName", "versionNumber"}
OURS = ("Stripe_Action__c", "Stripe_Customer__c", "Stripe_Invoice__c", "Stripe_Payment_Link__c", "Stripe_Payment__c",
        "Stripe_Refund__c", "Stripe_Sync_Issue__c")  # fmt: skip


def test_no_check_finds_anything():
    assert checks.findings(TREE, written()) == []


def test_the_checks_look_at_every_file_of_every_package_directory():
    project = json.loads((ROOT / "sfdx-project.json").read_text(encoding="utf-8"))
    directories = [directory["path"] for directory in project["packageDirectories"]]

    inside = [c for c in TREE.components if any(str(c.path).startswith(f"{path}/") for path in directories)]

    assert len(inside) == len(TREE.components) == len(list(ROOT.rglob("*.xml")))
    assert project["sourceApiVersion"] == "65.0"


def test_every_directory_that_an_org_keeps_is_a_package_of_the_release():
    project = json.loads((ROOT / "sfdx-project.json").read_text(encoding="utf-8"))
    packages = {each["path"]: each for each in project["packageDirectories"] if "package" in each}
    release = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    # Filled in or run where they are deployed, or changed before use: these are never packaged.
    paths = {each["path"] for each in project["packageDirectories"]}
    assert set(packages) == paths - {"unpackaged", "tests", "examples"}
    assert all(set(each) - {"default"} == PACKAGE for each in packages.values())
    assert {each["versionNumber"] for each in packages.values()} == {f"{release}.NEXT"}
    assert len({each["package"] for each in packages.values()}) == len(packages)
    assert project["namespace"] == ""


def test_the_objects_are_those_the_gateway_writes():
    settings = {"Stripe_Gateway_Setting__c"}

    assert (
        set(TREE.named("CustomObject")) - settings
        == set(OURS)
        == {sobject for sobject, _ in written() if "__c" in sobject}
    )


@pytest.mark.parametrize("sobject", ["Account", "Case", "Contact", "Opportunity", "Order", "Quote"])
def test_every_source_object_carries_the_same_stamp(sobject):
    def stamp(owner):
        fields = {name: field for (found, name), field in TREE.fields.items() if found == owner}
        return {name: field.text("type") for name, field in fields.items() if name.startswith("Stripe_")}

    assert stamp(sobject) == stamp("Opportunity")


@pytest.mark.parametrize(("sobject", "lookup"), LOOKUPS.items())
def test_the_rows_that_point_to_their_source_are_those_with_its_lookup(sobject, lookup):
    pointing = {owner for owner, name in TREE.fields if name == lookup and owner in OURS}

    assert pointing - {"Stripe_Customer__c", "Stripe_Sync_Issue__c"} == set(POINTING)


def test_the_core_names_no_optional_object():
    main = [component for component in TREE.components if component.path.parts[0] == "main"]

    text = "".join((ROOT / component.path).read_text(encoding="utf-8") for component in main)

    assert "Order__c" not in text
    assert "Quote__c" not in text
    assert "<object>Order</object>" not in text
    assert "<referenceTo>Quote</referenceTo>" not in text


def test_a_row_inserted_by_a_person_starts_as_queued():
    field = TREE.fields["Stripe_Action__c", "Status__c"]

    defaults = [row for row in field.each("valueSet/valueSetDefinition/value") if row.find("{*}default").text == "true"]

    assert [value.find("{*}fullName").text for value in defaults] == [Status.QUEUED]


@pytest.mark.parametrize("name", action.ACTIONS)
def test_each_action_name_is_url_file_and_picklist_value(name):
    assert name in picklist(TREE.fields["Stripe_Action__c", "Action__c"])


def answer_columns(sobject):
    """Gateway-owned fields; account, contact and source lookups move when people merge records."""
    moved = {"Account__c", "Contact__c", "Opportunity__c", "Case__c", "Order__c", "Quote__c"}
    request = frozen("Stripe_Action__c", "Request_Is_Write_Once") if sobject == "Stripe_Action__c" else set()
    return {name for owner, name in written() if owner == sobject} - moved - request


def frozen(sobject, rule):
    rules = [r for r in TREE.of("ValidationRule") if r.sobject == sobject and r.name.startswith(rule)]
    formulas = " ".join(r.text("errorConditionFormula") for r in rules)
    return {name for owner, name in TREE.fields if owner == sobject and f"ISCHANGED({name})" in formulas}


@pytest.mark.parametrize("sobject", OURS)
def test_what_the_gateway_owns_is_frozen_for_everybody_else(sobject):
    assert frozen(sobject, "Only_The_Gateway_Writes") == answer_columns(sobject)


@pytest.mark.parametrize("sobject", ["Account", "Case", "Contact", "Opportunity", "Order", "Quote"])
def test_the_stamp_is_frozen_for_everybody_else(sobject):
    assert frozen(sobject, "Stripe_Fields_Are_The_Gateways") == {name for owner, name in written() if owner == sobject}


def test_what_was_asked_for_is_frozen_column_by_column():
    columns = {name for owner, name in TREE.fields if owner == "Stripe_Action__c"}
    lookups = {"Account__c", "Contact__c", "Opportunity__c", "Case__c", "Order__c", "Quote__c"}

    request = columns - frozen("Stripe_Action__c", "Only_The_Gateway_Writes") - lookups

    assert frozen("Stripe_Action__c", "Request_Is_Write_Once") == request


@pytest.mark.parametrize("sobject", OURS)
def test_the_bypass_is_the_gateways_own_permission(sobject):
    rules = [r for r in TREE.of("ValidationRule") if r.sobject == sobject and r.name.startswith("Only_The_Gateway")]

    assert rules
    assert all("NOT($Permission.Stripe_Gateway_Write)" in rule.text("errorConditionFormula") for rule in rules)


def test_finance_reads_every_field_of_every_object():
    finance = TREE.named("PermissionSet")["Stripe_Gateway_Finance"]

    readable = {row["field"] for row in finance.rows("fieldPermissions")}

    assert readable >= {
        f"{sobject}.{name}"
        for (sobject, name), field in TREE.fields.items()
        if sobject in OURS and "main" in field.path.parts
    }


SHOWN = [(f"Stripe_{name}__c", "Status__c") for name in ("Invoice", "Payment_Link", "Payment", "Refund")]


@pytest.mark.parametrize("key", [*SHOWN, ("Stripe_Refund__c", "Reason__c")])
def test_what_the_card_shows_is_labelled_with_the_words_of_its_values(key):
    root = TREE.fields[key].root
    values = [] if root is None else list(root.iter(f"{NAMESPACE}value"))

    labels = {value.findtext(f"{NAMESPACE}fullName"): value.findtext(f"{NAMESPACE}label") for value in values}

    assert labels
    assert all(name == label for name, label in labels.items())
