"""The metadata in ``salesforce_metadata/`` as values the checks can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[2] / "salesforce_metadata"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"

# Type → folder and suffix Salesforce recognises it by; anything else would be left out of a deployment silently.
PLACES = {
    "ApexClass": ("classes", ".cls-meta.xml"),
    "ApexTrigger": ("triggers", ".trigger-meta.xml"),
    "CompactLayout": ("compactLayouts", ".compactLayout-meta.xml"),
    "CustomApplication": ("applications", ".app-meta.xml"),
    "CustomField": ("fields", ".field-meta.xml"),
    "CustomLabels": ("labels", ".labels-meta.xml"),
    "CustomObject": ("objects/*", ".object-meta.xml"),
    "CustomPermission": ("customPermissions", ".customPermission-meta.xml"),
    "CustomTab": ("tabs", ".tab-meta.xml"),
    "Dashboard": ("dashboards/*", ".dashboard-meta.xml"),
    "DashboardFolder": ("dashboards", ".dashboardFolder-meta.xml"),
    "ExternalClientApplication": ("externalClientApps", ".eca-meta.xml"),
    "ExternalCredential": ("externalCredentials", ".externalCredential-meta.xml"),
    "ExternalServiceRegistration": ("externalServiceRegistrations", ".externalServiceRegistration-meta.xml"),
    "ExtlClntAppGlobalOauthSettings": ("extlClntAppGlobalOauthSets", ".ecaGlblOauth-meta.xml"),
    "ExtlClntAppOauthConfigurablePolicies": ("extlClntAppOauthPolicies", ".ecaOauthPlcy-meta.xml"),
    "ExtlClntAppOauthSettings": ("extlClntAppOauthSettings", ".ecaOauth-meta.xml"),
    "FlexiPage": ("flexipages", ".flexipage-meta.xml"),
    "Flow": ("flows", ".flow-meta.xml"),
    "Layout": ("layouts", ".layout-meta.xml"),
    "LightningComponentBundle": ("lwc/*", ".js-meta.xml"),
    "ListView": ("listViews", ".listView-meta.xml"),
    "NamedCredential": ("namedCredentials", ".namedCredential-meta.xml"),
    "PermissionSet": ("permissionsets", ".permissionset-meta.xml"),
    "PermissionSetGroup": ("permissionsetgroups", ".permissionsetgroup-meta.xml"),
    "QuickAction": ("quickActions", ".quickAction-meta.xml"),
    "Report": ("reports/*", ".report-meta.xml"),
    "ReportFolder": ("reports", ".reportFolder-meta.xml"),
    "ReportType": ("reportTypes", ".reportType-meta.xml"),
    "ValidationRule": ("validationRules", ".validationRule-meta.xml"),
}
SOURCES = {".cls", ".trigger", ".js", ".html", ".css", ".template"}


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
        _, suffix = PLACES.get(self.kind, (None, ""))
        if suffix and self.path.name.endswith(suffix):
            return self.path.name.removesuffix(suffix)
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
    """Every component of the project, and the text of its code and templates by path."""

    components: tuple[Component, ...]
    texts: Mapping[Path, str] = field(default_factory=dict)

    def altered(self, removed: str, *added: Component) -> Tree:
        """The project without one file and with others."""
        kept = tuple(component for component in self.components if component.path != Path(removed))
        assert len(kept) == len(self.components) - 1, f"{removed} is not there"
        return Tree((*kept, *added), self.texts)

    def adding(self, *added: Component, **texts: str) -> Tree:
        """The project with further components and further (or other) texts."""
        return Tree((*self.components, *added), {**self.texts, **{Path(path): text for path, text in texts.items()}})

    def within(self, *folders: str) -> Tree:
        """Only what lies below these top folders."""
        return Tree(
            tuple(component for component in self.components if component.path.parts[0] in folders),
            {path: text for path, text in self.texts.items() if path.parts[0] in folders},
        )

    def code(self, suffix: str) -> dict[str, str]:
        """Texts of one kind by their file's name without suffix."""
        return {path.stem: text for path, text in self.texts.items() if path.suffix == suffix}

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
        return {(found.sobject, found.name): found for found in self.of("CustomField")}

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
    texts = {path.relative_to(root): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.*"))
             if path.suffix in SOURCES}  # fmt: skip
    return Tree(tuple(read(path.relative_to(root), path.read_text(encoding="utf-8")) for path in files), texts)


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
