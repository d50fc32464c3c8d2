"""Flows as graphs: elements, where each one leads, and what is reached without an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree as ET

from tests.metadata.tree import NAMESPACE, Component

CONNECTORS = ("connector", "defaultConnector", "nextValueConnector", "noMoreValuesConnector")
FAULT = "faultConnector"
# Elements that can stand on the canvas, and those of them that can fail.
NODES = {
    "actionCalls", "assignments", "collectionProcessors", "customErrors", "decisions", "loops", "recordCreates",
    "recordDeletes", "recordLookups", "recordUpdates", "screens", "subflows", "transforms", "waits",
}  # fmt: skip
FALLIBLE = {"actionCalls", "recordCreates", "recordDeletes", "recordLookups", "recordUpdates", "subflows"}
RESOURCES = {"variables", "formulas", "constants", "textTemplates", "choices", "dynamicChoiceSets", "stages"}
MERGE = re.compile(r"\{!([^}]+)\}")


@dataclass(frozen=True)
class Node:
    """One element of a flow."""

    kind: str
    name: str
    element: ET.Element

    def leads_to(self, *tags: str) -> Iterator[str]:
        """Targets of its own connectors and of those of its rules."""
        for tag in tags:
            for connector in self.element.iter(NAMESPACE + tag):
                yield connector.findtext(f"{NAMESPACE}targetReference") or ""

    def text(self, tag: str) -> str:
        """Text of one child."""
        return (self.element.findtext(NAMESPACE + tag) or "").strip()


@dataclass(frozen=True)
class Flow:
    """One flow of the project."""

    component: Component

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Elements on the canvas by name."""
        root = self.component.root
        assert root is not None
        found = [Node(_tag(child), child.findtext(f"{NAMESPACE}name") or "", child) for child in root]
        return {node.name: node for node in found if node.kind in NODES}

    @cached_property
    def names(self) -> set[str]:
        """Everything a reference may begin with, globals aside."""
        root = self.component.root
        assert root is not None
        resources = {child.findtext(f"{NAMESPACE}name") or "" for child in root if _tag(child) in RESOURCES}
        fields = {row.findtext(f"{NAMESPACE}name") or "" for row in self.component.each("screens/fields")}
        return {*self.nodes, *resources, *fields}

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Data types of its variables, formulas and constants that hold one value."""
        root = self.component.root
        assert root is not None
        found = [child for child in root if _tag(child) in {"constants", "formulas", "variables"}]
        return {each.findtext(f"{NAMESPACE}name") or "": each.findtext(f"{NAMESPACE}dataType") or "" for each in found}

    @property
    def start(self) -> Node:
        """The start element."""
        [element] = self.component.each("start")
        return Node("start", "start", element)

    @property
    def sobject(self) -> str:
        """Object that triggers it."""
        return self.component.text("start/object")

    def entries(self) -> dict[str, str]:
        """Path → first element: ``now`` and each scheduled path."""
        found = {}
        if target := self.component.text("start/connector/targetReference"):
            found["now"] = target
        for row in self.component.each("start/scheduledPaths"):
            kind = row.findtext(f"{NAMESPACE}pathType") or row.findtext(f"{NAMESPACE}name") or ""
            found[kind] = row.findtext(f"{NAMESPACE}connector/{NAMESPACE}targetReference") or ""
        return found

    def reached(self, first: list[str], *tags: str) -> set[str]:
        """Elements reached from these by these connectors."""
        seen: set[str] = set()
        waiting = list(first)
        while waiting:
            name = waiting.pop()
            if name in self.nodes and name not in seen:
                seen.add(name)
                waiting += self.nodes[name].leads_to(*tags)
        return seen

    def references(self) -> Iterator[str]:
        """Every reference to a value anywhere in it."""
        root = self.component.root
        assert root is not None
        for element in root.iter():
            tag, text = _tag(element), (element.text or "").strip()
            if tag in {"elementReference", "leftValueReference", "assignToReference", "inputReference"} and text:
                yield text
            elif tag not in {"interviewLabel", "description"}:
                yield from MERGE.findall(text)


def _tag(element: ET.Element) -> str:
    return element.tag.removeprefix(NAMESPACE)
