"""Who may do what, as one table: the shipped permission sets grant this and nothing else."""

import re

import pytest

from tests.metadata.apex import classes, methods
from tests.metadata.check_access import principals
from tests.metadata.tree import load, picklist
from tests.metadata.written import written

TREE = load()
SETS = TREE.named("PermissionSet")
REP, REFUNDS, FINANCE = "Stripe_Gateway_Rep", "Stripe_Gateway_Refunds", "Stripe_Gateway_Finance"
ADMIN, AUTOMATION = "Stripe_Gateway_Admin", "Stripe_Gateway_Automation"
INTEGRATION, REBUILD, EXAMPLES = "Stripe_Gateway_Integration", "Stripe_Gateway_Rebuild", "Stripe_Gateway_Examples"
OPTIONAL = {"Stripe_Gateway_Integration_Orders", "Stripe_Gateway_Integration_Quotes"}

# What can be called, run or used → the permission sets that reach it.
REACHED_BY = {
    "classAccesses/apexClass": {
        "StripePaymentsController": {REP, REFUNDS, FINANCE, ADMIN},
        "StripeSendInvoiceAction": {REP, AUTOMATION},
        "StripeCreateCustomerAction": {REP, AUTOMATION},
        "StripePaymentLinkAction": {REP, AUTOMATION},
        "StripeRefundAction": {REFUNDS, AUTOMATION},
    },
    "externalCredentialPrincipalAccesses/externalCredentialPrincipal": {
        "Stripe_Gateway-Rep": {REP, REFUNDS},
        "Stripe_Gateway_Automation-Automation": {AUTOMATION},
    },
    "flowAccesses/flow": {"Stripe_Payments_Screen": {EXAMPLES}},
    "customPermissions/name": {
        "Stripe_Send_Invoice": {REP, AUTOMATION},
        "Stripe_Refund": {REFUNDS, AUTOMATION},
        "Stripe_Gateway_Write": {INTEGRATION},
        "Stripe_Gateway_Rebuild": {REBUILD},
    },
    "customSettingAccesses/name": {"Stripe_Gateway_Setting__c": {ADMIN}},
    "applicationVisibilities/application": {"Stripe_Payments": {REP, REFUNDS, FINANCE, ADMIN}},
}
GROUPS = {
    "Stripe_Sales": {REP},
    "Stripe_Service": {REP, REFUNDS},
    "Stripe_Finance": {FINANCE},
    "Stripe_Administration": {ADMIN, REP},
}
READERS = {
    "Stripe_Action__c": {REP, REFUNDS, FINANCE, ADMIN, AUTOMATION, INTEGRATION},
    "Stripe_Customer__c": {REP, REFUNDS, FINANCE, ADMIN, INTEGRATION},
    "Stripe_Invoice__c": {REP, REFUNDS, FINANCE, ADMIN, INTEGRATION},
    "Stripe_Payment_Link__c": {REP, REFUNDS, FINANCE, ADMIN, INTEGRATION},
    "Stripe_Payment__c": {REP, REFUNDS, FINANCE, ADMIN, INTEGRATION},
    "Stripe_Refund__c": {REP, REFUNDS, FINANCE, ADMIN, INTEGRATION},
    "Stripe_Sync_Issue__c": {FINANCE, ADMIN, INTEGRATION},
}
MONEY_BACK = {"Payment_Id__c", "Refund_Reason__c"}
# What a person fills in to ask; a rule freezes all of it once the row is saved.
ASKED = {
    "Action__c", "Source_Object__c", "Source_Record_Id__c", "Requested_Entity__c", "Requested_Amount__c",
    "Requested_Currency__c", "Description__c", "Options_Json__c",
}  # fmt: skip
BILLED = {
    "Recipient_Email__c", "Recipient_Contact__c", "Due_Date__c", "Days_Until_Due__c", "Footer__c", "Po_Number__c",
    "Reference__c", "Portion_Percent__c", "Reusable_Link__c", "Replace_Open_Invoice__c", "Additional_Invoice__c",
    "Lines_Json__c",
}  # fmt: skip
MAY_ASK = {REP: ASKED | BILLED, REFUNDS: ASKED | MONEY_BACK, AUTOMATION: ASKED | BILLED | MONEY_BACK}


def granted(tag, member):
    found = {}
    for name, each in SETS.items():
        for row in each.rows(tag):
            if row.get("enabled", row.get("visible")) == "true":
                found.setdefault(row[member], set()).add(name)
    return found


def fields(name, grant):
    return {row["field"] for row in SETS[name].rows("fieldPermissions") if row[grant] == "true"}


def objects(grant):
    found = {}
    for name, each in SETS.items():
        for row in each.rows("objectPermissions"):
            if row[grant] == "true":
                found.setdefault(row["object"], set()).add(name)
    return found


def test_the_table_names_every_permission_set():
    assert set(SETS) == {REP, REFUNDS, FINANCE, ADMIN, AUTOMATION, INTEGRATION, REBUILD, EXAMPLES} | OPTIONAL


@pytest.mark.parametrize("what", REACHED_BY)
def test_everything_is_reached_by_exactly_the_roles_meant(what):
    assert granted(*what.split("/")) == REACHED_BY[what]


def test_whoever_reads_our_rows_reaches_the_card_and_without_a_permission_it_calls_nobody():
    card = granted("classAccesses", "apexClass")["StripePaymentsController"]
    principals = granted("externalCredentialPrincipalAccesses", "externalCredentialPrincipal").values()
    permissions = granted("customPermissions", "name").values()

    lookers = card - set().union(*principals)

    assert card == READERS["Stripe_Invoice__c"] - {INTEGRATION}
    assert lookers == card - set().union(*permissions) == {FINANCE, ADMIN}


def test_every_class_that_can_be_called_from_outside_is_in_the_table():
    callable_ones = {name for name, text in classes(TREE).items() if any(methods(text))}

    expected = set(REACHED_BY["classAccesses/apexClass"])

    assert callable_ones == expected


def test_every_principal_is_in_the_table():
    assert principals(TREE) == set(REACHED_BY["externalCredentialPrincipalAccesses/externalCredentialPrincipal"])


def test_every_flow_that_a_person_can_start_asks_for_permission():
    started = {flow.name for flow in TREE.of("Flow") if not flow.text("start/triggerType")}
    guarded = {flow.name for flow in TREE.of("Flow") if flow.text("isAdditionalPermissionRequiredToRun") == "true"}

    assert started == guarded == set(REACHED_BY["flowAccesses/flow"])


def test_each_group_holds_exactly_its_sets():
    groups = {n: {e.text for e in each.each("permissionSets")} for n, each in TREE.named("PermissionSetGroup").items()}

    assert groups == GROUPS


def test_no_group_can_both_administer_and_refund_and_no_person_is_an_automation():
    assert not [name for name, sets in GROUPS.items() if {ADMIN, REFUNDS} <= sets or AUTOMATION in sets]


def test_our_objects_are_read_by_exactly_the_roles_meant():
    assert {n: sets - OPTIONAL for n, sets in objects("allowRead").items() if n.startswith("Stripe_")} == READERS


def test_a_role_that_reads_an_object_reads_all_its_fields():
    core = {key for key, each in TREE.within("main").fields.items() if each.text("required") != "true"}

    missing = [
        f"{name}: {sobject}.{field}"
        for sobject, names in READERS.items()
        for name in names
        for owner, field in core
        if owner == sobject and f"{sobject}.{field}" not in fields(name, "readable")
    ]

    assert missing == []


def test_every_field_the_gateway_writes_is_editable_by_its_user():
    required = {key for key, each in TREE.fields.items() if each.text("required") == "true"}
    editable = set().union(*(fields(name, "editable") for name in {INTEGRATION} | OPTIONAL))

    assert {".".join(key) for key in written() if key not in required} == editable


@pytest.mark.parametrize("name", sorted(set(SETS) - {INTEGRATION} - OPTIONAL))
def test_everybody_else_may_fill_in_a_request_and_change_nothing_else(name):
    ours = {field for field in fields(name, "editable") if "Stripe_" in field}

    assert ours == {f"Stripe_Action__c.{field}" for field in MAY_ASK.get(name, set())}


def test_the_request_columns_are_those_that_are_frozen_once_saved():
    [rule] = [each for each in TREE.of("ValidationRule") if each.name == "Request_Is_Write_Once"]

    everything = ASKED | BILLED | MONEY_BACK

    assert all(f"ISCHANGED({name})" in rule.text("errorConditionFormula") for name in everything)
    assert rule.text("errorConditionFormula").count("ISCHANGED(") == len(everything)


def test_whoever_may_fill_in_the_columns_of_an_action_holds_the_permission_that_the_rule_asks_for():
    holders = granted("customPermissions", "name")

    assert {name for name, asked in MAY_ASK.items() if asked & MONEY_BACK} == holders["Stripe_Refund"]
    assert {name for name, asked in MAY_ASK.items() if asked & BILLED} == holders["Stripe_Send_Invoice"]


def test_the_rule_knows_every_action_that_gives_money_back():
    [rule] = [each for each in TREE.of("ValidationRule") if each.name == "Request_Is_Permitted"]
    names = set(picklist(TREE.fields["Stripe_Action__c", "Action__c"]))

    named = set(re.findall(r'ISPICKVAL\(Action__c, "([\w-]+)"', rule.text("errorConditionFormula")))

    assert named == {name for name in names if "refund" in name or "credit" in name}


def test_nobody_else_edits_or_deletes_a_row_of_ours_and_only_askers_insert_one():
    ours = {name: objects(name) for name in ("allowCreate", "allowEdit", "allowDelete", "modifyAllRecords")}

    people = {
        grant: {name: sets - {INTEGRATION} for name, sets in found.items() if name.startswith("Stripe_")}
        for grant, found in ours.items()
    }

    assert {name: sets for name, sets in people.pop("allowCreate").items() if sets} == {
        "Stripe_Action__c": set(MAY_ASK)
    }
    assert not [sets for found in people.values() for sets in found.values() if sets]


def test_a_principal_comes_with_read_access_to_user_external_credentials_and_no_more():
    assert objects("allowRead")["UserExternalCredential"] == {REP, REFUNDS, AUTOMATION}
    assert "UserExternalCredential" not in objects("allowEdit") | objects("allowCreate") | objects("allowDelete")


def test_nobody_is_given_a_permission_of_the_platform():
    assert [name for name, each in SETS.items() if any(each.rows("userPermissions"))] == []
