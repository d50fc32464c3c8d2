"""
The project's own Salesforce metadata (SFDX source format) as schema.

Objects, fields, validation rules, global value sets and permission sets are read; what the simulator does not know is
an error, because a constraint it ignored would be a test that passes for the wrong reason.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from gateway.sandbox.salesforce.errors import MetadataError
from gateway.sandbox.salesforce.schema import (
    CURRENCY,
    LENGTHS,
    OWNER,
    SYSTEM_FIELDS,
    Field,
    PermissionSet,
    Rule,
    Schema,
    SObject,
)

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
OBJECT_SUFFIXES = ("__c",)
# Metadata type -> API type (Object Reference, "Field Types").
TYPES = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Html": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Lookup": "reference",
    "MasterDetail": "reference",
    "Url": "url",
    "Email": "email",
    "Phone": "phone",
    "AutoNumber": "string",
}
OBJECT_GRANTS = {"allowRead": "read", "allowCreate": "create", "allowEdit": "edit", "allowDelete": "delete"}
OBJECT_GRANTS |= {"viewAllRecords": "view_all", "modifyAllRecords": "modify_all"}
# A custom setting belongs to the org, a profile or a user, not to an owner (Apex Developer Guide, "Custom Settings").
SETTING = (
    Field("Name", "string", "Name", 38, name_field=True),
    Field("SetupOwnerId", "reference", "Location", 18, required=True, updateable=False,
          reference_to=("Organization", "Profile", "User"), relationship="SetupOwner"),
)  # fmt: skip
# Key prefixes of custom objects are given out in order of installation; a00 … are the first ones.
CUSTOM_PREFIX = "a{:02d}"


def apply(schema: Schema, tree: Path, packages: tuple[str, ...] | None, features: frozenset[str]) -> None:
    """Add the tree's objects, fields, rules and permission sets. A missing tree adds nothing."""
    roots = package_roots(tree, packages, features)
    value_sets = {path.name.split(".")[0]: picklist_values(read(path)) for path in walk(roots, "globalValueSets")}
    folders = sorted((folder for root in roots for folder in root.glob("**/objects/*") if folder.is_dir()), key=str)
    add_objects(schema, folders, features)
    for folder in folders:
        if folder.name in schema.objects:
            add_fields(schema, schema.objects[folder.name], folder, value_sets)
    drop_dangling(schema)
    for path in walk(roots, "permissionsets"):
        merge_permission_set(schema, path.name.split(".")[0], read(path))


def package_roots(tree: Path, packages: tuple[str, ...] | None, features: frozenset[str]) -> list[Path]:
    """Everything under main/, and of optional/ what is named like a feature this org has switched on."""
    folders = [folder for folder in tree.glob("main/*") if folder.is_dir()]
    folders += [folder for folder in tree.glob("optional/*") if folder.is_dir() and folder.name in features]
    return sorted(folder for folder in folders if packages is None or folder.name in packages)


def walk(roots: list[Path], kind: str) -> Iterator[Path]:
    for root in roots:
        yield from sorted(root.glob(f"**/{kind}/*-meta.xml"))


def read(path: Path) -> ET.Element:
    try:
        return ET.fromstring(path.read_bytes())  # noqa: S314  # our own files, not the outside's
    except ET.ParseError as exc:
        raise MetadataError(f"{path}: {exc}") from exc


def text(element: ET.Element, tag: str, default: str = "") -> str:
    return (element.findtext(f"{NAMESPACE}{tag}") or default).strip()


def flag(element: ET.Element, tag: str) -> bool:
    return text(element, tag) == "true"


def children(element: ET.Element, tag: str) -> list[ET.Element]:
    return element.findall(f"{NAMESPACE}{tag}")


def add_objects(schema: Schema, folders: list[Path], features: frozenset[str]) -> None:
    taken = {sobject.key_prefix for sobject in schema.objects.values()}
    for folder in sorted(folders, key=lambda path: path.name):
        definition = folder / f"{folder.name}.object-meta.xml"
        if folder.name in schema.objects or not folder.name.endswith(OBJECT_SUFFIXES) or not definition.exists():
            continue
        prefix = next(p for number in range(100) if (p := CUSTOM_PREFIX.format(number)) not in taken)
        taken.add(prefix)
        schema.objects[folder.name] = custom_object(folder.name, read(definition), prefix, features)


def custom_object(name: str, root: ET.Element, prefix: str, features: frozenset[str]) -> SObject:
    setting = bool(text(root, "customSettingsType"))
    fields = [*SYSTEM_FIELDS, *(SETTING if setting else (OWNER, name_field(name, root)))]
    if "multi_currency" in features and not setting:
        fields.append(CURRENCY)
    return SObject(
        name=name,
        label=text(root, "label", name),
        plural=text(root, "pluralLabel", name),
        key_prefix=prefix,
        custom=True,
        private=text(root, "sharingModel") == "Private",
        source=f"salesforce_metadata: {name}",
        fields={entry.name: entry for entry in fields},
    )


def name_field(name: str, root: ET.Element) -> Field:
    node = root.find(f"{NAMESPACE}nameField")
    if node is None:
        raise MetadataError(f"{name}: the object has no nameField")
    label = text(node, "label", "Name")
    if text(node, "type") == "AutoNumber":
        auto = text(node, "displayFormat", "{0}")
        return Field("Name", "string", label, 80, auto_number=auto, createable=False, updateable=False, name_field=True)
    return Field("Name", "string", label, 80, name_field=True)


def add_fields(schema: Schema, sobject: SObject, folder: Path, value_sets: Mapping[str, tuple[str, ...]]) -> None:
    for path in sorted((folder / "fields").glob("*.field-meta.xml")):
        root = read(path)
        if text(root, "fullName").endswith("__c"):
            entry = custom_field(path, root, value_sets)
            sobject.fields[entry.name] = entry
    for path in sorted((folder / "validationRules").glob("*.validationRule-meta.xml")):
        root = read(path)
        if flag(root, "active"):
            condition, message = text(root, "errorConditionFormula"), text(root, "errorMessage")
            display = text(root, "errorDisplayField") or None
            sobject.rules.append(Rule(sobject.name, text(root, "fullName"), condition, message, display))


def custom_field(path: Path, root: ET.Element, value_sets: Mapping[str, tuple[str, ...]]) -> Field:
    name, kind = text(root, "fullName"), text(root, "type")
    if kind not in TYPES:
        raise MetadataError(f"{path}: field type {kind!r} is not known to the simulator")
    values: dict[str, Any] = {
        "name": name,
        "type": TYPES[kind],
        "label": text(root, "label", name),
        "length": int(text(root, "length") or (255 if kind == "TextArea" else LENGTHS.get(TYPES[kind], 0))),
        "precision": int(text(root, "precision") or 0),
        "scale": int(text(root, "scale") or 0),
        "required": flag(root, "required") or kind == "MasterDetail",
        "unique": flag(root, "unique"),
        "case_sensitive": flag(root, "caseSensitive"),
        "external_id": flag(root, "externalId"),
        "default": default_value(kind, text(root, "defaultValue")),
    }
    if formula := text(root, "formula"):
        values |= {"formula": formula, "createable": False, "updateable": False, "required": False}
        values["blank_as_zero"] = text(root, "formulaTreatBlanksAs", "BlankAsZero") == "BlankAsZero"
    if kind == "AutoNumber":
        values |= {"auto_number": text(root, "displayFormat", "{0}"), "createable": False, "updateable": False}
    if kind in ("Lookup", "MasterDetail"):
        values |= relationship_values(root, name)
    if kind in ("Picklist", "MultiselectPicklist"):
        values |= picklist(path, root, value_sets)
    return Field(**values)


def default_value(kind: str, source: str) -> Any:
    if kind == "Checkbox":
        return source == "true"
    return source.strip("'\"") or None


def relationship_values(root: ET.Element, name: str) -> dict[str, Any]:
    child = text(root, "relationshipName")
    return {
        "reference_to": (text(root, "referenceTo"),),
        "relationship": name.removesuffix("__c") + "__r",
        "child_relationship": f"{child}__r" if child else None,
        "length": 18,
    }


def picklist(path: Path, root: ET.Element, value_sets: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    node = root.find(f"{NAMESPACE}valueSet")
    if node is None:
        raise MetadataError(f"{path}: a picklist without valueSet")
    shared = text(node, "valueSetName")
    if shared:
        if shared not in value_sets:
            raise MetadataError(f"{path}: no global value set {shared}")
        return {"picklist": value_sets[shared], "restricted": True}
    definition = node.find(f"{NAMESPACE}valueSetDefinition")
    chosen = [text(value, "fullName") for value in node.iter(f"{NAMESPACE}value") if flag(value, "default")]
    return {
        "picklist": picklist_values(definition),
        "restricted": flag(node, "restricted"),
        "default": chosen[0] if chosen else None,
    }


def picklist_values(node: ET.Element | None) -> tuple[str, ...]:
    """Active values; a global value set calls them customValue, a field calls them value."""
    if node is None:
        return ()
    rows = [*children(node, "value"), *children(node, "customValue")]
    return tuple(text(row, "fullName") for row in rows if text(row, "isActive", "true") == "true")


def drop_dangling(schema: Schema) -> None:
    """A lookup to an object this org does not have belongs to a package directory that is not installed."""
    for sobject in schema.objects.values():
        for name in list(sobject.fields):
            targets = sobject.fields[name].reference_to
            if targets and not any(target in schema.objects for target in targets):
                del sobject.fields[name]


def merge_permission_set(schema: Schema, name: str, root: ET.Element) -> None:
    """Package directories may each bring a part of the same permission set."""
    before = schema.permission_sets.get(name, PermissionSet(name))
    fields = {text(n, "field"): (flag(n, "readable"), flag(n, "editable")) for n in children(root, "fieldPermissions")}
    objects = {
        text(n, "object"): frozenset(grant for tag, grant in OBJECT_GRANTS.items() if flag(n, tag))
        for n in children(root, "objectPermissions")
    }
    custom = {text(n, "name") for n in children(root, "customPermissions") if flag(n, "enabled")}
    schema.permission_sets[name] = PermissionSet(
        name, {**before.fields, **fields}, {**before.objects, **objects}, before.custom_permissions | custom
    )
