"""What people look at: tabs, apps, list views, layouts, quick actions and pages name only what there is."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from tests.metadata.lwc import Bundle, bundles
from tests.metadata.tree import NAMESPACE, Component, Tree, picklist

OWN_COLUMNS = {"NAME", "OBJECT_ID", "CREATED_DATE", "LAST_UPDATE", "Name", "CreatedDate", "OWNER.ALIAS"}
OWN_FIELDS = {"Name", "OwnerId", "CreatedById", "LastModifiedById"}
SOURCES = {"Account", "Case", "Contact", "Opportunity"}
PAGE_COMPONENTS = {"force:highlightsPanel", "force:detailPanel", "force:relatedListContainer"}


def findings(tree: Tree) -> list[str]:
    """Every dangling name on a screen."""
    checks = (_views, _tabs, _layouts)
    pages = (*_quick_actions(tree), *_pages(tree))
    return [problem for check in checks for problem in check(tree)] + list(pages)


def _views(tree: Tree) -> Iterator[str]:
    for kind, tag in (("ListView", "columns"), ("CompactLayout", "fields")):
        for view in tree.of(kind):
            named = [element.text or "" for element in view.each(tag)] + [row["field"] for row in view.rows("filters")]
            for name in named:
                if name not in OWN_COLUMNS and (view.sobject, name) not in tree.fields:
                    yield f"{view.sobject}.{view.name}: {name} does not exist"
            for row in view.rows("filters"):
                known = tree.fields.get((view.sobject, row["field"]))
                values = set(picklist(known)) if known is not None else set()
                never = set(row.get("value", "").split(",")) - values if values else set()
                yield from (f"{view.sobject}.{view.name}: {row['field']} is never {each}" for each in sorted(never))


def _tabs(tree: Tree) -> Iterator[str]:
    yield from (f"tab {tab} has no object" for tab in tree.named("CustomTab") if tab not in tree.named("CustomObject"))
    for name, app in tree.named("CustomApplication").items():
        tabs = [element.text or "" for element in app.each("tabs")]
        known = set(tree.named("CustomTab"))
        yield from (
            f"{name}: tab {tab} does not exist" for tab in tabs if not tab.startswith("standard-") and tab not in known
        )


def _layouts(tree: Tree) -> Iterator[str]:
    laid_out = set()
    for layout in tree.of("Layout"):
        sobject = layout.name.split("-", 1)[0]
        laid_out.add(sobject)
        if sobject not in tree.named("CustomObject"):
            yield f"layout {layout.name}: {sobject} is not an object of ours"
        yield from (f"layout {layout.name}: {problem}" for problem in _layout(tree, layout, sobject))
    ours = {n for n, each in tree.named("CustomObject").items() if not each.text("customSettingsType")}
    yield from (f"{sobject} has no layout" for sobject in sorted(ours - laid_out))


def _layout(tree: Tree, layout: Component, sobject: str) -> Iterator[str]:
    items = list(layout.each("layoutSections/layoutColumns/layoutItems"))
    placed = [item.findtext(f"{NAMESPACE}field") or "" for item in items]
    yield from (f"{name} is placed twice" for name in {name for name in placed if placed.count(name) > 1})
    for name in placed:
        if name not in OWN_FIELDS and (sobject, name) not in tree.fields:
            yield f"{name} does not exist"
    core = {name for (owner, name), found in tree.fields.items() if owner == sobject and found.path.parts[0] == "main"}
    yield from (f"{name} is missing" for name in sorted(core - set(placed)))
    for row in layout.each("relatedLists"):
        child, _, lookup = (row.findtext(f"{NAMESPACE}relatedList") or "").partition(".")
        found = tree.fields.get((child, lookup))
        if found is None or found.text("referenceTo") != sobject:
            yield f"related list {child}.{lookup} is no lookup to {sobject}"
        columns = [element.text or "" for element in row.findall(f"{NAMESPACE}fields")]
        yield from (
            f"related list column {child}.{name} does not exist"
            for name in columns
            if name not in OWN_COLUMNS and (child, name) not in tree.fields
        )


def _quick_actions(tree: Tree) -> Iterator[str]:
    for action in tree.of("QuickAction"):
        sobject, _, name = action.name.partition(".")
        bundle = action.text("lightningWebComponent")
        if sobject not in SOURCES or not name:
            yield f"quick action {action.name}: not an action of a source object"
        if action.text("type") != "LightningWebComponent" or action.text("actionSubtype") != "ScreenAction":
            yield f"quick action {action.name}: is not a screen action of a component"
        yield from _component(tree, f"quick action {action.name}", bundle, "lightning__RecordAction")


def _pages(tree: Tree) -> Iterator[str]:
    for page in tree.of("FlexiPage"):
        where = f"page {page.name}"
        if page.text("sobjectType") not in SOURCES | set(tree.named("CustomObject")):
            yield f"{where}: object {page.text('sobjectType')} does not exist"
        if page.path.parts[0] == "main" and page.text("sobjectType") in SOURCES:
            yield f"{where}: a page of a standard object belongs in examples/"
        names = [_text(each, "componentName") for each in page.each("flexiPageRegions/itemInstances/componentInstance")]
        for name in names:
            if ":" not in name or name.startswith("c:"):
                yield from _component(tree, where, name.removeprefix("c:"), "lightning__RecordPage")
            elif name not in PAGE_COMPONENTS:
                yield f"{where}: component {name} is not one of the platform's that are used here"


def _component(tree: Tree, where: str, name: str, target: str) -> Iterator[str]:
    bundle: Bundle | None = bundles(tree).get(name)
    if bundle is None:
        yield f"{where}: component {name} does not exist"
    elif target not in bundle.targets:
        yield f"{where}: component {name} is not made for {target}"


def _text(element: ET.Element, tag: str) -> str:
    return element.findtext(NAMESPACE + tag) or ""
