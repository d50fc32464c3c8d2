"""Defects in flows, put into a small project that is right; each must be found."""

import pytest

from tests.metadata.seeding import found
from tests.metadata.small_project import BUNDLE_META, CLASS, FLOW, SCREEN, SOURCES, about_the_small_one, project

DEFECTS = {
    "a flow property the component lacks": (
        BUNDLE_META,
        'name="recordId"',
        'name="record"',
        "property record is not an @api",
    ),
    "a screen with a missing component": (SCREEN, "c:probe", "c:prob", "component prob does not exist"),
    "a screen with a component not made for screens": (
        BUNDLE_META,
        "<target>lightning__FlowScreen</target>",
        "",
        "is not made for lightning__FlowScreen",
    ),
    "a screen with an unknown input": (
        SCREEN,
        "<name>recordId</name><value>",
        "<name>record</name><value>",
        "has no property record",
    ),
    "a screen with an unknown variable": (
        SCREEN,
        "<variables><name>recordId",
        "<variables><name>record",
        "recordId does not exist",
    ),
    "a connector to nowhere": (FLOW, "<targetReference>Queued", "<targetReference>Queue", "leads to Queue"),
    "a fault connector to nowhere": (
        FLOW,
        "<faultConnector><targetReference>Tell",
        "<faultConnector><targetReference>Told",
        "leads to Told",
    ),
    "a start that leads nowhere": (FLOW, "<targetReference>Ask", "<targetReference>Asked", "start leads to Asked"),
    "a flow that starts nothing": (
        SCREEN,
        "<connector><targetReference>Show</targetReference></connector>",
        "",
        "starts nothing",
    ),
    "an element nobody reaches": (
        FLOW,
        "<connector><targetReference>Queued</targetReference></connector>",
        "",
        "Queued is never reached",
    ),
    "no fault path after the commit": (
        FLOW,
        "<faultConnector><targetReference>Tell</targetReference></faultConnector>",
        "",
        "Ask has no fault path (on path AsyncAfterCommit)",
    ),
    "no fault path on the refused branch": (
        FLOW,
        "<faultConnector><targetReference>Mail</targetReference></faultConnector>",
        "",
        "Tell has no fault path",
    ),
    "no fault path on a scheduled path": (
        FLOW,
        "<faultConnector><targetReference>Tell</targetReference></faultConnector>\n<inputParameters>",
        "<inputParameters>",
        "Ask has no fault path",
    ),
    "no fault path while the record is saved": (
        FLOW,
        "<scheduledPaths>",
        "<connector><targetReference>Mail</targetReference></connector><scheduledPaths>",
        "Mail has no fault path (on path now)",
    ),
    "a callout while saving": (
        FLOW,
        "<object>Opportunity",
        "<connector><targetReference>Ask</targetReference></connector><object>Opportunity",
        "calls out while the record is being saved",
    ),
    "a label on an asynchronous path": (
        FLOW,
        "<pathType>",
        "<label>After</label><pathType>",
        "refuses a label or an offset",
    ),
    "a flow over a missing class": (FLOW, "<actionName>Probe", "<actionName>Prob", "class Prob does not exist"),
    "a flow over a class that is no action": (
        CLASS,
        "@InvocableMethod(label='Probe' description='Looks.' category='Probe' callout=true)",
        "",
        "has no invocable method",
    ),
    "a flow with an unknown input": (
        FLOW,
        "<name>recordId</name><value>",
        "<name>record</name><value>",
        "Probe has no input record",
    ),
    "a flow without a required input": (
        FLOW,
        "<name>recordId</name><value>",
        "<name>amount</name><value>",
        "input recordId of Probe is required",
    ),
    "a flow reading an unknown output": (
        FLOW,
        "<leftValueReference>Ask.status",
        "<leftValueReference>Ask.state",
        "Ask.state is no output of Probe",
    ),
    "a flow comparing with a status that is never": (
        FLOW,
        "<stringValue>queued",
        "<stringValue>Queued",
        "Ask.status is never Queued",
    ),
    "a flow reading an unknown resource": (
        FLOW,
        "<elementReference>Why",
        "<elementReference>Because",
        "Because does not exist",
    ),
    "a formula reading an unknown resource": (FLOW, "{!Ask.status}", "{!Asked.status}", "Asked does not exist"),
    "a flow reading a missing field": (
        FLOW,
        "$Record.Id",
        "$Record.Stripe_No__c",
        "$Record.Stripe_No__c does not exist",
    ),
    "a flow reading a missing permission": (
        FLOW,
        "<leftValueReference>Ask.status",
        "<leftValueReference>$Permission.Stripe_No",
        "$Permission.Stripe_No does not exist",
    ),
    "a flow triggered by a missing field": (
        FLOW,
        "<field>Stripe_Status__c",
        "<field>Stripe_State__c",
        "filters by Opportunity.Stripe_State__c",
    ),
    "a flow triggered by a value that is never": (
        FLOW,
        "<stringValue>Paid",
        "<stringValue>Payed",
        "Stripe_Status__c is never Payed",
    ),
    "a flow that runs on every save": (FLOW, "Criteria>true", "Criteria>false", "runs on every save"),
    "a flow with an id in it": (
        FLOW,
        "<stringValue>Paid",
        "<stringValue>0015g00000XyZabAAB",
        "names a record by its id",
    ),
    "an example that starts by itself": (FLOW, "<status>Draft", "<status>Active", "an example is deployed as a draft"),
    "an action of no known kind": (FLOW, "<actionType>apex", "<actionType>flow", "action Probe is not known here"),
    "a row made before the save": (
        FLOW,
        "<triggerType>RecordAfterSave",
        "<connector><targetReference>Tell</targetReference></connector><triggerType>RecordBeforeSave",
        "cannot stand in a flow before the save",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found(name):
    file, old, new, says = DEFECTS[name]
    assert old is None or old in SOURCES[file], "the defect no longer applies"

    bad = None if old is None else SOURCES[file].replace(old, new, 1)

    assert [finding for finding in about_the_small_one(found(project(**{file: bad}))) if says in finding]
