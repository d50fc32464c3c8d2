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
AS_TEXT = re.compile(
    r"\b(\w+__c)\s*(?:=|<>|!=)|\b(?:ISBLANK|PRIORVALUE)\((\w+__c)\)\s*(?:=|<>|!=)"
    r"|(?:=|<>|!=)\s*(?:PRIORVALUE\()?(\w+__c)|\bISBLANK\((?:PRIORVALUE\()?(\w+__c)"
)
API_NAME = re.compile(r"[A-Za-z](?!\w*__\w*__c)\w*?[A-Za-z0-9]__c")
SOURCE = "Source_Record_Id__c"
FORMULA_LIMIT = 3900  # characters (help.salesforce.com, "Formula Limits")


def findings(tree: Tree) -> list[str]:
    """Every broken limit and dangling reference."""
    checks = (_fields, _relationships, _objects, _rules)
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
    if field.name == SOURCE:
        # 18 characters name one record whatever their case, and many rows belong to one record.
        if (field.text("externalId"), field.text("unique"), field.text("length")) != ("true", "false", "18"):
            yield "the card looks rows up by it: an external id is indexed, and this one is not unique"
    elif field.text("externalId") == "true" and (field.text("unique"), field.text("caseSensitive")) != ("true", "true"):
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
        if component.text("customSettingsType"):
            yield from _setting(tree, name, component)
            continue
        if (component.text("sharingModel"), component.text("externalSharingModel")) != ("Private", "Private"):
            yield f"{name}: sharing is not private"
        keys = [f for (sobject, _), f in tree.fields.items() if sobject == name and f.text("unique") == "true"]
        if len(keys) != 1:
            yield f"{name}: has {len(keys)} keys"
        if (name, "Sync_Version__c") not in tree.fields:
            yield f"{name}: has no Sync_Version__c"
        if not any(rule.sobject == name and rule.name == "Refuse_Older_Version" for rule in tree.of("ValidationRule")):
            yield f"{name}: has no rule Refuse_Older_Version"


def _setting(tree: Tree, name: str, component: Component) -> Iterator[str]:
    if component.text("visibility") != "Public" or component.text("sharingModel"):
        yield f"{name}: a custom setting is public (no namespace) and has no sharing"
    for (sobject, field), found in tree.fields.items():
        if sobject == name and found.text("type") not in {
            "Checkbox",
            "Date",
            "DateTime",
            "Email",
            "Number",
            "Text",
            "Url",
        }:
            yield f"{name}.{field}: a custom setting has no {found.text('type')} field"


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
    for name in sorted({name for names in AS_TEXT.findall(bare) for name in names if name}):
        if (sobject, name) in tree.fields and picklist(tree.fields[sobject, name]):
            yield f"formula takes the picklist {name} for a text: only ISPICKVAL compares it"
    for field, value in re.findall(r'ISPICKVAL\((?:PRIORVALUE\()?(\w+)\)?, "([^"]+)"\)', formula):
        if (sobject, field) in tree.fields and value not in picklist(tree.fields[sobject, field]):
            yield f"formula compares {field} with {value}, which is not one of its values"
