"""Code ↔ metadata: what the gateway writes exists, fits, and is editable by its user, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.metadata.tree import Component, Tree, picklist
from tests.metadata.written import Written

TEXTS = {"Text", "LongTextArea", "Url"}
URL_LENGTH = 255  # fixed by Salesforce
MONEY = ("18", "3")
OTHER_NUMBERS = {"Exchange_Rate__c": ("18", "9"), "Sync_Version__c": ("18", "0")}
COUNTS = {"Attempt_Count__c", "Session_Limit__c", "Completed_Sessions__c"}


def findings(tree: Tree, written: Mapping[tuple[str, str], Written]) -> list[str]:
    """Every disagreement between what is written and what there is; examples are the customer's own."""
    shipped = tree.within("main", "optional")
    return [*_fit(shipped, written), *_granted(shipped, written)]


def _fit(tree: Tree, written: Mapping[tuple[str, str], Written]) -> Iterator[str]:
    for (sobject, name), want in sorted(written.items()):
        field = tree.fields.get((sobject, name))
        problems = ["does not exist"] if field is None else _field(field, want)
        yield from (f"{sobject}.{name}: {problem}" for problem in problems)


def _field(field: Component, want: Written) -> Iterator[str]:
    kind = field.text("type")
    if field.text("formula"):
        yield "is a formula and cannot be written"
    if kind != want.kind and not (want.kind == "Text" and kind in TEXTS):
        yield f"is a {kind}, the gateway writes {want.kind}"
    elif want.length and want.length != int(field.text("length", str(URL_LENGTH))):
        yield f"holds {field.text('length', str(URL_LENGTH))} characters, the gateway cuts at {want.length}"
    elif want.values and set(want.values) != set(picklist(field)):
        yield f"takes {sorted(picklist(field))}, the gateway knows {sorted(want.values)}"
    elif want.kind == "Number" and field.name not in COUNTS:
        size = (field.text("precision"), field.text("scale"))
        if size != OTHER_NUMBERS.get(field.name, MONEY):
            yield f"is a Number{size}"


def _granted(tree: Tree, written: Mapping[tuple[str, str], Written]) -> Iterator[str]:
    sets = [each for each in tree.of("PermissionSet") if each.name.startswith("Stripe_Gateway_Integration")]
    rows = [row for permission_set in sets for row in permission_set.rows("fieldPermissions")]
    editable = {row["field"] for row in rows if row["editable"] == "true"}
    required = {key for key, field in tree.fields.items() if field.text("required") == "true"}
    wanted = {".".join(key) for key in written if key in tree.fields and key not in required}
    yield from (f"{field} is written but not editable by the integration user" for field in sorted(wanted - editable))
    yield from (f"{field} is editable by the integration user but never written" for field in sorted(editable - wanted))
    readable = {row["field"] for row in rows}
    settings = {name for name, each in tree.named("CustomObject").items() if each.text("customSettingsType")}
    unread = {".".join(key) for key in tree.fields if key not in required and key[0] not in settings} - readable
    yield from (f"{field} cannot be read by the integration user" for field in sorted(unread))
