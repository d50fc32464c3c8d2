"""The folders of ``salesforce_metadata/``: which objects and fields each brings, as describe would tell them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from gateway.cli.common import Wrong

_NAME = "salesforce_metadata"
# Beside the package in a checkout, in its prefix in an image.
_PLACES = (Path(__file__).resolve().parents[2] / _NAME, Path(sys.prefix) / _NAME)
PROJECT = next((place for place in _PLACES if place.is_dir()), Path(_NAME))
_NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
# Metadata API "CustomField", type → REST API "DescribeSObjectResult", type of a field.
_TYPES = {
    "AutoNumber": "string", "Checkbox": "boolean", "Currency": "currency", "Date": "date", "DateTime": "datetime",
    "Email": "email", "Html": "textarea", "LongTextArea": "textarea", "Lookup": "reference", "Number": "double",
    "Percent": "percent", "Phone": "phone", "Picklist": "picklist", "Text": "string", "TextArea": "textarea",
    "Url": "url",
}  # fmt: skip
# What describe does not tell, of the folders that bring no object.
NEEDS = {
    "optional/dashboards": "dynamic dashboards (Enterprise edition has five), and the reports of main",
    "optional/external-services": "the named credential Stripe_Gateway, deployed before",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A field; ``length`` is 0 where it has none, ``values`` are those of a picklist."""

    type: str
    length: int = 0
    values: tuple[str, ...] = ()
    points_to: str | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """A package directory: object → its fields by API name; ``makes`` are the objects it brings."""

    path: str
    objects: Mapping[str, Mapping[str, Column]]
    makes: frozenset[str]

    @property
    def needs(self) -> list[str]:
        """Standard objects that must be there."""
        targets = {column.points_to for columns in self.objects.values() for column in columns.values()}
        return sorted(name for name in {*self.objects, *targets} if name and not name.endswith("__c"))


def folders(root: Path) -> list[Folder]:
    """Every package directory that brings objects or fields, or needs something else."""
    try:
        project = json.loads((root / "sfdx-project.json").read_text(encoding="utf-8"))
    except OSError as exc:
        raise not_ours(root) from exc
    found = [_folder(root, each["path"]) for each in project["packageDirectories"]]
    return [folder for folder in found if folder.objects or folder.path in NEEDS]


def not_ours(root: Path) -> Wrong:
    """To be raised where the folder is another one."""
    return Wrong(f"{root} is not the folder {_NAME} of a release: start in a checkout, or name it with --metadata.")


def _folder(root: Path, path: str) -> Folder:
    objects: dict[str, dict[str, Column]] = {}
    makes = set()
    for folder in sorted((root / path).glob("**/objects/*")):
        definition = folder / f"{folder.name}.object-meta.xml"
        if definition.exists() and "<customSettingsType>" in definition.read_text(encoding="utf-8"):
            continue  # a setting of the org itself, nothing the gateway's user sees
        columns = {each.name.partition(".")[0]: _column(each) for each in sorted(folder.glob("fields/*-meta.xml"))}
        objects.setdefault(folder.name, {}).update(columns)
        if definition.exists():
            makes.add(folder.name)
    return Folder(
        path, {name: columns for name, columns in objects.items() if columns or name in makes}, frozenset(makes)
    )


def _column(path: Path) -> Column:
    root = ET.fromstring(path.read_bytes())  # noqa: S314 - files of the release, not the outside's
    text = {child.tag.removeprefix(_NAMESPACE): child.text or "" for child in root}
    values = [value.findtext(f"{_NAMESPACE}fullName") or "" for value in root.iter(f"{_NAMESPACE}value")]
    kind = _TYPES[text["type"]]
    length = int(text.get("length", 0)) if kind == "string" else 0
    return Column(kind, length, tuple(values) if kind == "picklist" else (), text.get("referenceTo"))
