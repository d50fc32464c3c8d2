"""Apex ↔ metadata, and the annotation rules no other offline tool looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.metadata.apex import Method, block, classes, methods, uncommented
from tests.metadata.tree import NAMESPACE, Tree, picklist

CALLOUT = re.compile(r"callout:(\w+)")
SWITCH = "StripeGatewaySwitch"
ENDPOINT = re.compile(r"'https?://", re.IGNORECASE)
QUERY = re.compile(r"\[\s*SELECT\b(?P<columns>.*?)\bFROM\s+(?P<object>\w+)(?P<rest>.*?)\]", re.IGNORECASE | re.DOTALL)
CONDITION = re.compile(r"\b(?P<path>(?:\w+__r\.)*\w+__c)\s*(?:=|!=|<|>|\bIN\b|\bLIKE\b|\bNOT\b)", re.IGNORECASE)
NEW = re.compile(r"\bnew\s+(?P<object>\w+__c)\s*\(")
SET = re.compile(r"(?<![\w.])(?P<field>\w+__c)\s*=(?!=)")
PERMISSION = re.compile(r"checkPermission\(\s*'(\w+)'")
LABEL = re.compile(r"\bLabel\.(\w+)")
LITERAL = re.compile(r"\b(?P<field>\w+__c)\s*(?:==?|!=|\bIN\b)\s*\(?(?P<values>'[\w -]*'(?:\s*,\s*'[\w -]*')*)")
DML = re.compile(
    r"(?<![\w.])(?:insert|update|upsert|delete|undelete|merge)\s+(?![=)])|\bDatabase\.(?:insert|update|upsert|delete)\b"
)
OBJECT = re.compile(r"(?<!\w)(Stripe_\w+__c)\s*\.\s*(\w+__c)\b")


def findings(tree: Tree) -> list[str]:
    """Every name in Apex that leads nowhere, every file Salesforce would skip, every annotated method it refuses."""
    problems = list(_files(tree))
    triggers = {name: uncommented(text) for name, text in tree.code(".trigger").items()}
    for name, text in {**classes(tree), **triggers}.items():
        problems += [f"{name}: {problem}" for check in CHECKS for problem in check(tree, text)]
    return problems


def _files(tree: Tree) -> Iterator[str]:
    there = {str(component.path) for component in tree.components}
    for path in tree.texts:
        if path.suffix in {".cls", ".trigger"} and f"{path}-meta.xml" not in there:
            yield f"{path.name} has no -meta.xml and would be left out"
    for kind in ("ApexClass", "ApexTrigger"):
        for component in tree.of(kind):
            if component.path.with_name(component.path.name.removesuffix("-meta.xml")) not in tree.texts:
                yield f"{component.path.name} stands alone"
            if component.text("apiVersion") != "65.0":
                yield f"{component.path.name}: API version is not that of the project"


def _callouts(tree: Tree, text: str) -> Iterator[str]:
    yield from (
        f"named credential {name} does not exist"
        for name in CALLOUT.findall(text)
        if name not in tree.named("NamedCredential")
    )
    if ENDPOINT.search(text) and "@istest" not in text.lower():
        yield "names an address: callouts go through the named credential only"
    if CALLOUT.search(text) and SWITCH not in text and "@istest" not in text.lower():
        yield f"calls out without asking {SWITCH}: a refreshed sandbox would act for production"


def _queries(tree: Tree, text: str) -> Iterator[str]:
    for query in QUERY.finditer(text):
        sobject = query["object"]
        if sobject.endswith("__c") and sobject not in tree.named("CustomObject"):
            yield f"queries {sobject}, which does not exist"
            continue
        paths = [part.strip() for part in re.sub(r"\(.*?\)", "", query["columns"], flags=re.DOTALL).split(",")]
        paths += [found["path"] for found in CONDITION.finditer(query["rest"])]
        yield from (
            f"queries {sobject}.{path}, which does not exist" for path in paths if not _path(tree, sobject, path)
        )


def _path(tree: Tree, sobject: str, path: str) -> bool:
    first, _, rest = path.partition(".")
    if rest:
        if not first.endswith("__r"):
            return True  # a standard relationship: the compiler knows those
        lookup = tree.fields.get((sobject, f"{first.removesuffix('__r')}__c"))
        return lookup is not None and _path(tree, lookup.text("referenceTo"), rest)
    return not first.endswith("__c") or (sobject, first) in tree.fields


def _constructors(tree: Tree, text: str) -> Iterator[str]:
    for found in NEW.finditer(text):
        sobject = found["object"]
        if sobject not in tree.named("CustomObject"):
            yield f"makes {sobject}, which does not exist"
            continue
        inside = _arguments(text, found.end() - 1)
        yield from (
            f"sets {sobject}.{row['field']}, which does not exist"
            for row in SET.finditer(inside)
            if (sobject, row["field"]) not in tree.fields
        )


def _arguments(text: str, opening: int) -> str:
    return block(text[opening:].replace("{", "[").replace("}", "]").replace("(", "{").replace(")", "}"), 0)


def _fields(tree: Tree, text: str) -> Iterator[str]:
    for sobject, name in OBJECT.findall(text):
        if sobject in tree.named("CustomObject") and (sobject, name) not in tree.fields:
            yield f"names {sobject}.{name}, which does not exist"


def _literals(tree: Tree, text: str) -> Iterator[str]:
    known: dict[str, set[str]] = {}
    for (_, name), field in tree.fields.items():
        if field.text("type") == "Picklist":
            known.setdefault(name, set()).update(picklist(field))
    for found in LITERAL.finditer(text):
        for value in re.findall(r"'([^']*)'", found["values"]):
            if value and found["field"] in known and value not in known[found["field"]]:
                yield f"{found['field']} is never '{value}'"


def _permissions(tree: Tree, text: str) -> Iterator[str]:
    for name in PERMISSION.findall(text):
        if name not in tree.named("CustomPermission"):
            yield f"custom permission {name} does not exist"


def _labels(tree: Tree, text: str) -> Iterator[str]:
    rows = [element for each in tree.of("CustomLabels") for element in each.each("labels")]
    there = {(element.findtext(f"{NAMESPACE}fullName") or "").lower() for element in rows}
    yield from (f"label {name} does not exist" for name in LABEL.findall(text) if name.lower() not in there)


def _annotations(_tree: Tree, text: str) -> Iterator[str]:
    found = list(methods(text))
    if len([each for each in found if each.annotation == "InvocableMethod"]) > 1:
        yield "has two invocable methods"
    for method in found:
        check = _invocable if method.annotation == "InvocableMethod" else _aura
        yield from (f"{method.name}: {problem}" for problem in check(method))


def _invocable(method: Method) -> Iterator[str]:
    if len(method.parameters) != 1 or not method.parameters[0].startswith("List<"):
        yield "an invocable method takes one list"
    if not method.returns.startswith("List<") and method.returns != "void":
        yield "an invocable method returns a list"
    if "static" not in method.modifiers:
        yield "an invocable method is static"
    if "label=" not in method.options.replace(" ", ""):
        yield "an invocable method has a label, which is its name in Flow Builder"


def _aura(method: Method) -> Iterator[str]:
    if "static" not in method.modifiers:
        yield "an @AuraEnabled method is static"
    if "cacheable=true" in method.options.replace(" ", ""):
        if method.returns == "void":
            yield "a cacheable method returns something"
        if DML.search(method.body):
            yield "a cacheable method changes no record"


CHECKS = (_callouts, _queries, _constructors, _fields, _literals, _permissions, _labels, _annotations)
