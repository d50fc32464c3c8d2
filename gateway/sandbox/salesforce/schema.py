"""The org's schema as values: objects, fields, relationships. Standard objects come from standard_objects.json."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gateway.sandbox.salesforce.errors import MetadataError

STANDARD = Path(__file__).with_name("standard_objects.json")
NUMERIC = frozenset({"double", "currency", "percent", "int"})
TEXTUAL = frozenset({"string", "textarea", "picklist", "multipicklist", "email", "phone", "url", "combobox"})
# API type -> length when the table or the metadata does not say (Object Reference, "Field Types").
LENGTHS = {"email": 80, "phone": 40, "url": 255, "picklist": 255, "multipicklist": 4099, "reference": 18, "id": 18}
LONG_TEXT = 255


@dataclass(frozen=True)
class Field:
    """One field. ``precision`` counts all digits, ``scale`` those after the point; ``default`` is a stored value."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    createable: bool = True
    updateable: bool = True
    restricted: bool = False
    picklist: tuple[str, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    child_relationship: str | None = None
    default: Any = None
    formula: str | None = None
    blank_as_zero: bool = False
    auto_number: str | None = None
    name_field: bool = False
    feature: str | None = None

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def filterable(self) -> bool:
        """Long text cannot stand in WHERE or ORDER BY."""
        return self.type != "address" and not (self.type == "textarea" and self.length > LONG_TEXT)

    @property
    def indexed(self) -> bool:
        return self.type == "reference" or self.unique or self.external_id


@dataclass(frozen=True)
class Rule:
    """A validation rule as it was written; formulas.py compiles the condition."""

    sobject: str
    name: str
    condition: str
    message: str
    display_field: str | None = None


@dataclass
class SObject:
    """One object. Names of fields are looked up without regard to case, as the API does."""

    name: str
    label: str
    plural: str
    key_prefix: str
    custom: bool = False
    private: bool = False  # its sharing model: seen by who owns a record, unless something gives more
    writable: bool = True
    source: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)

    @cached_property
    def by_lower(self) -> dict[str, Field]:
        return {name.lower(): entry for name, entry in self.fields.items()}

    @cached_property
    def relationships(self) -> dict[str, Field]:
        return {entry.relationship.lower(): entry for entry in self.fields.values() if entry.relationship}

    @cached_property
    def indexed(self) -> tuple[Field, ...]:
        return tuple(entry for entry in self.fields.values() if entry.indexed)

    @cached_property
    def formulas(self) -> tuple[Field, ...]:
        return tuple(entry for entry in self.fields.values() if entry.formula is not None)

    @cached_property
    def name_field(self) -> str | None:
        return next((entry.name for entry in self.fields.values() if entry.name_field), None)

    def find(self, name: str) -> Field | None:
        return self.fields.get(name) or self.by_lower.get(name.lower())

    def relation(self, name: str) -> Field | None:
        return self.relationships.get(name.lower())


@dataclass
class Schema:
    """All objects, the custom permissions there are, and formula fields the simulator cannot evaluate."""

    objects: dict[str, SObject]
    permission_sets: dict[str, "PermissionSet"] = field(default_factory=dict)
    unsupported_formulas: list[str] = field(default_factory=list)

    @cached_property
    def by_lower(self) -> dict[str, SObject]:
        return {name.lower(): entry for name, entry in self.objects.items()}

    @cached_property
    def by_prefix(self) -> dict[str, SObject]:
        return {entry.key_prefix: entry for entry in self.objects.values() if entry.key_prefix}

    @cached_property
    def children(self) -> dict[tuple[str, str], tuple[SObject, Field]]:
        """(parent object, child relationship in lower case) → (child object, its reference field)."""
        found = {}
        for sobject in self.objects.values():
            for entry in sobject.fields.values():
                for parent in entry.reference_to if entry.child_relationship else ():
                    found[parent, str(entry.child_relationship).lower()] = (sobject, entry)
        return found

    def find(self, name: str) -> SObject | None:
        return self.objects.get(name) or self.by_lower.get(name.lower())


@dataclass(frozen=True)
class PermissionSet:
    """
    ``fields``: "Object.Field" → (readable, editable). ``objects``: object → granted of read, create, edit, delete,
    view_all, modify_all.
    """

    name: str
    fields: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)
    objects: Mapping[str, frozenset[str]] = field(default_factory=dict)
    custom_permissions: frozenset[str] = frozenset()


SYSTEM_FIELDS = (
    Field("Id", "id", "Record ID", length=18, createable=False, updateable=False),
    Field("IsDeleted", "boolean", "Deleted", createable=False, updateable=False, default=False),
    Field("CreatedDate", "datetime", "Created Date", createable=False, updateable=False),
    Field("CreatedById", "reference", "Created By ID", 18, reference_to=("User",), relationship="CreatedBy",
          createable=False, updateable=False),
    Field("LastModifiedDate", "datetime", "Last Modified Date", createable=False, updateable=False),
    Field("LastModifiedById", "reference", "Last Modified By ID", 18, reference_to=("User",),
          relationship="LastModifiedBy", createable=False, updateable=False),
    Field("SystemModstamp", "datetime", "System Modstamp", createable=False, updateable=False),
)  # fmt: skip
OWNER = Field("OwnerId", "reference", "Owner ID", 18, reference_to=("User",), relationship="Owner")
CURRENCIES = ("USD", "EUR", "JPY", "GBP", "KWD")
CURRENCY = Field("CurrencyIsoCode", "picklist", "Currency ISO Code", 3, restricted=True, picklist=CURRENCIES)

# "type(args) flag flag=value …": see the table's own "syntax" member.
SPEC = re.compile(r"^(?P<type>[a-z]+)(?:\((?P<args>[^)]*)\))?(?P<flags>.*)$")


def parse_field(name: str, text: str) -> Field:
    """One cell of the standard table; raises MetadataError when it is not understood."""
    match = SPEC.match(text)
    if not match:
        raise MetadataError(f"standard_objects.json: {name}: {text!r}")
    kind, args = match["type"], match["args"]
    values: dict[str, Any] = {"name": name, "type": kind, "label": label_of(name), "length": LENGTHS.get(kind, 0)}
    if kind == "reference":
        values["reference_to"] = tuple((args or "").split("|"))
        values["relationship"] = name.removesuffix("Id")
    elif kind in NUMERIC and args:
        precision, _, scale = args.partition(",")
        values |= {"precision": int(precision), "scale": int(scale or 0)}
    elif args:
        values["length"] = int(args)
    for flag in re.findall(r"(?:[^\s=]+=\"[^\"]*\")|\S+", match["flags"]):
        word, _, value = flag.partition("=")
        values |= flag_values(name, word, value.strip('"'))
    return Field(**values)


def flag_values(name: str, word: str, value: str) -> dict[str, Any]:
    flags: dict[str, dict[str, Any]] = {
        "required": {"required": True},
        "readonly": {"createable": False, "updateable": False},
        "createonly": {"updateable": False},
        "name": {"name_field": True},
        "restricted": {"restricted": True},
        "values": {"picklist": tuple(value.split("|"))},
        "children": {"child_relationship": value},
        "relationship": {"relationship": value},
        "default": {"default": {"true": True, "false": False}.get(value, value)},
        "auto": {"auto_number": value, "createable": False, "updateable": False},
        "feature": {"feature": value},
    }
    if word not in flags:
        raise MetadataError(f"standard_objects.json: {name}: unknown flag {word!r}")
    return flags[word]


def label_of(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " ")).replace(" Id", " ID")


def standard_objects(has: Iterable[str]) -> dict[str, SObject]:
    """The standard objects of an org with these features."""
    features = set(has)
    table = json.loads(STANDARD.read_text(encoding="utf-8"))["objects"]
    return {
        name: standard_object(name, row, features)
        for name, row in table.items()
        if row.get("feature") is None or row["feature"] in features
    }


def standard_object(name: str, row: Mapping[str, Any], features: set[str]) -> SObject:
    fields = list(SYSTEM_FIELDS) if row.get("system", True) else [SYSTEM_FIELDS[0]]
    if row.get("owner"):
        fields.append(OWNER)
    if "multi_currency" in features and row.get("currency"):
        fields.append(CURRENCY)
    fields += [parse_field(key, text) for key, text in row["fields"].items()]
    kept = {entry.name: entry for entry in fields if entry.feature is None or entry.feature in features}
    return SObject(
        name=name,
        label=row.get("label", label_of(name)),
        plural=row.get("plural", label_of(name) + "s"),
        key_prefix=row["prefix"],
        writable=row.get("writable", True),
        source=row["source"],
        fields=kept,
    )
