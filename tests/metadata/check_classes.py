"""What the classes promise beyond their annotations: what a flow's author reads, what a cached answer may reach."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway import actions
from tests.metadata.apex_source import Member, Source, reached, sources
from tests.metadata.tree import Tree

CHANGES = re.compile(
    r"\b(?:insert|update|upsert|delete|undelete|merge)\s+[\w(]|\bDatabase\.(?:insert|update|upsert|delete)"
)
CALLS = re.compile(r"\bnew Http\b|\bHttpRequest\b")
STRING = r"'((?:[^'\\\n]|\\.)*)'"
TOLD = re.compile(rf"(\w+)\s*=\s*{STRING}")
OPTIONAL = re.compile(r"\b(?:Order|Quote)(?:Item|LineItem)?(?:__c)?\b")


def findings(tree: Tree) -> list[str]:
    """Every promise that is not kept."""
    there = sources(tree)
    found = [f"{source.name}: {problem}" for source in there.values() for problem in _source(tree, there, source)]
    return [*found, *_labels(tree, there)]


def _source(tree: Tree, there: dict[str, Source], source: Source) -> Iterator[str]:
    for method in source.annotated("InvocableMethod"):
        yield from (f"{method.name}: {problem}" for problem in _invocable(there, source, method))
    yield from _inputs(source)
    for method in source.annotated("AuraEnabled"):
        if method.method and re.search(r"cacheable\s*=\s*true", method.arguments):
            yield from (f"{method.name}: {problem}" for problem in _cacheable(there, method))
    yield from _strings(tree, source)
    if source.path.parts[0] == "main" and OPTIONAL.search(source.bare):
        yield "names an object that not every org has"


def _invocable(there: dict[str, Source], source: Source, method: Member) -> Iterator[str]:
    if "public" not in method.modifiers:
        yield "an invocable method is public"
    if not {"label", "description", "category"} <= set(dict(TOLD.findall(method.arguments))):
        yield "an admin sees a label, a description and a category"
    calls = any(CALLS.search(code) for code in [source.bare, *(there[x].bare for x in reached(there, source.words))])
    if calls != bool(re.search(r"callout\s*=\s*true", method.arguments)):
        yield "callout=true says whether it makes callouts, and a flow commits before it"


def _inputs(source: Source) -> Iterator[str]:
    labels = []
    for variable in source.annotated("InvocableVariable"):
        told = dict(TOLD.findall(variable.arguments))
        labels.append(told.get("label", ""))
        if not told.get("label") or not told.get("description"):
            yield f"{variable.name}: an admin sees a label and a description"
        if "public" not in variable.modifiers:
            yield f"{variable.name}: flows see public members only"
    yield from (f"two inputs are called {label}" for label in sorted({x for x in labels if labels.count(x) > 1}))


def _cacheable(there: dict[str, Source], method: Member) -> Iterator[str]:
    names = reached(there, frozenset(re.findall(r"\w+", method.body)))
    code = method.body + "".join(there[name].bare for name in names)
    if CHANGES.search(code):
        yield "a cacheable method reaches code that changes records"
    if CALLS.search(code):
        yield "a cacheable method reaches a callout"


def _strings(tree: Tree, source: Source) -> Iterator[str]:
    known = {name for _, name in tree.fields} | set(tree.named("CustomObject"))
    for text in source.strings:
        if re.fullmatch(r"\w+__c", text) and text not in known:
            yield f"'{text}' names no field or object"
    for name in re.findall(rf"\b(?:ACTION|REFUND)\s*=\s*{STRING}", source.code):
        if name not in actions.registry():
            yield f"there is no action {name}"
    if source.is_test:
        named = set(re.findall(r"'(Stripe_Gateway_\w+)'", source.code)) - set(tree.named("PermissionSet"))
        yield from (f"permission set {name} does not exist" for name in sorted(named))


def _labels(tree: Tree, there: dict[str, Source]) -> Iterator[str]:
    texts = {row["fullName"]: row["value"] for labels in tree.of("CustomLabels") for row in labels.rows("labels")}
    used = {name for source in there.values() for name in re.findall(r"System\.Label\.(\w+)", source.bare)}
    unused = {name for name in texts if name.startswith("Stripe_Gateway_")} - used
    yield from (f"label {name} is used nowhere" for name in sorted(unused))
    for name in used & set(texts):
        if "{0}" in texts[name] and "'" in texts[name]:
            yield f"label {name}: String.format takes an apostrophe for a quotation mark"
