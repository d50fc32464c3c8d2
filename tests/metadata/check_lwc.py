"""Lightning web components ↔ the rest: Apex methods, labels, permissions, schema and components they name exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.metadata.apex import Method, classes, methods
from tests.metadata.lwc import Bundle, bundles
from tests.metadata.tree import NAMESPACE, Tree

CHILD = re.compile(r"<c-([a-z0-9-]+)")
WIRED = re.compile(r"@wire\(\s*(\w+)")
APEX = re.compile(r"""import\s+(\w+)\s+from\s+["']@salesforce/apex/([\w.]+)["']""")
PROPERTY = re.compile(r"@api\s+(?:get\s+|set\s+)?(\w+)")


def findings(tree: Tree) -> list[str]:
    """Every name in a component that leads nowhere, and every component Salesforce would not take."""
    return [
        f"lwc {name}: {problem}"
        for name, bundle in bundles(tree).items()
        for problem in (*_shape(bundle), *_apex(tree, bundle), *_names(tree, bundle), *_children(tree, bundle))
    ]


def _shape(bundle: Bundle) -> Iterator[str]:
    if bundle.meta is None:
        yield "has no .js-meta.xml and would be left out"
        return
    if f"{bundle.name}.js" not in bundle.scripts:
        yield "has no module of its own name"
    exposed = bundle.meta.text("isExposed") == "true"
    if exposed != bool(bundle.targets):
        yield "is exposed and has targets, or neither"
    configured = {
        target.strip()
        for element in bundle.meta.each("targetConfigs/targetConfig")
        for target in element.get("targets", "").split(",")
    }
    yield from (f"configures {target}, which is not among its targets" for target in configured - bundle.targets)
    if "lightning__RecordAction" in bundle.targets:
        types = [element.text for element in bundle.meta.each("targetConfigs/targetConfig/actionType")]
        if types != ["ScreenAction"]:
            yield "a record action says ScreenAction"
    script = bundle.scripts.get(f"{bundle.name}.js", "")
    offered = set(PROPERTY.findall(script))
    for element in bundle.meta.each("targetConfigs/targetConfig/property"):
        if element.get("name") not in offered:
            yield f"property {element.get('name')} is not an @api property"


def _apex(tree: Tree, bundle: Bundle) -> Iterator[str]:
    for text in bundle.scripts.values():
        wired = set(WIRED.findall(text))
        for local, path in APEX.findall(text):
            owner, _, name = path.partition(".")
            found = _method(tree, owner, name)
            if found is None:
                yield f"{path} is no @AuraEnabled method"
            elif local in wired and "cacheable=true" not in found.options.replace(" ", ""):
                yield f"{path} is wired and not cacheable"


def _method(tree: Tree, owner: str, name: str) -> Method | None:
    found = methods(classes(tree).get(owner, ""))
    return next((each for each in found if each.name == name and each.annotation == "AuraEnabled"), None)


def _names(tree: Tree, bundle: Bundle) -> Iterator[str]:
    labels = {
        element.findtext(f"{NAMESPACE}fullName") for each in tree.of("CustomLabels") for element in each.each("labels")
    }
    for module in bundle.imports:
        if module.startswith("@salesforce/label/c.") and module.rpartition(".")[2] not in labels:
            yield f"label {module.rpartition('.')[2]} does not exist"
        if module.startswith("@salesforce/customPermission/"):
            name = module.rpartition("/")[2]
            if name not in tree.named("CustomPermission"):
                yield f"custom permission {name} does not exist"
        if module.startswith("@salesforce/schema/"):
            sobject, _, name = module.removeprefix("@salesforce/schema/").partition(".")
            if name.endswith("__c") and (sobject, name) not in tree.fields:
                yield f"field {sobject}.{name} does not exist"


def _children(tree: Tree, bundle: Bundle) -> Iterator[str]:
    known = bundles(tree)
    for text in bundle.templates.values():
        for tag in CHILD.findall(text):
            name = re.sub(r"-(\w)", lambda found: found[1].upper(), tag)
            if name not in known:
                yield f"<c-{tag}> does not exist"
    for module in bundle.imports:
        if module.startswith("c/") and module.removeprefix("c/") not in known:
            yield f"module {module} does not exist"
