"""``UserRecordAccess``: not a table but a question – what may this user do with these records?"""

from collections.abc import Iterable
from typing import Any

from gateway.sandbox.salesforce.errors import SalesforceError
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.schema import SObject
from gateway.sandbox.salesforce.soql import Comparison, Condition, Query
from gateway.sandbox.salesforce.store import Record
from gateway.sandbox.salesforce.world import SandboxUser

USER_RECORD_ACCESS = "UserRecordAccess"
MAX_RECORDS = 200
LEVELS = ("None", "Read", "Edit", "Delete", "Transfer", "All")


def access_records(org: Org, query: Query) -> list[Record]:
    """One row per asked record, in the order asked."""
    users = wanted(query.where, "UserId")
    records = wanted(query.where, "RecordId")
    if len(users) != 1 or not records:
        message = "UserRecordAccess must be filtered by one UserId and by RecordId, joined by AND"
        raise SalesforceError("MALFORMED_QUERY", message)
    if len(records) > MAX_RECORDS:
        message = f"UserRecordAccess can be queried for at most {MAX_RECORDS} records at a time"
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)
    return [row(org, users[0], record_id) for record_id in records]


def wanted(condition: Condition | None, name: str) -> list[str]:
    if condition is None:
        return []
    if not isinstance(condition, Comparison):
        terms = condition.terms if condition.operator == "and" else ()
        return [value for term in terms for value in wanted(term, name)]
    if condition.path[-1].lower() != name.lower() or condition.operator not in ("=", "in"):
        return []
    ids = [full_id(value.value) for value in condition.values]
    if None in ids:
        raise SalesforceError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {name}")
    return [entry for entry in ids if entry]


def row(org: Org, user_id: str, record_id: str) -> dict[str, Any]:
    level = LEVELS.index(level_of(org, user_id, record_id))
    return {
        "UserId": user_id,
        "RecordId": record_id,
        "HasReadAccess": level >= LEVELS.index("Read"),
        "HasEditAccess": level >= LEVELS.index("Edit"),
        "HasDeleteAccess": level >= LEVELS.index("Delete"),
        "HasTransferAccess": level >= LEVELS.index("Transfer"),
        "HasAllAccess": level >= LEVELS.index("All"),
        "MaxAccessLevel": LEVELS[level],
    }


def level_of(org: Org, user_id: str, record_id: str) -> str:
    """Owner and administrator: All; then a share; then the user's own level; nothing for the inactive or unknown."""
    user, record = org.user(user_id), org.store.get(record_id)
    if user is None or record is None or not org.is_active(user_id):
        return "None"
    if user.admin or record.get("OwnerId") == user_id:
        return "All"
    sobject = org.schema.objects[org.store.object_of[record_id]]
    if not (sobject.private and org.world.profile.private_rows):
        return org.shares.get((user_id, record_id), user.record_access)
    access = org.access(user)
    if access.can(sobject, "modify_all"):
        return "All"
    return org.shares.get((user_id, record_id), "Read" if access.can(sobject, "view_all") else "None")


def visible(org: Org, user: SandboxUser, sobject: SObject, records: Iterable[Record]) -> list[Record]:
    """Those of a private object that sharing shows to this user."""
    if not (sobject.private and org.world.profile.private_rows):
        return list(records)
    return [record for record in records if level_of(org, user.id, str(record["Id"])) != "None"]
