"""Metadata XML against the shape the Metadata API takes: elements, repetition, enumerations, numbers, required ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.metadata.tree import NAMESPACE, PLACES, Component, Tree

SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
SCALARS = {"boolean": re.compile(r"true|false"), "number": re.compile(r"-?\d+(\.\d+)?")}
OPEN = {"LightningComponentBundle/targetConfigs"}  # any element, says the API; check_lwc looks inside
Members = dict[str, tuple[str, str]]


def findings(tree: Tree) -> list[str]:
    """Every way in which a file is not what the Metadata API takes."""
    return [f"{component.path}: {problem}" for component in tree.components for problem in _problems(component)]


@cache
def _problems(component: Component) -> tuple[str, ...]:
    return tuple(_component(component))


def _component(component: Component) -> Iterator[str]:
    if component.root is None:
        yield f"not well-formed: {component.error}"
        return
    if not component.root.tag.startswith(NAMESPACE):
        yield "wrong namespace"
        return
    if component.kind not in PLACES:
        yield f"unknown type {component.kind}"
        return
    folder, suffix = PLACES[component.kind]
    if not component.path.name.endswith(suffix) or not _in_place(component, folder):
        yield f"a {component.kind} belongs in {folder}/ with suffix {suffix}"
    if (full_name := component.text("fullName", component.name)) != component.name:
        yield f"fullName {full_name} is not the file's name"
    yield from _element(component.root, component.kind, component.kind)


def _in_place(component: Component, folder: str) -> bool:
    parent = component.path.parent
    if component.kind in {"CustomObject", "LightningComponentBundle"}:  # a folder named like the component
        return parent.name == component.name and parent.parent.name == folder.removesuffix("/*")
    return (parent.parent if folder.endswith("/*") else parent).name == folder.removesuffix("/*")


def _element(element: ET.Element, kind: str, where: str) -> Iterator[str]:
    members = _members(kind)
    seen: dict[str, int] = {}
    before = ""
    for child in element:
        tag = child.tag.removeprefix(NAMESPACE)
        if tag in seen and tag != before:
            yield f"{where}: all {tag} stand together, or Salesforce takes the second group for a duplicate"
        seen[tag], before = seen.get(tag, 0) + 1, tag
        if tag not in members:
            yield f"{where} has no element {tag}"
            continue
        yield from _value(child, members[tag][0], f"{where}/{tag}")
    for tag, (_, cardinality) in members.items():
        if cardinality == "1" and tag not in seen:
            yield f"{where} lacks {tag}"
        if cardinality != "*" and seen.get(tag, 0) > 1:
            yield f"{where} repeats {tag}"


def _value(element: ET.Element, kind: str, where: str) -> Iterator[str]:
    text = (element.text or "").strip()
    if where in OPEN:
        return
    if kind in SCHEMA["types"]:
        yield from _element(element, kind, where)
    elif len(element):
        yield f"{where} is a value, not a group"
    elif kind in SCHEMA["enums"] and text not in SCHEMA["enums"][kind]:
        yield f"{where} cannot be {text!r}"
    elif kind in SCALARS and not SCALARS[kind].fullmatch(text):
        yield f"{where} is not a {kind}: {text!r}"


@cache
def _members(kind: str) -> Members:
    found: Members = {}
    while kind:
        found = {name: tuple(member) for name, member in SCHEMA["types"][kind]["members"].items()} | found
        kind = SCHEMA["types"][kind]["base"]
    return found
