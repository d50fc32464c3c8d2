"""Defects in Apex classes and components, put into a small project that is right; each must be found."""

import pytest

from tests.metadata.seeding import found
from tests.metadata.small_project import (
    BUNDLE_META,
    CLASS,
    CLASS_META,
    PAGE,
    SCRIPT,
    SOURCES,
    about_the_small_one,
    project,
)

DEFECTS = {
    "an invocable method with two parameters": (
        CLASS,
        "List<Request> inputs",
        "List<Request> inputs, Id other",
        "takes one list",
    ),
    "an invocable method for one record": (CLASS, "(List<Request> inputs)", "(Request inputs)", "takes one list"),
    "an invocable method that returns one": (CLASS, "List<Result> run", "Result run", "returns a list"),
    "an invocable method of an object": (CLASS, "static List<Result>", "List<Result>", "an invocable method is static"),
    "an invocable method without a name": (CLASS, "label='Probe' ", "", "has a label"),
    "a cacheable method that inserts": (
        CLASS,
        "        return [SELECT",
        "        insert new Task();\n        return [SELECT",
        "changes no record",
    ),
    "a cacheable method that updates by Database": (
        CLASS,
        "        return [SELECT",
        "        Database.update(rows);\n        return [SELECT",
        "changes no record",
    ),
    "a cacheable method that returns nothing": (
        CLASS,
        "List<Stripe_Invoice__c> open",
        "void open",
        "returns something",
    ),
    "a method of the component that is not static": (
        CLASS,
        "static List<Stripe_Invoice__c>",
        "List<Stripe_Invoice__c>",
        "an @AuraEnabled method is static",
    ),
    "a query for a missing field": (CLASS, "Number__c,", "Nr__c,", "queries Stripe_Invoice__c.Nr__c"),
    "a query by a missing field": (CLASS, "WHERE Status__c", "WHERE State__c", "queries Stripe_Invoice__c.State__c"),
    "a query through a missing lookup": (
        CLASS,
        "Stripe_Customer__r",
        "Customer__r",
        "queries Stripe_Invoice__c.Customer__r",
    ),
    "a query for a parent's missing field": (CLASS, "__r.Email__c", "__r.Mail__c", "Stripe_Customer__r.Mail__c"),
    "a query of a missing object": (CLASS, "FROM Stripe_Invoice__c", "FROM Stripe_Bill__c", "queries Stripe_Bill__c"),
    "a status that is never": (CLASS, "= 'Open'", "= 'Opened'", "Status__c is never 'Opened'"),
    "an action that is never": (CLASS, "'send-invoice'", "'send_invoice'", "Action__c is never 'send_invoice'"),
    "a row with a missing field": (
        CLASS,
        "Source_Record_Id__c =",
        "Source_Id__c =",
        "sets Stripe_Action__c.Source_Id__c",
    ),
    "a row of a missing object": (CLASS, "new Stripe_Action__c(", "new Stripe_Request__c(", "makes Stripe_Request__c"),
    "a missing column by name": (CLASS, ".Due_Date__c", ".Due_On__c", "names Stripe_Action__c.Due_On__c"),
    "a permission nobody has": (CLASS, "'Stripe_Send_Invoice'", "'Stripe_Bill'", "custom permission Stripe_Bill"),
    "a named credential that is not there": (
        CLASS,
        "callout:Stripe_Gateway/",
        "callout:Stripe_Gatway/",
        "named credential Stripe_Gatway",
    ),
    "an address in Apex": (CLASS, "callout:Stripe_Gateway/", "https://gateway.acme.com/", "names an address"),
    "a callout from a copy": (CLASS, "StripeGatewaySwitch.isOn()", "true", "calls out without asking"),
    "a label that is not there": (
        CLASS,
        "return new List",
        "String told = System.Label.No_Such; return new List",
        "label No_Such",
    ),
    "a class of another version": (CLASS_META, "65.0", "62.0", "API version is not that of the project"),
    "a component calling a missing method": (
        SCRIPT,
        "Probe.open",
        "Probe.opened",
        "Probe.opened is no @AuraEnabled method",
    ),
    "a component calling a missing class": (SCRIPT, "apex/Probe.", "apex/Prob.", "Prob.open is no @AuraEnabled method"),
    "a component wired to a method that is not cacheable": (
        CLASS,
        "(cacheable=true)",
        "",
        "is wired and not cacheable",
    ),
    "a component asking for a missing permission": (
        SCRIPT,
        "Stripe_Send_Invoice",
        "Stripe_Bill",
        "custom permission Stripe_Bill",
    ),
    "a component reading a missing field": (
        SCRIPT,
        "Stripe_Status__c",
        "Stripe_State__c",
        "field Opportunity.Stripe_State__c",
    ),
    "a component with a missing label": (
        SCRIPT,
        "import mayBill",
        'import no from "@salesforce/label/c.No_Such";\nimport mayBill',
        "label No_Such",
    ),
    "a component with a missing module": (
        SCRIPT,
        "import mayBill",
        'import { x } from "c/nothing";\nimport mayBill',
        "module c/nothing",
    ),
    "a component with a missing child": (PAGE, "<p>", "<c-no-such></c-no-such><p>", "<c-no-such> does not exist"),
    "a component nobody can place": (BUNDLE_META, "<isExposed>true", "<isExposed>false", "is exposed and has targets"),
    "a component without its script": (SCRIPT, None, None, "has no module of its own name"),
    "a record action without a screen": (
        BUNDLE_META,
        "<actionType>ScreenAction",
        "<actionType>Action",
        "says ScreenAction",
    ),
    "a component configured for where it cannot stand": (
        BUNDLE_META,
        'targets="lightning__FlowScreen"',
        'targets="lightning__HomePage"',
        "configures lightning__HomePage",
    ),
}


def test_the_small_project_is_right():
    assert about_the_small_one(found(project())) == []


@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found(name):
    file, old, new, says = DEFECTS[name]
    assert old is None or old in SOURCES[file], "the defect no longer applies"

    bad = None if old is None else SOURCES[file].replace(old, new, 1)

    assert [finding for finding in about_the_small_one(found(project(**{file: bad}))) if says in finding]


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (CLASS_META, "Probe.cls has no -meta.xml"),
        (CLASS, "Probe.cls-meta.xml stands alone"),
        (BUNDLE_META, "has no .js-meta.xml"),
    ],
)
def test_half_a_component_is_found(missing, says):
    assert [finding for finding in found(project(**{missing: None})) if says in finding]


def test_two_invocable_methods_in_one_class_are_found():
    twice = SOURCES[CLASS].replace(
        "    public class Request",
        "    @InvocableMethod(label='Again')\n    public static List<Result> again(List<Request> i) { return null; }\n"
        "    public class Request",
    )

    assert [finding for finding in found(project(**{CLASS: twice})) if "has two invocable methods" in finding]
