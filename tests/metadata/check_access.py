"""Permission sets and groups: what they name exists, is granted once, and is a grant Salesforce would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.metadata.apex import classes
from tests.metadata.tree import Component, Tree

STANDARD = {"Account", "Case", "Contact", "Opportunity", "Order", "Pricebook2", "Product2", "Quote"}
# "Permission Read Case depends on permission(s): Read Account, Read Contact": a deployment is refused without them.
NEEDS = {
    "Case": {"Account", "Contact"},
    "Contact": {"Account"},
    "Opportunity": {"Account"},
    "Order": {"Account"},
    "Quote": {"Opportunity", "Account"},
}
CREDENTIALS = "UserExternalCredential"  # read access is needed wherever a principal is granted
PRINCIPALS = {"PerUserPrincipal", "NamedPrincipal"}


def findings(tree: Tree) -> list[str]:
    """Every grant of something that is not there, every grant Salesforce refuses, every group of missing sets."""
    known = _known(tree)
    problems = [
        f"{name}: {problem}"
        for name, permission_set in tree.named("PermissionSet").items()
        for problem in (*_names(permission_set, known), *_grants(tree, permission_set), *_principals(permission_set))
    ]
    return problems + [f"{name}: {problem}" for name, group in _groups(tree) for problem in _members(tree, group)]


def principals(tree: Tree) -> set[str]:
    """``ExternalCredential-Principal`` as permission sets write it."""
    return {
        f"{name}-{row['parameterName']}"
        for name, credential in tree.named("ExternalCredential").items()
        for row in credential.rows("externalCredentialParameters")
        if row["parameterType"] in PRINCIPALS
    }


def _known(tree: Tree) -> dict[str, tuple[str, set[str]]]:
    settings = {n for n, each in tree.named("CustomObject").items() if each.text("customSettingsType")}
    return {
        "applicationVisibilities": ("application", set(tree.named("CustomApplication"))),
        "classAccesses": ("apexClass", set(classes(tree))),
        "customPermissions": ("name", set(tree.named("CustomPermission"))),
        "customSettingAccesses": ("name", settings),
        "externalCredentialPrincipalAccesses": ("externalCredentialPrincipal", principals(tree)),
        "fieldPermissions": ("field", {f"{sobject}.{name}" for sobject, name in tree.fields}),
        "flowAccesses": ("flow", set(tree.named("Flow"))),
        "objectPermissions": ("object", set(tree.named("CustomObject")) - settings | STANDARD | {CREDENTIALS}),
        "tabSettings": ("tab", set(tree.named("CustomTab"))),
    }


def _names(permission_set: Component, known: dict[str, tuple[str, set[str]]]) -> Iterator[str]:
    for tag, (member, there) in known.items():
        rows = [row[member] for row in permission_set.rows(tag)]
        standard = {row for row in rows if tag == "fieldPermissions" and not row.endswith("__c")}
        yield from (f"{row} does not exist" for row in rows if row not in there | standard)
        yield from (f"{row} is granted twice" for row, n in Counter(rows).items() if n > 1)


def _grants(tree: Tree, permission_set: Component) -> Iterator[str]:
    objects = {row["object"] for row in permission_set.rows("objectPermissions")}
    creatable = {row["object"] for row in permission_set.rows("objectPermissions") if _any(row, "Create", "Edit")}
    for row in permission_set.rows("fieldPermissions"):
        sobject, name = row["field"].split(".")
        field = tree.fields.get((sobject, name))
        if field and field.text("required") == "true":
            yield f"{row['field']} is required: Salesforce refuses a permission on it"
        if field and field.text("formula") and row["editable"] == "true":
            yield f"{row['field']} is a formula and cannot be edited"
        if row["editable"] == "true" and row["readable"] != "true":
            yield f"{row['field']} is editable and not readable"
        shared = objects | _base(tree, permission_set)
        if sobject in STANDARD | set(tree.named("CustomObject")) and sobject not in shared:
            yield f"{row['field']} is granted without its object"
        if row["editable"] == "true" and sobject in objects and sobject not in creatable:
            yield f"{row['field']} is editable on an object that may be neither created nor edited"
    for row in permission_set.rows("objectPermissions"):
        if row["modifyAllRecords"] == "true" and not _all(row, "allowEdit", "allowDelete", "viewAllRecords"):
            yield f"{row['object']}: modify all needs edit, delete and view all"
        if row["allowRead"] != "true":
            yield f"{row['object']}: every other access needs read"
        missing = NEEDS.get(row["object"], set()) - objects
        yield from (f"{row['object']}: read access to {name} comes with it" for name in sorted(missing))


def _any(row: dict[str, str], *grants: str) -> bool:
    return any(row[f"allow{grant}"] == "true" for grant in grants)


def _all(row: dict[str, str], *members: str) -> bool:
    return all(row[member] == "true" for member in members)


def _base(tree: Tree, permission_set: Component) -> set[str]:
    # An optional permission set adds fields to objects that the main one grants.
    base = tree.named("PermissionSet").get("Stripe_Gateway_Integration")
    if not base or not permission_set.name.startswith("Stripe_Gateway_Integration_"):
        return set()
    return {row["object"] for row in base.rows("objectPermissions")}


def _principals(permission_set: Component) -> Iterator[str]:
    granted = any(permission_set.rows("externalCredentialPrincipalAccesses"))
    objects = {row["object"] for row in permission_set.rows("objectPermissions")}
    if granted != (CREDENTIALS in objects):
        yield f"a principal and read access to {CREDENTIALS} are granted together or not at all"


def _groups(tree: Tree) -> list[tuple[str, Component]]:
    return list(tree.named("PermissionSetGroup").items())


def _members(tree: Tree, group: Component) -> Iterator[str]:
    members = [element.text or "" for element in group.each("permissionSets")]
    yield from (f"{name} does not exist" for name in members if name not in tree.named("PermissionSet"))
    if not members:
        yield "a group without permission sets"
