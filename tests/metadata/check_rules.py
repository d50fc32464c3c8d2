"""What Salesforce or our own design demands beyond the schema: limits of each field type, formulas, references."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tests.metadata.tree import Component, Tree, picklist

STANDARD = {"Account", "Case", "Contact", "Opportunity", "Order", "Pricebook2", "Product2", "Quote"}
# Formula functions that the rules may use (help.salesforce.com, "Formula Operators and Functions").
FUNCTIONS = {"AND", "IF", "ISBLANK", "ISCHANGED", "ISNEW", "ISPICKVAL", "NOT", "OR", "PRIORVALUE", "TODAY"}
CUSTOM = re.compile(r"\$Permission\.(\w+)")
NAME = re.compile(r"(?<![\w.$])([A-Za-z]\w*)(?!\w)(?P<call>\s*\()?")
STRING = re.compile(r'"[^"]*"')
API_NAME = re.compile(r"[A-Za-z](?!\w*__\w*__c)\w*?[A-Za-z0-9]__c")
FORMULA_LIMIT = 3900  # characters (help.salesforce.com, "Formula Limits")


def findings(tree: Tree) -> list[str]:
    """Every broken limit and dangling reference."""
    checks = (_fields, _relationships, _objects, _rules, _permission_sets, _views)
    return [problem for check in checks for problem in check(tree)]


def _fields(tree: Tree) -> Iterator[str]:
    for (sobject, name), field in tree.fields.items():
        yield from (f"{sobject}.{name}: {problem}" for problem in _field(tree, field))


def _field(tree: Tree, field: Component) -> Iterator[str]:
    kind = field.text("type")
    if kind not in LIMITS:
        yield f"type {kind} is not used here"
        return
    if not API_NAME.fullmatch(field.name) or len(field.name) > 43:
        yield "not an API name of at most 40 characters"
    for tag, longest in (("label", 40), ("description", 1000), ("inlineHelpText", 510), ("relationshipName", 40)):
        if len(field.text(tag)) > longest:
            yield f"{tag} is longer than {longest}"
    if not field.text("description"):
        yield "nobody is told what it is for"
    if field.text("externalId") == "true" and (field.text("unique"), field.text("caseSensitive")) != ("true", "true"):
        yield "an external id of Stripe's is unique and case-sensitive"
    if field.text("formula"):
        yield from _formula(tree, field.sobject, field.text("formula"))
        return
    yield from LIMITS[kind](tree, field)


def _text(_tree: Tree, field: Component) -> Iterator[str]:
    if not 1 <= int(field.text("length", "0")) <= 255:
        yield "a Text field has 1 to 255 characters"


def _long(_tree: Tree, field: Component) -> Iterator[str]:
    if not 256 <= int(field.text("length", "0")) <= 131_072 or not field.text("visibleLines"):
        yield "a LongTextArea has 256 to 131,072 characters and visibleLines"


def _number(_tree: Tree, field: Component) -> Iterator[str]:
    precision, scale = int(field.text("precision", "0")), int(field.text("scale", "-1"))
    if not 0 <= scale <= precision <= 18 or precision < 1:
        yield "a Number has a precision of at most 18 and a scale within it"


def _picklist(_tree: Tree, field: Component) -> Iterator[str]:
    values = picklist(field)
    if field.text("valueSet/restricted") != "true":
        yield "picklists are restricted"
    if not values or len(values) != len(set(values)):
        yield "picklist values are missing or repeated"


def _lookup(tree: Tree, field: Component) -> Iterator[str]:
    target = field.text("referenceTo")
    if target not in STANDARD | set(tree.named("CustomObject")):
        yield f"looks up {target}, which does not exist"
    if field.text("deleteConstraint") != "SetNull" or not field.text("relationshipName"):
        yield "a lookup is cleared when its target is deleted, and has a relationshipName"


def _nothing(_tree: Tree, _field: Component) -> Iterator[str]:
    yield from ()


# Currency is missing on purpose (it shows foreign money as domestic), MasterDetail too (it locks the parent's row).
LIMITS = {
    "Text": _text,
    "LongTextArea": _long,
    "Number": _number,
    "Picklist": _picklist,
    "Lookup": _lookup,
    "Checkbox": _nothing,
    "Date": _nothing,
    "DateTime": _nothing,
    "Email": _nothing,
    "Url": _nothing,
}


def _relationships(tree: Tree) -> Iterator[str]:
    lookups = [field for field in tree.fields.values() if field.text("type") == "Lookup"]
    names = Counter((field.text("referenceTo"), field.text("relationshipName")) for field in lookups)
    yield from (f"{parent} has two child relationships {name}" for (parent, name), n in names.items() if n > 1)


def _objects(tree: Tree) -> Iterator[str]:
    for name, component in tree.named("CustomObject").items():
        if (component.text("sharingModel"), component.text("externalSharingModel")) != ("Private", "Private"):
            yield f"{name}: sharing is not private"
        keys = [f for (sobject, _), f in tree.fields.items() if sobject == name and f.text("externalId") == "true"]
        if len(keys) != 1:
            yield f"{name}: has {len(keys)} external ids"
        if (name, "Sync_Version__c") not in tree.fields:
            yield f"{name}: has no Sync_Version__c"
        if not any(rule.sobject == name and rule.name == "Refuse_Older_Version" for rule in tree.of("ValidationRule")):
            yield f"{name}: has no rule Refuse_Older_Version"


def _rules(tree: Tree) -> Iterator[str]:
    for rule in tree.of("ValidationRule"):
        where = f"{rule.sobject}.{rule.name}"
        yield from (
            f"{where}: {problem}" for problem in _formula(tree, rule.sobject, rule.text("errorConditionFormula"))
        )
        for tag, longest in (("errorMessage", 255), ("description", 255), ("fullName", 40)):
            if not 0 < len(rule.text(tag)) <= longest:
                yield f"{where}: {tag} is missing or longer than {longest}"


def _formula(tree: Tree, sobject: str, formula: str) -> Iterator[str]:
    bare = STRING.sub('""', formula)
    if len(formula) > FORMULA_LIMIT:
        yield "formula is too long"
    if bare.count("(") != bare.count(")"):
        yield "formula has unbalanced parentheses"
    for permission in CUSTOM.findall(bare):
        if permission not in tree.named("CustomPermission"):
            yield f"formula names custom permission {permission}, which does not exist"
    for match in NAME.finditer(CUSTOM.sub("", bare)):
        known = FUNCTIONS if match["call"] else tree.columns.get(sobject, set())
        if match[1] not in known:
            yield f"formula names {match[1]}, which does not exist"
    for field, value in re.findall(r'ISPICKVAL\((?:PRIORVALUE\()?(\w+)\)?, "([^"]+)"\)', formula):
        if (sobject, field) in tree.fields and value not in picklist(tree.fields[sobject, field]):
            yield f"formula compares {field} with {value}, which is not one of its values"


def _permission_sets(tree: Tree) -> Iterator[str]:
    known = {
        "fieldPermissions": ("field", {f"{sobject}.{name}" for sobject, name in tree.fields}),
        "objectPermissions": ("object", STANDARD | set(tree.named("CustomObject"))),
        "customPermissions": ("name", set(tree.named("CustomPermission"))),
        "tabSettings": ("tab", set(tree.named("CustomTab"))),
        "applicationVisibilities": ("application", set(tree.named("CustomApplication"))),
    }
    for name, permission_set in tree.named("PermissionSet").items():
        for tag, (member, there) in known.items():
            rows = [row[member] for row in permission_set.rows(tag)]
            standard = {row for row in rows if tag == "fieldPermissions" and not row.endswith("__c")}
            yield from (f"{name}: {row} does not exist" for row in rows if row not in there | standard)
            yield from (f"{name}: {row} is granted twice" for row, n in Counter(rows).items() if n > 1)
        yield from (f"{name}: {problem}" for problem in _grants(tree, permission_set))


def _grants(tree: Tree, permission_set: Component) -> Iterator[str]:
    objects = {row["object"] for row in permission_set.rows("objectPermissions")}
    for row in permission_set.rows("fieldPermissions"):
        sobject, name = row["field"].split(".")
        field = tree.fields.get((sobject, name))
        if field and field.text("required") == "true":
            yield f"{row['field']} is required: Salesforce refuses a permission on it"
        if field and field.text("formula") and row["editable"] == "true":
            yield f"{row['field']} is a formula and cannot be edited"
        if row["editable"] == "true" and row["readable"] != "true":
            yield f"{row['field']} is editable and not readable"
        if sobject in STANDARD | set(tree.named("CustomObject")) and not _readable(
            tree, objects, permission_set, sobject
        ):
            yield f"{row['field']} is granted without its object"
    for row in permission_set.rows("objectPermissions"):
        if row["modifyAllRecords"] == "true" and "false" in {
            row["allowEdit"],
            row["allowDelete"],
            row["viewAllRecords"],
        }:
            yield f"{row['object']}: modify all needs edit, delete and view all"


def _readable(tree: Tree, objects: set[str], permission_set: Component, sobject: str) -> bool:
    # An optional permission set adds fields to objects that the main one grants.
    base = tree.named("PermissionSet").get("Stripe_Gateway_Integration")
    granted = {row["object"] for row in base.rows("objectPermissions")} if base else set()
    return sobject in objects or (permission_set.name.startswith("Stripe_Gateway_Integration_") and sobject in granted)


def _views(tree: Tree) -> Iterator[str]:
    standard = {"NAME", "OBJECT_ID", "CREATED_DATE", "LAST_UPDATE", "Name", "CreatedDate", "OWNER.ALIAS"}
    for kind, tag in (("ListView", "columns"), ("CompactLayout", "fields")):
        for view in tree.of(kind):
            named = [element.text or "" for element in view.each(tag)] + [row["field"] for row in view.rows("filters")]
            for name in named:
                if name not in standard and (view.sobject, name) not in tree.fields:
                    yield f"{view.sobject}.{view.name}: {name} does not exist"
    for tab in tree.named("CustomTab"):
        if tab not in tree.named("CustomObject"):
            yield f"tab {tab} has no object"
    for name, app in tree.named("CustomApplication").items():
        tabs = [element.text or "" for element in app.each("tabs")]
        yield from (
            f"{name}: tab {tab} does not exist"
            for tab in tabs
            if not tab.startswith("standard-") and tab not in tree.named("CustomTab")
        )
