"""Defects in permission sets, screens, reports and credentials, put in by hand; each must be found."""

import pytest

from tests.metadata.seeding import TREE, changed, found

CORE = "main/core"
REP = f"{CORE}/permissionsets/Stripe_Gateway_Rep.permissionset-meta.xml"
SERVICE = f"{CORE}/permissionsetgroups/Stripe_Service.permissionsetgroup-meta.xml"
LAYOUT = "main/invoices/layouts/Stripe_Invoice__c-Stripe Invoice Layout.layout-meta.xml"
ACTION = "main/invoices/quickActions/Opportunity.Send_Stripe_Invoice.quickAction-meta.xml"
PAGE = "examples/flexipages/Stripe_Case_Record_Page.flexipage-meta.xml"
KIND = "main/reporting/reportTypes/Stripe_Invoices_with_Payments.reportType-meta.xml"
REPORT = "main/reporting/reports/Stripe_Payments/Invoices_by_Ageing.report-meta.xml"
FOLDER = "main/reporting/reports/Stripe_Payments.reportFolder-meta.xml"
DASHBOARD = "optional/dashboards/dashboards/Stripe_Payments/Receivables.dashboard-meta.xml"
NAMED = "unpackaged/namedCredentials/Stripe_Gateway.namedCredential-meta.xml"
JWT = "unpackaged/externalCredentials/Stripe_Gateway.externalCredential-meta.xml"
AUTOMATION = "unpackaged/externalCredentials/Stripe_Gateway_Automation.externalCredential-meta.xml"
SETTING = f"{CORE}/objects/Stripe_Gateway_Setting__c/Stripe_Gateway_Setting__c.object-meta.xml"
SWITCH = f"{CORE}/objects/Stripe_Gateway_Setting__c/fields/Enabled__c.field-meta.xml"

CREATES = (
    "<allowCreate>true</allowCreate> <allowDelete>false</allowDelete> <allowEdit>false</allowEdit> <allowRead>true"
)
UNREAD = [part.replace("> <", ">\n        <") for part in (CREATES, CREATES.removesuffix("true") + "false")]

# File, what is replaced by what (None: the file is removed), what the finding says.
DEFECTS = {
    "a class nobody wrote": (REP, "<apexClass>StripePayments", "<apexClass>StripePayment", "does not exist"),
    "a principal that is not there": (REP, "Stripe_Gateway-Rep", "Stripe_Gateway-Reps", "does not exist"),
    "a principal without its object": (REP, "<object>UserExternal", "<object>UserInternal", "together or not at all"),
    "a permission that is not there": (REP, "Stripe_Send_Invoice<", "Stripe_Send_Bill<", "does not exist"),
    "an app that is not there": (REP, "<application>Stripe_Payments", "<application>Stripe_Pay", "does not exist"),
    "a tab that is not there": (REP, "<tab>Stripe_Refund__c", "<tab>Stripe_Rebate__c", "does not exist"),
    "create without read": (REP, *UNREAD, "every other access needs read"),
    "a column to fill in on a row nobody may insert": (
        REP,
        "<allowCreate>true",
        "<allowCreate>false",
        "may be neither created nor edited",
    ),
    "a case without its contact": (
        "examples/permissionsets/Stripe_Gateway_Examples.permissionset-meta.xml",
        "<object>Contact<",
        "<object>Product2<",
        "Case: read access to Contact comes with it",
    ),
    "a quote without its account": (
        "optional/quotes/permissionsets/Stripe_Gateway_Integration_Quotes.permissionset-meta.xml",
        "<object>Account<",
        "<object>Product2<",
        "Opportunity: read access to Account comes with it",
    ),
    "a setting that is not there": (
        f"{CORE}/permissionsets/Stripe_Gateway_Admin.permissionset-meta.xml",
        "<name>Stripe_Gateway_Setting__c",
        "<name>Stripe_Gateway_Switch__c",
        "does not exist",
    ),
    "a flow that is not there": (
        "examples/permissionsets/Stripe_Gateway_Examples.permissionset-meta.xml",
        "<flow>Stripe_Payments_Screen",
        "<flow>Stripe_Screen",
        "does not exist",
    ),
    "a group of a missing set": (SERVICE, "Stripe_Gateway_Refunds", "Stripe_Gateway_Refund", "does not exist"),
    "a protected setting": (SETTING, "<visibility>Public", "<visibility>Protected", "a custom setting is public"),
    "a setting of a type there is not": (SWITCH, "<type>Checkbox", "<type>Url2", "cannot be"),
    "a picklist in a setting": (
        SWITCH,
        "<type>Checkbox</type>",
        "<type>LongTextArea</type>",
        "a custom setting has no LongTextArea field",
    ),
    "a list view of a status that is never": (
        "main/core/objects/Stripe_Action__c/listViews/Waiting.listView-meta.xml",
        "queued,pending",
        "queued,sending",
        "Status__c is never sending",
    ),
    "a layout of a missing field": (LAYOUT, "<field>Due_Date__c", "<field>Due_On__c", "Due_On__c does not exist"),
    "a field twice on a layout": (LAYOUT, "<field>Due_Date__c", "<field>Number__c", "Number__c is placed twice"),
    "a field on no layout": (LAYOUT, "<field>Due_Date__c", "<field>OwnerId", "Due_Date__c is missing"),
    "a related list of a missing lookup": (
        LAYOUT,
        "Stripe_Refund__c.Stripe_Invoice__c",
        "Stripe_Refund__c.Stripe_Bill__c",
        "is no lookup to Stripe_Invoice__c",
    ),
    "a related list of another object's lookup": (
        LAYOUT,
        "<relatedList>Stripe_Refund__c.Stripe_Invoice__c",
        "<relatedList>Stripe_Refund__c.Stripe_Payment__c",
        "is no lookup to Stripe_Invoice__c",
    ),
    "a related list of a missing column": (LAYOUT, "<fields>Reason__c", "<fields>Why__c", "Stripe_Refund__c.Why__c"),
    "an object without layout": (LAYOUT, None, None, "Stripe_Invoice__c has no layout"),
    "a button for a missing component": (
        ACTION,
        "<lightningWebComponent>stripeSend",
        "<lightningWebComponent>stripePost",
        "stripePostInvoiceAction does not exist",
    ),
    "a button that is no screen": (ACTION, "ScreenAction", "Action", "is not a screen action"),
    "a page with a missing component": (
        PAGE,
        "<componentName>stripePaymentsCard",
        "<componentName>stripeCard",
        "component stripeCard does not exist",
    ),
    "a page of a missing object": (PAGE, "<sobjectType>Case", "<sobjectType>Kase", "object Kase does not exist"),
    "a page with an unknown part": (PAGE, "force:detailPanel", "force:detailPane", "is not one of the platform's"),
    "a report type over missing children": (KIND, "Payments__r", "Payment__r", "has no children Payment__r"),
    "a report type over a missing field": (KIND, "<field>Due_Date__c", "<field>Due_On__c", "Due_On__c does not exist"),
    "a report of a missing type": (REPORT, "Stripe_Invoices__c", "Stripe_Bills__c", "report type Stripe_Bills__c"),
    "a report over a missing column": (REPORT, "$Days_Overdue__c", "$Days_Late__c", "is not offered by its report"),
    "a report that adds up currencies": (
        REPORT,
        "<field>Stripe_Invoice__c$Currency_Code__c",
        "<field>Stripe_Invoice__c$Entity__c",
        "without grouping by currency first",
    ),
    "a report that shows what it groups by": (
        REPORT,
        "<field>Stripe_Invoice__c$Due_Date__c",
        "<field>Stripe_Invoice__c$Ageing_Bucket__c",
        "is a column and a grouping",
    ),
    "a report that filters by no status": (REPORT, "<value>Open", "<value>Opened", "Status__c is never Opened"),
    "a report without a date": (
        REPORT,
        "<dateColumn>Stripe_Invoice__c$Stripe_Created_At__c",
        "<dateColumn>Stripe_Invoice__c$Made_At__c",
        "its date column does not exist",
    ),
    "reports without a folder": (FOLDER, None, None, "folder Stripe_Payments does not exist"),
    "a dashboard that runs as somebody": (
        DASHBOARD,
        "<textColor>",
        "<runningUser>admin@acme.example</runningUser><textColor>",
        "runs as one user",
    ),
    "a dashboard for a named user": (DASHBOARD, "LoggedInUser", "SpecifiedUser", "runs as one user"),
    "a dashboard of a missing report": (DASHBOARD, "/Invoices_by_Ageing", "/Ageing", "report Stripe_Payments/Ageing"),
    "a real address": (NAMED, "https://gateway.invalid", "https://gateway.acme.com", "its address is set where"),
    "a credential that is not there": (NAMED, "<externalCredential>Stripe_", "<externalCredential>Str_", "Str_Gateway"),
    "a legacy credential": (NAMED, "SecuredEndpoint", "Legacy", "only secured endpoints"),
    "a header the gateway does not read": (NAMED, "X-Salesforce-Org-Id", "X-Org-Id", "headers are"),
    "a call without a token": (
        NAMED,
        "<generateAuthorizationHeader>true",
        "<generateAuthorizationHeader>false",
        "sends no token",
    ),
    "merge fields in bodies": (
        NAMED,
        "<allowMergeFieldsInBody>false",
        "<allowMergeFieldsInBody>true",
        "merge fields in bodies",
    ),
    "headers that are sent as formulas": (
        NAMED,
        "<allowMergeFieldsInHeader>true",
        "<allowMergeFieldsInHeader>false",
        "formulas in headers would go out",
    ),
    "a credential nobody uses": (
        NAMED,
        "<externalCredential>Stripe_Gateway<",
        "<externalCredential>Stripe_Gateway_Automation<",
        "no named credential uses it",
    ),
    "another protocol": (JWT, "<authenticationProtocol>Jwt", "<authenticationProtocol>Oauth", "is not a JWT"),
    "a token without audience": (JWT, "<parameterName>aud", "<parameterName>audience", "claims are"),
    "another algorithm": (JWT, "RS256", "HS256", "the gateway takes RS256"),
    "no certificate": (JWT, "<certificate>Stripe_Gateway_2026</certificate>", "", "names no signing certificate"),
    "everybody as one person": (JWT, "{!$User.Id}", "005000000000001", "under their own user id"),
    "an automation as the user": (AUTOMATION, "gateway-automation", "{!$User.Id}", "under a fixed name"),
    "a key in a header": (JWT, "JwtHeaderClaim</parameterType>", "AuthHeader</parameterType>", "could hold a secret"),
    "two kinds of principal": (
        JWT,
        "<parameterType>JwtHeaderClaim",
        "<parameterType>NamedPrincipal",
        "has one kind of principal",
    ),
    "a secret key in a description": (JWT, "<label>Stripe Gateway", "<label>sk_live_51Nx", "holds a secret"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found(name):
    file, old, new, says = DEFECTS[name]

    assert [finding for finding in found(changed(file, old, new)) if says in finding]


TEMPLATE = "unpackaged/external-client-app/extlClntAppGlobalOauthSets/Stripe_Gateway.ecaGlblOauth-meta.xml.template"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<certificate>-----BEGIN CERTIFICATE-----</certificate>", "holds a secret"),
        ("<consumerKey>3MVG9abc</consumerKey>", "holds a secret"),
        ("<callbackUrl>{{ gateway_url }}</callbackUrl>", "placeholder gateway_url is filled by nothing"),
    ],
)
def test_a_template_holds_no_secret_and_no_unknown_placeholder(text, says):
    assert [finding for finding in found(TREE.adding(**{TEMPLATE: text})) if says in finding]
