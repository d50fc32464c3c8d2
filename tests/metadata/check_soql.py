"""Queries in Apex: a compiler outside Salesforce looks at neither their fields nor the mode they run in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import gateway.sandbox.salesforce
from gateway.sandbox.salesforce.errors import SalesforceError
from gateway.sandbox.salesforce.soql import Comparison, Condition, Query, parse
from tests.metadata.apex_source import Source, sources
from tests.metadata.tree import Tree, picklist

STANDARD = json.loads(
    Path(gateway.sandbox.salesforce.__file__).with_name("standard_objects.json").read_text(encoding="utf-8")
)["objects"]
# Setup objects, which no simulator serves (Object Reference for the Salesforce Platform).
SETUP = {
    "PermissionSet": {"Name"},
    "Profile": {"Name"},
    "UserRecordAccess": {"RecordId", "UserId", "HasEditAccess"},
}
SYSTEM = {"Id", "Name", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "OwnerId"}
MODE = re.compile(r"\bWITH\s+(USER|SYSTEM)_MODE\b")
DYNAMIC = re.compile(r"Database\.(?:query|queryWithBinds|getQueryLocator|countQuery)\w*\s*\(")
CHILDREN = re.compile(r"\.children\(\s*(\w+)(?:\.SObjectType)?\s*,\s*([A-Z_]+)\b")
EXCUSE = 6  # lines above a query in system mode in which the reason must stand


def findings(tree: Tree) -> list[str]:
    """Every query that names what is not there, or runs in a mode nobody chose."""
    return [f"{source.name}: {problem}" for source in sources(tree).values() for problem in _source(tree, source)]


def _source(tree: Tree, source: Source) -> Iterator[str]:
    for at, text in source.queries():
        yield from _query(tree, text)
        if not source.is_test:
            yield from _mode(source, at, text)
    if not source.is_test:
        yield from _system_mode(source)
        for match in DYNAMIC.finditer(source.code):
            if "AccessLevel." not in source.code[match.start() : match.start() + 200].split(";")[0]:
                yield "a dynamic query chooses no AccessLevel"
    yield from _lists(tree, source)


def _mode(source: Source, at: int, text: str) -> Iterator[str]:
    if not MODE.search(text):
        yield f"a query chooses neither USER_MODE nor SYSTEM_MODE: {' '.join(text.split())[:60]}"


def _system_mode(source: Source) -> Iterator[str]:
    for match in re.finditer(r"SYSTEM_MODE", source.code):
        above = source.text[: match.start()].splitlines()[-EXCUSE - 1 : -1]
        if not any(line.strip().startswith(("//", "*", "/*")) for line in above):
            yield "SYSTEM_MODE without a comment that gives the reason"


def _query(tree: Tree, text: str) -> Iterator[str]:
    plain = MODE.sub("", text)
    plain = re.sub(r"\bIN\s*:\s*[\w.()]+", "IN ('x')", plain)
    plain = re.sub(r"LAST_N_DAYS\s*:\s*\d+", "2026-01-01", plain)
    plain = re.sub(r":\s*[\w.]+(\(\))?", "'x'", plain)
    try:
        query = parse(plain)
    except SalesforceError as exc:
        yield f"a query that cannot be read: {exc}: {' '.join(text.split())[:60]}"
        return
    known = fields_of(tree, query.sobject)
    if known is None:
        yield f"a query over {query.sobject}, which does not exist"
        return
    for name in sorted(set(_names(query))):
        if name not in known and _lookup(name) not in known:
            yield f"a query names {query.sobject}.{name}, which does not exist"
    if query.where is not None:
        yield from _literals(tree, query.sobject, query.where)


def _names(query: Query) -> Iterator[str]:
    for path in query.fields or ():
        yield path.sobject if isinstance(path, Query) else path[0]
    yield from (ordering.path[0] for ordering in query.order)
    yield from (comparison.path[0] for comparison in _comparisons(query.where))


def _lookup(name: str) -> str:
    """The field behind a relationship: Stripe_Customer__r leads over Stripe_Customer__c, Account over AccountId."""
    return f"{name.removesuffix('__r')}__c" if name.endswith("__r") else f"{name}Id"


def _comparisons(condition: Condition | None) -> Iterator[Comparison]:
    if isinstance(condition, Comparison):
        yield condition
    elif condition is not None:
        for term in condition.terms:
            yield from _comparisons(term)


def _literals(tree: Tree, sobject: str, where: Condition) -> Iterator[str]:
    for comparison in _comparisons(where):
        field = tree.fields.get((sobject, comparison.path[0]))
        if field is not None and field.text("type") == "Picklist":
            for value in comparison.values:
                if value.kind == "string" and value.value not in {*picklist(field), "x"}:
                    yield f"a query compares {sobject}.{field.name} with {value.value}, which is not one of its values"


def fields_of(tree: Tree, sobject: str) -> set[str] | None:
    """API names of an object's fields; None when there is no such object."""
    if sobject in SETUP:
        return SETUP[sobject] | {"Id"}
    if sobject in STANDARD:
        return SYSTEM | set(STANDARD[sobject]["fields"]) | tree.columns.get(sobject, set())
    return SYSTEM | tree.columns.get(sobject, set()) if sobject in tree.named("CustomObject") else None


def _lists(tree: Tree, source: Source) -> Iterator[str]:
    """Lists of field names that are handed on together with their object."""
    for match in CHILDREN.finditer(source.code):
        declared = re.search(rf"\b{match[2]}\s*=\s*new List<String>\s*\{{([^}}]*)\}}", source.code)
        if declared is None:
            yield f"{match[2]} is not a list of field names"
            continue
        known = fields_of(tree, match[1]) or set()
        yield from (
            f"{match[2]} names {match[1]}.{name}, which does not exist"
            for name in re.findall(r"'(\w+)'", declared[1])
            if name not in known
        )
