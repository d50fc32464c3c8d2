#!/usr/bin/env python3
"""
Draw every flow of salesforce_metadata/ as Mermaid, from the very XML that is deployed.

    tools/draw_flows.py > docs/flows.md

A test compares the page with the flows, so a flow that changes without its picture fails.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1] / "salesforce_metadata"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
INTRO = """\
# Flows

Drawn by `tools/draw_flows.py` from the files in `salesforce_metadata/`; do not edit. Dashed arrows are fault paths.

Flows in `main/` and `optional/` come with the package and are active; in production they may arrive switched off
([step 4](salesforce-admin.md#4-dry-run-then-deploy)). Those in `examples/` are deployed as drafts, only when you deploy
that directory: look at them, change them, switch them on. To build your own: [the four
actions](flow-actions/README.md), and [where they fit](salesforce-admin.md#flows).
"""
WORDS = {"RecordBeforeSave": "before it is saved", "RecordAfterSave": "after it is saved"}
EVENTS = {"Create": "created", "Update": "changed", "CreateAndUpdate": "created or changed", "Delete": "deleted"}
PATHS = {"AsyncAfterCommit": "after the commit, in the background"}
SHAPES = {"decisions": ("{{", "}}"), "screens": ("[/", "/]"), "actionCalls": ("[[", "]]")}


def page(root: Path) -> str:
    """The whole page."""
    files = sorted(root.rglob("*.flow-meta.xml"), key=lambda path: (path.parts[-3] != "examples", path.name))
    return "\n".join([INTRO, *(section(root, path) for path in files)])


def section(root: Path, path: Path) -> str:
    """One flow: what it is for, where it lies, its picture."""
    flow = ET.parse(path).getroot()
    lines = [f"## {text(flow, 'label')}", "", text(flow, "description"), "", f"`{path.relative_to(root)}`", ""]
    return "\n".join([*lines, "```mermaid", "flowchart TD", *(f"    {line}" for line in graph(flow)), "```", ""])


def graph(flow: ET.Element) -> Iterator[str]:
    """Nodes and arrows."""
    start = child(flow, "start")
    yield f'start(["{quoted(beginning(start))}"])'
    for element in nodes(flow):
        opening, closing = SHAPES.get(tag(element), ("[", "]"))
        yield f'{text(element, "name")}{opening}"{quoted(caption(element))}"{closing}'
    for name, element in [("start", start), *((text(each, "name"), each) for each in nodes(flow))]:
        yield from arrows(name, element)


def nodes(flow: ET.Element) -> Iterator[ET.Element]:
    """What stands on the canvas: it has a position, unlike variables and formulas."""
    for element in flow:
        if tag(element) != "start" and element.find(f"{NAMESPACE}locationX") is not None:
            yield element


def arrows(name: str, element: ET.Element) -> Iterator[str]:
    """The ways on from one node, labelled."""
    for path in element.iterfind(f"{NAMESPACE}scheduledPaths"):
        kind = text(path, "pathType")
        yield arrow(name, text(path, "connector/targetReference"), PATHS.get(kind, text(path, "label")))
    for rule in element.iterfind(f"{NAMESPACE}rules"):
        target = text(rule, "connector/targetReference") or end(name, text(rule, "name"))
        yield from ending(target)
        yield arrow(name, target, text(rule, "label"))
    for connector, label in (("connector", ""), ("defaultConnector", text(element, "defaultConnectorLabel"))):
        if target := text(element, f"{connector}/targetReference"):
            yield arrow(name, target, label)
    if target := text(element, "faultConnector/targetReference"):
        yield f"{name} -. fails .-> {target}"


def arrow(source: str, target: str, label: str) -> str:
    """One line of Mermaid."""
    return f'{source} -->|"{quoted(label)}"| {target}' if label else f"{source} --> {target}"


def end(name: str, rule: str) -> str:
    """A way that leads nowhere ends the flow, which is worth seeing."""
    return f"done_{name}_{rule}"


def ending(target: str) -> Iterator[str]:
    """The round end of such a way."""
    if target.startswith("done_"):
        yield f'{target}(["done"])'


def beginning(start: ET.Element) -> str:
    """What sets it off."""
    sobject, kind = text(start, "object"), text(start, "triggerType")
    if not sobject:
        return "Somebody opens it"
    filters = [f"{text(row, 'field')} = {value(child(row, 'value'))}" for row in start.iterfind(f"{NAMESPACE}filters")]
    becomes = text(start, "doesRequireRecordChangedToMeetCriteria") == "true"
    condition = f", {'when it becomes ' if becomes else ''}{' and '.join(filters)}" if filters else ""
    event = EVENTS.get(text(start, "recordTriggerType"), "")
    return f"{sobject} is {event}{condition} ({WORDS.get(kind, kind)})"


def caption(element: ET.Element) -> str:
    """What a node does: its label and, for actions and records, with what."""
    label, kind = text(element, "label"), tag(element)
    if kind == "actionCalls":
        given = [
            f"{text(row, 'name')} = {value(child(row, 'value'))}"
            for row in element.iterfind(f"{NAMESPACE}inputParameters")
        ]
        return "<br/>".join([f"{label} ({text(element, 'actionName')})", *given])
    if kind.startswith("record"):
        return f"{label} ({text(element, 'object')})"
    if kind == "assignments":
        return f"{label}<br/>{len(element.findall(f'{NAMESPACE}assignmentItems'))} fields become empty"
    return label


def value(element: ET.Element) -> str:
    """A literal or the name of what is passed."""
    return next(((part.text or "").strip() for part in element), "")


def quoted(words: str) -> str:
    """Mermaid ends a caption at a quotation mark."""
    return words.replace('"', "#quot;")


def text(element: ET.Element, path: str) -> str:
    """Text at a slash-separated path."""
    return (element.findtext("/".join(NAMESPACE + part for part in path.split("/"))) or "").strip()


def child(element: ET.Element, name: str) -> ET.Element:
    """The one child of that name."""
    found = element.find(NAMESPACE + name)
    return ET.Element(name) if found is None else found


def tag(element: ET.Element) -> str:
    """Its name without the namespace."""
    return element.tag.removeprefix(NAMESPACE)


if __name__ == "__main__":
    sys.stdout.write(page(ROOT))
