"""The checks are shown to bite: each defect below is put into the metadata, in memory, and must be found."""

from pathlib import Path

import pytest

from tests.metadata import checks
from tests.metadata.tree import ROOT, Tree, load, read
from tests.metadata.written import written

INVOICE = "main/invoices/objects/Stripe_Invoice__c"
CORE = "main/core"
ACTION = f"{CORE}/objects/Stripe_Action__c"
PERMISSIONS = f"{CORE}/permissionsets/Stripe_Gateway_Integration.permissionset-meta.xml"
STATUS = f"{INVOICE}/fields/Status__c.field-meta.xml"
NUMBER = f"{INVOICE}/fields/Number__c.field-meta.xml"
TOTAL = f"{INVOICE}/fields/Total__c.field-meta.xml"
KEY = f"{INVOICE}/fields/Stripe_Key__c.field-meta.xml"
LOOKUP = f"{INVOICE}/fields/Stripe_Customer__c.field-meta.xml"
OVERDUE = f"{INVOICE}/fields/Days_Overdue__c.field-meta.xml"
RULE = f"{INVOICE}/validationRules/Refuse_Older_Version.validationRule-meta.xml"
SORTED = "<sorted>false</sorted>"
SENT = "<value><fullName>Sent</fullName><default>false</default><label>Sent</label></value>"
RULE_WORDS = "This write is older than what the record already holds (Sync Version), so it was refused."
OBJECT = f"{INVOICE}/Stripe_Invoice__c.object-meta.xml"
PERMISSION = f"{CORE}/customPermissions/Stripe_Gateway_Write.customPermission-meta.xml"

# File, what is replaced by what (None: the file is removed), what the finding says.
DEFECTS = {
    "unknown element": (NUMBER, "<label>", "<colour/><label>", "has no element colour"),
    "wrong enumeration value": (NUMBER, "<type>Text</type>", "<type>String</type>", "cannot be 'String'"),
    "yes as a boolean": (KEY, "<unique>true", "<unique>yes", "is not a boolean"),
    "a word as a number": (NUMBER, "<length>80", "<length>eighty", "is not a number"),
    "an element twice": (NUMBER, "<length>80</length>", "<length>80</length><length>80</length>", "repeats length"),
    "a list in two places": (STATUS, SORTED, f"{SENT}{SORTED}", "all value stand together"),
    "a required element is missing": (PERMISSION, "<label>Stripe Gateway Write</label>", "", "lacks label"),
    "not well-formed": (NUMBER, "</CustomField>", "", "not well-formed"),
    "no namespace": (NUMBER, ' xmlns="http://soap.sforce.com/2006/04/metadata"', "", "wrong namespace"),
    "the file is named differently": (NUMBER, "<fullName>Number__c", "<fullName>Numbre__c", "is not the file's name"),
    "a text inside a group": (STATUS, "<restricted>true</restricted>", "<restricted><a/></restricted>", "is a value"),
    "a Currency field": (TOTAL, "<type>Number", "<type>Currency", "type Currency is not used here"),
    "a master-detail": (LOOKUP, "<type>Lookup", "<type>MasterDetail", "type MasterDetail is not used here"),
    "a text of 300 characters": (NUMBER, "<length>80", "<length>300", "a Text field has 1 to 255 characters"),
    "a precision of 20": (TOTAL, "<precision>18", "<precision>20", "precision of at most 18"),
    "an open picklist": (STATUS, "<restricted>true", "<restricted>false", "picklists are restricted"),
    "a key that ignores case": (KEY, "<caseSensitive>true", "<caseSensitive>false", "unique and case-sensitive"),
    "a source that has no index": (
        f"{ACTION}/fields/Source_Record_Id__c.field-meta.xml",
        "<externalId>true",
        "<externalId>false",
        "the card looks rows up by it",
    ),
    "a source that could have one row only": (
        f"{ACTION}/fields/Source_Record_Id__c.field-meta.xml",
        "<unique>false",
        "<unique>true",
        "this one is not unique",
    ),
    "a lookup to nowhere": (
        LOOKUP,
        "<referenceTo>Stripe_Customer__c",
        "<referenceTo>Stripe_Client__c",
        "does not exist",
    ),
    "two relationships of one name": (LOOKUP, "<relationshipName>Invoices", "<relationshipName>Payments", "two child"),
    "a lookup that blocks deletion": (LOOKUP, "SetNull", "Restrict", "cleared when its target is deleted"),
    "a formula over a missing field": (OVERDUE, "- Due_Date__c", "- Due_On__c", "Due_On__c, which does not exist"),
    "a formula over a missing value": (OVERDUE, "&quot;Open&quot;", "&quot;Opened&quot;", "not one of its values"),
    "an unknown function": (OVERDUE, "TODAY()", "NOWISH()", "formula names NOWISH"),
    "a formula with a parenthesis too few": (RULE, "ISNEW())", "ISNEW()", "unbalanced"),
    "a rule over a missing permission": (RULE, "$Permission.Stripe_Gateway_Rebuild", "$Permission.Rebuild", "Rebuild"),
    "a rule without words": (RULE, RULE_WORDS, "", "errorMessage is missing"),
    "public sharing": (OBJECT, "<sharingModel>Private", "<sharingModel>ReadWrite", "sharing is not private"),
    "no version rule": (RULE, None, None, "has no rule Refuse_Older_Version"),
    "a permission on a missing field": (
        PERMISSIONS,
        "Stripe_Invoice__c.Number__c",
        "Stripe_Invoice__c.Nr__c",
        "does not exist",
    ),
    "a permission on a missing object": (
        PERMISSIONS,
        "<object>Stripe_Refund__c",
        "<object>Stripe_Rebate__c",
        "does not exist",
    ),
    "a field granted twice": (
        PERMISSIONS,
        "Stripe_Invoice__c.Number__c",
        "Stripe_Invoice__c.Total__c",
        "granted twice",
    ),
    "a permission on a required field": (
        NUMBER,
        "<required>false",
        "<required>true",
        "Salesforce refuses a permission",
    ),
    "modify all without delete": (PERMISSIONS, "<allowDelete>true", "<allowDelete>false", "modify all needs"),
    "a list view over a missing column": (
        f"{INVOICE}/listViews/Overdue.listView-meta.xml",
        "<columns>Due_Date__c",
        "<columns>Due_On__c",
        "Due_On__c does not exist",
    ),
    "a compact layout over a missing field": (
        f"{INVOICE}/compactLayouts/Overview.compactLayout-meta.xml",
        "<fields>Due_Date__c",
        "<fields>Due_On__c",
        "Due_On__c does not exist",
    ),
    "an app with a missing tab": ("main/invoices/tabs/Stripe_Invoice__c.tab-meta.xml", None, None, "does not exist"),
    "a missing custom permission": (PERMISSION, None, None, "Stripe_Gateway_Write does not exist"),
    "a missing field": (NUMBER, None, None, "Stripe_Invoice__c.Number__c: does not exist"),
    "a shorter field": (NUMBER, "<length>80", "<length>40", "holds 40 characters, the gateway cuts at 80"),
    "a wrong type": (
        f"{INVOICE}/fields/Due_Date__c.field-meta.xml",
        "<type>Date<",
        "<type>DateTime<",
        "the gateway writes Date",
    ),
    "money with two decimals": (TOTAL, "<scale>3", "<scale>2", "is a Number('18', '2')"),
    "a missing picklist value": (STATUS, "<fullName>Void", "<fullName>Voided", "the gateway knows"),
    "a picklist without Other": (
        f"{ACTION}/fields/Status__c.field-meta.xml",
        "<fullName>Other",
        "<fullName>Else",
        "the gateway knows",
    ),
    "a stamp that lacks a status": (
        f"{CORE}/objects/Account/fields/Stripe_Status__c.field-meta.xml",
        "<fullName>Refunded",
        "<fullName>Repaid",
        "Account.Stripe_Status__c",
    ),
    "a written field becomes a formula": (NUMBER, "<label>", "<formula>Status_Raw__c</formula><label>", "is a formula"),
}

GRANTS = {
    "a written field that nobody may edit": (
        "<editable>true</editable>\n        <field>Stripe_Invoice__c.Number__c</field>",
        "<editable>false</editable>\n        <field>Stripe_Invoice__c.Number__c</field>",
        "Stripe_Invoice__c.Number__c is written but not editable",
    ),
    "a request column the gateway could change": (
        "<editable>false</editable>\n        <field>Stripe_Action__c.Requested_Amount__c</field>",
        "<editable>true</editable>\n        <field>Stripe_Action__c.Requested_Amount__c</field>",
        "Stripe_Action__c.Requested_Amount__c is editable by the integration user but never written",
    ),
    "a formula granted for editing": (
        "<editable>false</editable>\n        <field>Stripe_Invoice__c.Ageing_Bucket__c</field>",
        "<editable>true</editable>\n        <field>Stripe_Invoice__c.Ageing_Bucket__c</field>",
        "is a formula and cannot be edited",
    ),
    "a standard field granted for editing": (
        "<editable>false</editable>\n        <field>Opportunity.Amount</field>",
        "<editable>true</editable>\n        <field>Opportunity.Amount</field>",
        "Opportunity.Amount is editable by the integration user but never written",
    ),
    "a field the integration user cannot see": (
        "<field>Stripe_Action__c.Footer__c</field>",
        "<field>Stripe_Action__c.Lines_Json__c</field>",
        "Stripe_Action__c.Footer__c cannot be read",
    ),
}
DEFECTS |= {name: (PERMISSIONS, *change) for name, change in GRANTS.items()}
WRITTEN = written()


TREE = load()


def every_finding(tree: Tree) -> list[str]:
    return checks.findings(tree, WRITTEN)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found(name):
    file, old, new, says = DEFECTS[name]
    good = (ROOT / file).read_text(encoding="utf-8")
    assert old is None or old in good, "the defect no longer applies"
    bad = [] if old is None else [read(Path(file), good.replace(old, new, 1))]

    found = every_finding(TREE.altered(file, *bad))

    assert [finding for finding in found if says in finding]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (NUMBER, f"{INVOICE}/fields/Number__c.fieldd-meta.xml"),
        (NUMBER, f"{INVOICE}/felder/Number__c.field-meta.xml"),
        (OBJECT, f"{INVOICE}/fields/Stripe_Invoice__c.object-meta.xml"),
    ],
)
def test_a_file_salesforce_would_silently_leave_out_is_found(source, target):
    moved = read(Path(target), (ROOT / source).read_text(encoding="utf-8"))

    found = every_finding(TREE.altered(source, moved))

    assert any("belongs in" in finding for finding in found)


def test_without_a_defect_there_is_no_finding():
    assert every_finding(TREE) == []
