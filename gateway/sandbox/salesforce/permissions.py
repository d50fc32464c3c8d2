"""
What a session may see and change, from the project's own permission sets.

``fls`` of the world: ``off`` – everybody may do everything; ``custom`` – custom objects and custom fields follow the
permission sets; ``all`` – standard ones too; ``auto`` – custom if the tree ships the integration permission set.
"""

from collections.abc import Iterable, Mapping

from gateway.sandbox.salesforce.schema import Field, PermissionSet, SObject
from gateway.sandbox.salesforce.world import SandboxUser

INTEGRATION = "Stripe_Gateway_Integration"
EVERYTHING = frozenset({"read", "create", "edit", "delete"})
# Field-level security does not apply to these (Salesforce Help, "Field-Level Security"), nor to required fields.
ALWAYS = frozenset(
    {"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp"}
    | {"OwnerId", "Name", "CurrencyIsoCode"}
)
# Every API user can read these.
OPEN_OBJECTS = frozenset({"User", "Organization", "RecordType", "UserRecordAccess", "PricebookEntry"})
# Access to these follows their parent (Object Reference: "Special Access Rules" of each).
FOLLOWS = {
    "OpportunityLineItem": "Opportunity",
    "OpportunityContactRole": "Opportunity",
    "OrderItem": "Order",
    "QuoteLineItem": "Quote",
}


def effective_mode(fls: str, sets: Mapping[str, PermissionSet]) -> str:
    if fls != "auto":
        return fls
    return "custom" if INTEGRATION in sets else "off"


class Access:
    """One user's access; made again whenever the user's permission sets change."""

    def __init__(self, user: SandboxUser, sets: Iterable[PermissionSet], mode: str) -> None:
        held = list(sets)
        self.user = user
        self.mode = "off" if user.admin else mode
        self.custom_permissions = frozenset(name for held_set in held for name in held_set.custom_permissions)
        self._objects: dict[str, frozenset[str]] = {}
        self._fields: dict[str, tuple[bool, bool]] = {}
        for held_set in held:
            for name, grants in held_set.objects.items():
                self._objects[name] = self._objects.get(name, frozenset()) | grants
            for name, (readable, editable) in held_set.fields.items():
                before = self._fields.get(name, (False, False))
                self._fields[name] = (before[0] or readable, before[1] or editable)

    def can(self, sobject: SObject, grant: str) -> bool:
        if self.mode == "off" or sobject.name in OPEN_OBJECTS or (self.mode == "custom" and not sobject.custom):
            return True
        return grant in self._objects.get(FOLLOWS.get(sobject.name, sobject.name), frozenset())

    def readable(self, sobject: SObject, field: Field) -> bool:
        return self._free(sobject, field) or self._grant(sobject, field)[0]

    def editable(self, sobject: SObject, field: Field) -> bool:
        return self._free(sobject, field) or self._grant(sobject, field)[1]

    def _free(self, sobject: SObject, field: Field) -> bool:
        if self.mode == "off" or field.required or field.name in ALWAYS or field.name_field:
            return True
        return sobject.name in OPEN_OBJECTS or (self.mode == "custom" and not field.custom)

    def _grant(self, sobject: SObject, field: Field) -> tuple[bool, bool]:
        return self._fields.get(f"{sobject.name}.{field.name}", (False, False))
