"""Flows: connectors, references, inputs and outputs lead somewhere; nothing fails unseen; no callout in a save."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.metadata.apex import classes, methods, variables
from tests.metadata.flows import CONNECTORS, FALLIBLE, FAULT, Flow, Node
from tests.metadata.lwc import bundles
from tests.metadata.tree import NAMESPACE, Tree, picklist

GLOBALS = {"$Flow", "$GlobalConstant", "$Organization", "$Profile", "$System", "$User"}
HARD_ID = re.compile(r"\b[a-zA-Z0-9]{5}0[a-zA-Z0-9]{9}(?:[A-Z0-5]{3})?\b")
CORE_ACTIONS = {"emailSimple", "chatterPost", "customNotificationAction"}


def findings(tree: Tree) -> list[str]:
    """Every way in which a flow would break, stop silently, or call out where Salesforce forbids it."""
    return [
        f"flow {component.name}: {problem}" for component in tree.of("Flow") for problem in _flow(tree, Flow(component))
    ]


def _flow(tree: Tree, flow: Flow) -> Iterator[str]:
    yield from _paths(flow)
    yield from _faults(flow)
    yield from _references(tree, flow)
    yield from _trigger(tree, flow)
    for node in flow.nodes.values():
        if node.kind == "actionCalls":
            yield from _action(tree, node)
        if node.kind == "screens":
            yield from _screen(tree, node)
        if node.kind == "decisions":
            yield from _conditions(tree, flow, node)
    if any(HARD_ID.search(element.text or "") for element in flow.component.each("start")) or _hard_ids(flow):
        yield "names a record by its id"


def _paths(flow: Flow) -> Iterator[str]:
    entries = flow.entries()
    if not entries:
        yield "starts nothing"
    everything = (*CONNECTORS, FAULT)
    for name, targets in [
        ("start", entries.values()),
        *((n, node.leads_to(*everything)) for n, node in flow.nodes.items()),
    ]:
        yield from (f"{name} leads to {target}, which does not exist" for target in targets if target not in flow.nodes)
    orphans = set(flow.nodes) - flow.reached(list(entries.values()), *everything)
    yield from (f"{name} is never reached" for name in sorted(orphans))
    for row in flow.component.rows("start/scheduledPaths"):
        if row.get("pathType") == "AsyncAfterCommit" and set(row) - {"name", "connector", "pathType"}:
            yield f"path {row['name']}: Salesforce refuses a label or an offset on it"


def _faults(flow: Flow) -> Iterator[str]:
    """What is reached only through a fault path is the handler itself; all else that can fail needs one."""
    for path, first in flow.entries().items():
        for name in sorted(flow.reached([first], *CONNECTORS)):
            node = flow.nodes[name]
            if node.kind in FALLIBLE and not any(node.leads_to(FAULT)):
                yield f"{name} has no fault path (on path {path})"


def _references(tree: Tree, flow: Flow) -> Iterator[str]:
    for reference in flow.references():
        head, _, rest = reference.partition(".")
        if head == "$Record":
            field = rest.partition(".")[0]
            if field.endswith("__c") and (flow.sobject, field) not in tree.fields:
                yield f"{reference} does not exist"
        elif head == "$Permission":
            if rest not in tree.named("CustomPermission"):
                yield f"{reference} does not exist"
        elif head == "$Label":
            yield f"{reference}: texts of example flows stand in the flow"
        elif head not in GLOBALS:
            yield from _own(tree, flow, head, rest)


def _own(tree: Tree, flow: Flow, head: str, rest: str) -> Iterator[str]:
    if head not in flow.names:
        yield f"{head} does not exist"
        return
    node = flow.nodes.get(head)
    if node and rest and node.kind == "actionCalls" and node.text("actionType") == "apex":
        name = node.text("actionName")
        if rest not in _outputs(tree, name):
            yield f"{head}.{rest} is no output of {name}"


def _outputs(tree: Tree, name: str) -> set[str]:
    found = next((each for each in methods(classes(tree).get(name, "")) if each.annotation == "InvocableMethod"), None)
    if found is None:
        return set()
    result = found.returns.removeprefix("List<").removesuffix(">").strip()
    owner, _, inner = result.rpartition(".")
    source = classes(tree).get(owner or result) or classes(tree).get(name, "")
    return set(variables(source, inner))


def _trigger(tree: Tree, flow: Flow) -> Iterator[str]:
    kind = flow.component.text("start/triggerType")
    if flow.component.path.parts[0] == "examples" and flow.component.text("status") != "Draft":
        yield "an example is deployed as a draft: whoever wants it switches it on"
    for row in flow.component.each("start/filters"):
        field, value = (row.findtext(NAMESPACE + tag) or "" for tag in ("field", f"value/{NAMESPACE}stringValue"))
        found = tree.fields.get((flow.sobject, field))
        if field.endswith("__c") and found is None:
            yield f"filters by {flow.sobject}.{field}, which does not exist"
        elif found is not None and picklist(found) and value not in picklist(found):
            yield f"{field} is never {value}"
    if kind == "RecordAfterSave" and flow.component.text("start/doesRequireRecordChangedToMeetCriteria") != "true":
        yield "runs on every save of a matching record, not when it begins to match"
    now = flow.reached([flow.entries().get("now", "")], *CONNECTORS, FAULT)
    for name in sorted(now):
        node = flow.nodes[name]
        if kind.startswith("Record") and node.kind == "actionCalls" and node.text("actionType") == "apex":
            yield f"{name} calls out while the record is being saved: it belongs on the path after the commit"
        if kind == "RecordBeforeSave" and node.kind in FALLIBLE - {"recordLookups"}:
            yield f"{name} cannot stand in a flow before the save"


def _action(tree: Tree, node: Node) -> Iterator[str]:
    name = node.text("actionName")
    given = {row.findtext(f"{NAMESPACE}name") or "" for row in node.element.iterfind(f"{NAMESPACE}inputParameters")}
    if node.text("actionType") != "apex":
        if name not in CORE_ACTIONS:
            yield f"{node.name}: action {name} is not known here"
        return
    if name not in classes(tree):
        yield f"{node.name}: class {name} does not exist"
        return
    text = classes(tree)[name]
    found = next((each for each in methods(text) if each.annotation == "InvocableMethod"), None)
    if found is None:
        yield f"{node.name}: {name} has no invocable method"
        return
    kind = found.parameters[0].removeprefix("List<").removesuffix(">").rpartition(".")[2]
    inputs = variables(text, kind)
    yield from (f"{node.name}: {name} has no input {each}" for each in sorted(given - set(inputs)))
    yield from (
        f"{node.name}: input {each} of {name} is required"
        for each, must in inputs.items()
        if must and each not in given
    )


def _screen(tree: Tree, node: Node) -> Iterator[str]:
    for field in node.element.iterfind(f"{NAMESPACE}fields"):
        if field.findtext(f"{NAMESPACE}fieldType") != "ComponentInstance":
            continue
        name = (field.findtext(f"{NAMESPACE}extensionName") or "").removeprefix("c:")
        bundle = bundles(tree).get(name)
        if bundle is None or bundle.meta is None:
            yield f"{node.name}: component {name} does not exist"
            continue
        if "lightning__FlowScreen" not in bundle.targets:
            yield f"{node.name}: component {name} is not made for lightning__FlowScreen"
        offered = {each.get("name") for each in bundle.meta.each("targetConfigs/targetConfig/property")}
        given = {row.findtext(f"{NAMESPACE}name") for row in field.iterfind(f"{NAMESPACE}inputParameters")}
        yield from (
            f"{node.name}: {name} has no property {each} for flows" for each in sorted(map(str, given - offered))
        )


def _conditions(tree: Tree, flow: Flow, node: Node) -> Iterator[str]:
    """The status an action answers with is one of ours."""
    statuses = set(picklist(tree.fields["Stripe_Action__c", "Status__c"]))
    for condition in node.element.iter(f"{NAMESPACE}conditions"):
        left = condition.findtext(f"{NAMESPACE}leftValueReference") or ""
        value = condition.findtext(f"{NAMESPACE}rightValue/{NAMESPACE}stringValue")
        head, _, rest = left.partition(".")
        owner = flow.nodes.get(head)
        if owner and owner.kind == "actionCalls" and rest == "status" and value not in statuses:
            yield f"{node.name}: {left} is never {value}"


def _hard_ids(flow: Flow) -> bool:
    root = flow.component.root
    assert root is not None
    return any(HARD_ID.search(element.text or "") for element in root.iter(f"{NAMESPACE}stringValue"))
