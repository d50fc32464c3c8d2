"""Values in flows: the fields that are set or read exist, and what an action is given has the type it takes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.metadata.apex import classes, methods, types
from tests.metadata.flows import Flow, Node
from tests.metadata.tree import NAMESPACE, Tree

# What flows may set of standard objects; ours are known from their files (Object Reference, "Task").
STANDARD_FIELDS = {
    "Task": {
        "ActivityDate", "Description", "IsReminderSet", "OwnerId", "Priority", "ReminderDateTime", "Status", "Subject",
        "TaskSubtype", "Type", "WhatId", "WhoId",
    },
}  # fmt: skip
# Type of an input in Apex → the kind of literal and of resource that fit it.
FITTING = {
    "Boolean": ("booleanValue", "Boolean"),
    "Date": ("dateValue", "Date"),
    "Datetime": ("dateTimeValue", "DateTime"),
    "Decimal": ("numberValue", "Number"),
    "Id": ("stringValue", "String"),
    "Integer": ("numberValue", "Number"),
    "String": ("stringValue", "String"),
}


def findings(tree: Tree) -> list[str]:
    """Every field that is not there and every value that does not fit."""
    flows = [Flow(component) for component in tree.of("Flow")]
    nodes = [(flow, node) for flow in flows for node in flow.nodes.values()]
    return [
        f"flow {flow.component.name}: {node.name}: {problem}"
        for flow, node in nodes
        for problem in (*_columns(tree, node), *_inputs(tree, flow, node))
    ]


def _columns(tree: Tree, node: Node) -> Iterator[str]:
    sobject = node.text("object")
    rows = [row for tag in ("inputAssignments", "filters") for row in node.element.iterfind(NAMESPACE + tag)]
    named = [row.findtext(f"{NAMESPACE}field") or "" for row in rows] if sobject else []
    named += [element.text or "" for element in node.element.iterfind(f"{NAMESPACE}queriedFields")]
    for name in named:
        if (sobject, name) not in tree.fields and name not in {"Id", *STANDARD_FIELDS.get(sobject, ())}:
            yield f"{sobject}.{name} does not exist, or is not known here"


def _inputs(tree: Tree, flow: Flow, node: Node) -> Iterator[str]:
    inputs = _types(tree, node.text("actionName")) if node.text("actionType") == "apex" else {}
    for row in node.element.iterfind(f"{NAMESPACE}inputParameters"):
        name, value = row.findtext(f"{NAMESPACE}name") or "", row.find(f"{NAMESPACE}value")
        if value is None or not len(value) or inputs.get(name) not in FITTING:
            continue
        literal, kind = FITTING[inputs[name]]
        given, text = value[0].tag.removeprefix(NAMESPACE), value[0].text or ""
        if given == "elementReference":
            if flow.kinds.get(text, kind) != kind:
                yield f"input {name} takes a {kind}, {text} is none"
        elif given != literal:
            yield f"input {name} takes a {literal}, not a {given}"


def _types(tree: Tree, name: str) -> dict[str, str]:
    text = classes(tree).get(name, "")
    found = next((each for each in methods(text) if each.annotation == "InvocableMethod"), None)
    kind = found.parameters[0].removeprefix("List<").removesuffix(">") if found and found.parameters else ""
    owner, _, inner = kind.rpartition(".")
    return types(classes(tree).get(owner or inner, text), inner)
