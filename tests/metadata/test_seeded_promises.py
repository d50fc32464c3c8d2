"""Defects in the real project that compile and deploy, and break it in an org; each must be found."""

import pytest

from tests.metadata.seeding import TREE, changed, found

CORE = "main/core"
CLASSES = f"{CORE}/classes"
CLIENT = f"{CLASSES}/StripeGatewayClient.cls"
CONTROLLER = f"{CLASSES}/StripePaymentsController.cls"
RUNNER = f"{CLASSES}/StripeActionRunner.cls"
OUTBOX = f"{CLASSES}/StripeOutboxJob.cls"
TRIGGER = f"{CORE}/triggers/StripeActionTrigger.trigger"
LWC = f"{CORE}/lwc"
ACTION = f"{CORE}/objects/Stripe_Action__c"
CREDENTIALS = "unpackaged/externalCredentials"
PERSON = f"{CREDENTIALS}/Stripe_Gateway.externalCredential-meta.xml"
AUTOMATION = f"{CREDENTIALS}/Stripe_Gateway_Automation.externalCredential-meta.xml"
REFUSAL = """        StripeGatewayAnswer refusal = refusalOf(action);
        if (refusal != null) {
            return refusal;
        }
"""
FINALIZER = "        System.attachFinalizer(retry);\n"
PULL = "        StripeGatewayAnswer answer = new StripeGatewayClient().pullOutbox();\n"
PREVIEW_REFUSAL = REFUSAL.replace("return refusal", "return StripeGatewayPreview.refused(refusal)")

APEX = {
    "a controller without sharing": (CONTROLLER, "with sharing", "without sharing", "is without sharing"),
    "a controller that inherits sharing": (CONTROLLER, "with sharing", "inherited sharing", "is inherited sharing"),
    "a source record without sharing": (
        f"{CLASSES}/StripeSourceRecord.cls",
        "with sharing",
        "without sharing",
        "StripeSourceRecord: is without sharing",
    ),
    "an answer that says nothing on sharing": (
        f"{CLASSES}/StripeGatewayAnswer.cls",
        "inherited sharing ",
        "",
        "is without a word on sharing",
    ),
    "an action for whoever calls": (CONTROLLER, REFUSAL, "", "run: asks the gateway before it has asked"),
    "a preview for whoever calls": (CONTROLLER, PREVIEW_REFUSAL, "", "preview: asks the gateway before it has asked"),
    "a refusal that is only looked at": (CONTROLLER, "            return refusal;\n", "", "run: asks the gateway"),
    "a refusal of nobody": (CONTROLLER, "StripeRights.may(action)", "true", "refusalOf: asks for no permission"),
    "a waiting flow for whoever runs it": (
        RUNNER,
        "StripeRights.may(action)",
        "StripeRights.mayInvoice()",
        "call: asks the gateway before it has asked",
    ),
    "a refusal of a waiting flow that is only written down": (
        RUNNER,
        "            return StripeActionResult.tell(request.refusal, request.requestKey);\n",
        "",
        "call: asks the gateway before it has asked",
    ),
    "an action on a record nobody has seen": (
        CONTROLLER,
        "        StripeSourceRecord source = new StripeSourceRecord(recordId);\n        StripeGatewayAnswer refusal",
        "        StripeGatewayAnswer refusal",
        "preview: asks the gateway before the person has proved",
    ),
    "a lost answer that is called a refusal": (
        CLIENT,
        "StripeGatewayAnswer.unanswered(lost.getMessage(), requestKey)",
        "StripeGatewayAnswer.refused('no_answer', lost.getMessage())",
        "taken for one that did nothing",
    ),
    "a callout longer than Salesforce's longest": (CLIENT, "= 20000", "= 200000", "ACT_MILLISECONDS: a callout lasts"),
    "a callout that lasts as it likes": (
        CLIENT,
        "setTimeout(milliseconds)",
        "setTimeout(200000)",
        "setTimeout(200000)",
    ),
    "a wait longer than the callout": (CLIENT, "wait=8", "wait=60", "waits 60 s for the gateway"),
    "a trigger on every change": (TRIGGER, "(after insert)", "(after insert, after update)", "after insert, after upd"),
    "a call for the gateway's own rows": (
        OUTBOX,
        " && String.isBlank(row.Gateway_Action_Id__c)",
        "",
        "announce: the gateway's own rows",
    ),
    "a job without a finalizer": (OUTBOX, FINALIZER, "", "only by a finalizer"),
    "a finalizer after the call": (
        OUTBOX,
        f"{FINALIZER}{PULL}",
        f"{PULL}{FINALIZER}",
        "only by a finalizer",
    ),
    "a job that may not call out": (OUTBOX, ", Database.AllowsCallouts", "", "says Database.AllowsCallouts"),
    "a member the components do not see": (
        f"{CLASSES}/StripeOverview.cls",
        "        @AuraEnabled\n        public String requestKey",
        "        public String requestKey",
        "StripeOverview.requestKey: components do not see it",
    ),
    "a list the components do not see": (
        f"{CLASSES}/StripeGatewayPreview.cls",
        "    @AuraEnabled\n    public List<String> warnings",
        "    public List<String> warnings",
        "StripeGatewayPreview.warnings: components do not see it",
    ),
}
COMPONENTS = {
    "an argument of another name": (
        f"{LWC}/stripeGateway/stripeGateway.js",
        "findAnswer({ requestKey })",
        "findAnswer({ key: requestKey })",
        "calls StripePaymentsController.find with ['key']",
    ),
    "an argument that is left out": (
        f"{LWC}/stripeCourse/stripeCourse.js",
        "previewToken, options }",
        "options }",
        "calls StripePaymentsController.run",
    ),
    "a wire with an argument of another name": (
        f"{LWC}/stripePaymentsCard/stripePaymentsCard.js",
        "readOverview, { recordId:",
        "readOverview, { id:",
        "calls StripePaymentsController.overview with ['id']",
    ),
    "a member of an invoice under the gateway's name": (
        f"{LWC}/stripePaymentsCard/stripePaymentsCard.js",
        "{ invoiceNumber: number,",
        "{ number,",
        "reads number, which StripeOverview.Invoice does not show",
    ),
    "a member of an answer that is not there": (
        f"{LWC}/stripeGateway/stripeGateway.js",
        "answer.actionId",
        "answer.action_id",
        "reads action_id, which StripeGatewayAnswer does not show",
    ),
    "a member of a list's rows that is not there": (
        f"{LWC}/stripePaymentsCard/stripePaymentsCard.js",
        "{ id, action, status, startedAt, message }",
        "{ id, action, status, started, message }",
        "reads started, which StripeOverview.Running does not show",
    ),
    "a member of a preview in a sentence that is not there": (
        f"{LWC}/stripeActions/stripeActions.js",
        "confirm: ({ amount, currencyCode })",
        "confirm: ({ amount, currency })",
        "reads currency, which StripeGatewayPreview does not show",
    ),
    "a member in a template that is not there": (
        f"{LWC}/stripePreview/stripePreview.html",
        "{preview.customer}",
        "{preview.customerName}",
        "reads customerName, which StripeGatewayPreview does not show",
    ),
    "a handler the class lacks": (
        f"{LWC}/stripeActionPanel/stripeActionPanel.html",
        "{handleConfirm}",
        "{handleConfirmed}",
        "names handleConfirmed, which its class lacks",
    ),
    "a value the class lacks": (
        f"{LWC}/stripeActionPanel/stripeActionPanel.html",
        "{announcement}",
        "{announced}",
        "names announced, which its class lacks",
    ),
    "a property the child lacks": (
        f"{LWC}/stripeActionPanel/stripeActionPanel.html",
        "currency-code={currencyCode}",
        "currency={currencyCode}",
        "<c-stripe-options-form> has no property currency",
    ),
    "a property the child has no longer": (
        f"{LWC}/stripeLink/stripeLink.js",
        "@api url",
        "url",
        "<c-stripe-link> has no property url",
    ),
    "a list keyed by its texts": (
        f"{LWC}/stripeActionPanel/stripeActionPanel.html",
        "key={warning.key}",
        "key={warning.text}",
        "two items with the same key warning.text",
    ),
    "a border on the left": (
        f"{LWC}/stripePaymentsCard/stripePaymentsCard.css",
        "border-inline-start",
        "border-left",
        "border-left is wrong from right to left",
    ),
}
METADATA = {
    "a rule that compares a picklist as a text": (
        f"{ACTION}/validationRules/Request_Is_Complete.validationRule-meta.xml",
        "ISPICKVAL(Action__c, &quot;&quot;)",
        "Action__c = &quot;&quot;",
        "takes the picklist Action__c for a text",
    ),
    "a rule that asks whether a picklist is blank": (
        f"{ACTION}/validationRules/Request_Is_Complete.validationRule-meta.xml",
        "ISPICKVAL(Action__c, &quot;&quot;)",
        "ISBLANK(Action__c)",
        "takes the picklist Action__c for a text",
    ),
    "a task with a field tasks lack": (
        "examples/flows/Stripe_Invoice_on_Closed_Won.flow-meta.xml",
        "<field>WhatId",
        "<field>WhatIdd",
        "Task.WhatIdd does not exist",
    ),
    "a switch given as a text": (
        "examples/flows/Stripe_Invoice_on_Closed_Won.flow-meta.xml",
        "<booleanValue>false</booleanValue>",
        "<stringValue>false</stringValue>",
        "input waitForResult takes a booleanValue, not a stringValue",
    ),
    "a switch given by a text": (
        "examples/flows/Stripe_Invoice_on_Closed_Won.flow-meta.xml",
        "<booleanValue>false</booleanValue>",
        "<elementReference>What_Happened</elementReference>",
        "input waitForResult takes a Boolean, What_Happened is none",
    ),
    "a flow of ours that does nothing": (
        f"{CORE}/flows/Stripe_Clear_Stamp_Account.flow-meta.xml",
        "<status>Active",
        "<status>Draft",
        "flow Stripe_Clear_Stamp_Account: does nothing",
    ),
    "a named credential that is shut": (
        "unpackaged/namedCredentials/Stripe_Gateway.namedCredential-meta.xml",
        "<calloutStatus>Enabled",
        "<calloutStatus>Disabled",
        "named credential Stripe_Gateway: allows no callouts",
    ),
    "a token that names the org by its name": (PERSON, "Organization.Id", "Organization.Name", "iss is {!$Org"),
    "a token of another user": (PERSON, "{!$User.Id}", "{!$User.Id}x", "sub is {!$User.Id}x"),
    "a token of an unknown automation": (AUTOMATION, ">gateway-automation<", ">automation<", "sub is automation"),
    "an object in development": (
        f"{ACTION}/Stripe_Action__c.object-meta.xml",
        "<deploymentStatus>Deployed",
        "<deploymentStatus>InDevelopment",
        "Stripe_Action__c: nobody sees an object",
    ),
    "a long text in a compact layout": (
        f"{ACTION}/compactLayouts/Overview.compactLayout-meta.xml",
        "<fields>Status__c",
        "<fields>Lines_Json__c",
        "Lines_Json__c is a LongTextArea",
    ),
    "a report type nobody sees": (
        "main/reporting/reportTypes/Stripe_Actions.reportType-meta.xml",
        "<deployed>true",
        "<deployed>false",
        "report type Stripe_Actions: nobody sees it",
    ),
    "a card that is not for phones": (
        f"{LWC}/stripePaymentsCard/stripePaymentsCard.js-meta.xml",
        '<supportedFormFactor type="Small" />',
        "",
        "cannot be placed on pages of form factor Small",
    ),
}
DEFECTS = {**APEX, **COMPONENTS, **METADATA}


def test_the_project_is_right():
    assert found(TREE) == []


@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found(name):
    file, old, new, says = DEFECTS[name]

    assert [finding for finding in found(changed(file, old, new)) if says in finding]
