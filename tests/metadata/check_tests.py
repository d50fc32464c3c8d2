"""Apex tests that Salesforce would stop: a callout is refused while the transaction holds unsaved work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.metadata.apex_source import Source, closing, sources
from tests.metadata.check_classes import CHANGES
from tests.metadata.tree import Tree

METHOD = re.compile(
    r"(?P<head>(?:\b(?:public|private|global|static|override|virtual)\s+)+)(?:[\w.]+(?:<[\w.<>, ]+>)?\s+)?"
    r"(?P<name>\w+)\s*\([^()]*\)\s*\{"
)
CALL = re.compile(r"(?P<new>\bnew\s+)?(?:\b(?P<owner>\w+)\s*)?(?P<dot>\.\s*)?\b(?P<name>\w+)\s*\(")
SENDS = re.compile(r"\bnew\s+Http\s*\(")
BOUNDARY = re.compile(r"\bTest\s*\.\s*(startTest|stopTest)\b")

Node = tuple[str, str]  # a class, and a method or the constructor in it


@dataclass(frozen=True)
class Code:
    """All bodies of one name in one class; a constructor has the name of its class."""

    body: str
    is_test: bool = False


def findings(tree: Tree) -> list[str]:
    """Every test whose data and callout share one transaction; Test.startTest() begins a new one."""
    there = sources(tree)
    code = {node: body for source in there.values() for node, body in _bodies(source)}
    edges = {node: {to for _, to in _calls(code, node[0], body.body)} for node, body in code.items()}
    changes = _reaching(edges, {node for node, each in code.items() if CHANGES.search(each.body)})
    calls = _reaching(edges, {node for node, each in code.items() if SENDS.search(each.body)})
    return [
        f"{owner}: {name}: calls out after saving records; Test.startTest() belongs between them"
        for (owner, name), each in code.items()
        if each.is_test and _stopped(code, owner, each.body, changes, calls)
    ]


def _bodies(source: Source) -> Iterator[tuple[Node, Code]]:
    found: dict[str, Code] = {}
    for match in METHOD.finditer(source.bare):
        body = source.bare[match.end() : closing(source.bare, match.end() - 1)]
        before = found.get(match["name"], Code(""))
        is_test = source.is_test and source.bare[: match.start()].rstrip().lower().endswith("@istest")
        found[match["name"]] = Code(before.body + body, before.is_test or is_test)
    yield from (((source.name, name), code) for name, code in found.items())


def _calls(code: dict[Node, Code], owner: str, body: str) -> Iterator[tuple[int, Node]]:
    """Where each call of ours ends, and what it may be: the class of a variable is any class the body names."""
    named = set(re.findall(r"\w+", body)) | {owner}
    for match in CALL.finditer(body):
        name, qualifier = match["name"], match["owner"]
        if match["new"]:
            owners = {qualifier or name}
        elif match["dot"]:
            owners = {qualifier} if qualifier and (qualifier, name) in code else named
        else:
            owners = {owner}
        targets = [(each, name) for each in owners if (each, name) in code]
        if targets:
            end = closing(body, match.end() - 1)
            yield from ((end, target) for target in targets)


def _reaching(edges: dict[Node, set[Node]], found: set[Node]) -> set[Node]:
    while more := {node for node, to in edges.items() if node not in found and to & found}:
        found = found | more
    return found


def _stopped(code: dict[Node, Code], owner: str, body: str, changes: set[Node], calls: set[Node]) -> bool:
    events = [(match.start(), match[1]) for match in BOUNDARY.finditer(body)]
    events += [(match.start(), "changes") for match in CHANGES.finditer(body)]
    for end, node in _calls(code, owner, body):
        events += [(end, "calls")] if node in calls else []
        events += [(end, "changes")] if node in changes else []
    unsaved = before = False
    for _, event in sorted(events):  # of one call: first what it calls, then what it leaves behind
        if event == "startTest":
            before, unsaved = unsaved, False
        elif event == "stopTest":
            unsaved = unsaved or before
        elif event == "calls" and unsaved:
            return True
        unsaved = unsaved or event == "changes"
    return False
