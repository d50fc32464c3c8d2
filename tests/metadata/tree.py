"""The metadata in ``salesforce_metadata/`` as values the checks can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[2] / "salesforce_metadata"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"

# Type → folder and suffix Salesforce recognises it by; anything else would be left out of a deployment silently.
PLACES = {
    "CompactLayout": ("compactLayouts", ".compactLayout-meta.xml"),
    "CustomApplication": ("applications", ".app-meta.xml"),
    "CustomField": ("fields", ".field-meta.xml"),
    "CustomObject": (None, ".object-meta.xml"),
    "CustomPermission": ("customPermissions", ".customPermission-meta.xml"),
    "CustomTab": ("tabs", ".tab-meta.xml"),
    "ListView": ("listViews", ".listView-meta.xml"),
    "PermissionSet": ("permissionsets", ".permissionset-meta.xml"),
    "ValidationRule": ("validationRules", ".validationRule-meta.xml"),
}


@dataclass(frozen=True)
class Component:
    """One metadata file; ``root`` is None when it is not XML at all."""

    path: Path
    root: ET.Element | None
    error: str = ""

    @property
    def kind(self) -> str:
        """The Metadata API type."""
        return "" if self.root is None else self.root.tag.removeprefix(NAMESPACE)

    @property
    def name(self) -> str:
        """What the file name says the component is called."""
        return self.path.name.split(".", 1)[0]

    @property
    def sobject(self) -> str:
        """The object a field, rule or list view belongs to: the folder below ``objects``."""
        parts = self.path.parts
        return parts[parts.index("objects") + 1] if "objects" in parts else ""

    def text(self, path: str, default: str = "") -> str:
        """Text of the element at a slash-separated path."""
        found = None if self.root is None else self.root.find("/".join(NAMESPACE + part for part in path.split("/")))
        return default if found is None else (found.text or "").strip()

    def each(self, path: str) -> Iterator[ET.Element]:
        """Every element at a slash-separated path."""
        if self.root is not None:
            yield from self.root.iterfind("/".join(NAMESPACE + part for part in path.split("/")))

    def rows(self, tag: str) -> Iterator[dict[str, str]]:
        """Repeated elements as dictionaries of their children's texts."""
        for element in self.each(tag):
            yield {child.tag.removeprefix(NAMESPACE): (child.text or "").strip() for child in element}


@dataclass(frozen=True)
class Tree:
    """Every component of the project."""

    components: tuple[Component, ...]

    def altered(self, removed: str, *added: Component) -> Tree:
        """The project without one file and with others."""
        kept = tuple(component for component in self.components if component.path != Path(removed))
        assert len(kept) == len(self.components) - 1, f"{removed} is not there"
        return Tree((*kept, *added))

    @cached_property
    def _kinds(self) -> dict[str, dict[Path, Component]]:
        kinds: dict[str, dict[Path, Component]] = {}
        for component in self.components:
            kinds.setdefault(component.kind, {})[component.path] = component
        return kinds

    @cached_property
    def _names(self) -> dict[str, dict[str, Component]]:
        return {kind: {each.name: each for each in found.values()} for kind, found in self._kinds.items()}

    def of(self, kind: str) -> list[Component]:
        """All components of one type."""
        return list(self._kinds.get(kind, {}).values())

    @cached_property
    def fields(self) -> dict[tuple[str, str], Component]:
        """Fields by object and API name."""
        return {(field.sobject, field.name): field for field in self.of("CustomField")}

    @cached_property
    def columns(self) -> dict[str, set[str]]:
        """API names of the fields of each object."""
        columns: dict[str, set[str]] = {}
        for sobject, name in self.fields:
            columns.setdefault(sobject, set()).add(name)
        return columns

    def named(self, kind: str) -> dict[str, Component]:
        """Components of a type by name."""
        return self._names.get(kind, {})


def load(root: Path = ROOT) -> Tree:
    """What is below the folder, in the order of the paths."""
    files = sorted(root.rglob("*-meta.xml"))
    return Tree(tuple(read(path.relative_to(root), path.read_text(encoding="utf-8")) for path in files))


def read(path: Path, text: str) -> Component:
    """One file; ``path`` is relative to the project."""
    try:
        return Component(path, ET.fromstring(text))
    except ET.ParseError as problem:
        return Component(path, None, str(problem))


def picklist(field: Component) -> tuple[str, ...]:
    """API names of a picklist's values, in order."""
    values = field.each("valueSet/valueSetDefinition/value")
    return tuple((value.findtext(f"{NAMESPACE}fullName") or "") for value in values)
