"""Defects put into the classes one at a time, in memory; each must be found."""

START = "Test.startTest();\n            "
REFUND = "StripePaymentsController.preview('refund-payment'"

# Class, what is replaced by what, what the finding says.
DEFECTS = {
    "an invocable without a label": ("StripeRefundAction", "label='Refund payment'", "", "label, a description"),
    "an invocable that hides its callout": ("StripeRefundAction", "callout=true", "callout=false", "callout=true says"),
    "an input without a description": (
        "StripeRefundAction",
        " description='The record the payment belongs to, or a case of its account.'",
        "",
        "an admin sees",
    ),
    "two inputs of one label": ("StripeRefundAction", "label='Note'", "label='Reason'", "two inputs are called Reason"),
    "a private input": ("StripeRefundAction", "public String note;", "private String note;", "public members only"),
    "a cacheable method that saves": (
        "StripePaymentsController",
        "return new StripeOverview(",
        "insert new Account();\n        return new StripeOverview(",
        "reaches code that changes records",
    ),
    "a cacheable method that saves somewhere below": (
        "StripeOverview",
        "readInvoices(source);",
        "readInvoices(source);\n        Database.update(links);",
        "reaches code that changes records",
    ),
    "a cacheable method that calls out": (
        "StripePaymentsController",
        "@AuraEnabled\n    public static StripeGatewayPreview preview",
        "@AuraEnabled(cacheable=true)\n    public static StripeGatewayPreview preview",
        "reaches a callout",
    ),
    "a status nobody knows in a query": (
        "StripeOverview",
        "('queued', 'pending',",
        "('waiting', 'pending',",
        "Status__c with waiting",
    ),
    "a status nobody knows in a record": (
        "StripeTestData",
        "Status__c = 'Open'",
        "Status__c = 'Opened'",
        "Status__c is never 'Opened'",
    ),
    "a reason nobody knows": (
        "StripeTestData",
        "Reason__c = 'Duplicate'",
        "Reason__c = 'Double'",
        "Reason__c is never 'Double'",
    ),
    "an action nobody knows": (
        "StripeSendInvoiceAction",
        "ACTION = 'send-invoice'",
        "ACTION = 'send-invoices'",
        "no action send-invoices",
    ),
    "a field that a query makes up": (
        "StripeOverview",
        "Request_Key__c, Accepted_At__c",
        "Request_Key__c, Taken_At__c",
        "Stripe_Action__c.Taken_At__c",
    ),
    "a standard field that a query makes up": (
        "StripePaymentsController",
        "SELECT Name, Email, Title",
        "SELECT Name, Mail, Title",
        "Contact.Mail",
    ),
    "a field that a filter makes up": (
        "StripePaymentsController",
        "AND Email != NULL",
        "AND Mail != NULL",
        "Contact.Mail",
    ),
    "a field that an order makes up": (
        "StripePaymentsController",
        "ORDER BY Name",
        "ORDER BY Nickname",
        "Contact.Nickname",
    ),
    "an object that a query makes up": (
        "StripeOverview",
        "FROM Stripe_Action__c",
        "FROM Stripe_Deed__c",
        "Stripe_Deed__c, which does not exist",
    ),
    "a field that a list makes up": (
        "StripeOverview",
        "'Amount_Remaining_Display__c'",
        "'Amount_Display__c'",
        "INVOICE_FIELDS names Stripe_Invoice__c.Amount_Display__c",
    ),
    "a field that a string makes up": (
        "StripeSourceRecord",
        "'Stripe_Amounts__c'",
        "'Stripe_Amount_Text__c'",
        "'Stripe_Amount_Text__c' names no field",
    ),
    "a query that cannot be read": ("StripeOverview", "ORDER BY CreatedDate", "ORDER CreatedDate", "cannot be read"),
    "a query in no mode": (
        "StripePaymentsController",
        "            WITH USER_MODE\n",
        "",
        "neither USER_MODE nor SYSTEM_MODE",
    ),
    "a dynamic query in no mode": (
        "StripeSourceRecord",
        "Database.queryWithBinds(query, binds, AccessLevel.USER_MODE)",
        "Database.query(query)",
        "chooses no AccessLevel",
    ),
    "system mode without a reason": (
        "StripeSourceRecord",
        "// The platform's own answer on sharing; it has no field permissions to enforce.",
        "",
        "comment that gives the reason",
    ),
    "a label nobody uses": (
        "StripeActionRunner",
        "System.Label.Stripe_Gateway_Not_Saved",
        "'Not saved {0}'",
        "Stripe_Gateway_Not_Saved is used nowhere",
    ),
    "an object not every org has": (
        "StripeOverview",
        "private static final List<String> LINK",
        "private Order x; static final List<String> LINK",
        "not every org has",
    ),
    "an invocable that is not public": (
        "StripeRefundAction",
        "public static List<StripeActionResult>",
        "private static List<StripeActionResult>",
        "an invocable method is public",
    ),
    "a permission set nobody made": (
        "StripeTestData",
        "'Stripe_Gateway_Rep'",
        "'Stripe_Gateway_Reps'",
        "permission set Stripe_Gateway_Reps does not exist",
    ),
    "a callout that does not ask the switch": (
        "StripeGatewayClient",
        "StripeGatewaySwitch.isOn()",
        "true",
        "calls out without asking",
    ),
    "a call after a record was saved": (
        "StripePaymentsControllerTest",
        f"{START}StripeGatewayAnswer answer = StripePaymentsController.run('send-invoice'",
        "StripeGatewayAnswer answer = StripePaymentsController.run('send-invoice'",
        "aConfirmedPreviewIsSentWithItsTokenAndKey: calls out after saving",
    ),
    "a call after records that a helper saved": (
        "StripePaymentsControllerTest",
        f"{START}{REFUND}",
        REFUND,
        "aRefundGoesToTheRecordThePaymentWasFor: calls out after saving",
    ),
    "a record that is saved between the start and the call": (
        "StripePaymentsControllerTest",
        f"{START}{REFUND}",
        f"{START}insert new Task(); {REFUND}",
        "aRefundGoesToTheRecordThePaymentWasFor: calls out after saving",
    ),
    "a call through a helper after a record was saved": (
        "StripeGatewayClientTest",
        "        StripeGatewayMock gateway = StripeGatewayMock.silent();\n",
        "        StripeGatewayMock gateway = StripeGatewayMock.silent();\n        StripeTestData.account();\n",
        "aTimeoutIsPendingAndNeverFailed: calls out after saving",
    ),
    "a call in the call that brings its record": (
        "StripeActionRunnerTest",
        "{ asked(record.Id).waiting(true, 'my-key') }",
        "{ asked(StripeTestData.account().Id).waiting(true, 'my-key') }",
        "waitingForOneIsOneCalloutAndNoRow: calls out after saving",
    ),
}
