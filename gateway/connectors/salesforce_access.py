"""What users may do with records, remembered for a minute at most: sharing changes, and a refusal is soon mended."""

from __future__ import annotations

from collections.abc import Sequence

from simple_salesforce.format import format_soql

from gateway.connectors import Clock
from gateway.connectors.salesforce_types import Access

GRANTED_SECONDS = 60.0
REFUSED_SECONDS = 3.0  # long enough for a double click, short enough for "I have just shared it with you"
PER_QUERY = 200  # ids one query of UserRecordAccess may name


class AccessMemory:
    """By org, user and record; of ``most`` answers the oldest go first."""

    def __init__(self, clock: Clock, most: int = 10_000) -> None:
        self._clock = clock
        self._most = most
        self._known: dict[tuple[str, str, str], tuple[float, Access]] = {}

    def known(self, org: str, user_id: str, record_id: str) -> Access | None:
        """What Salesforce said of late, None where it must be asked."""
        until, access = self._known.get((org, user_id, record_id), (0.0, None))
        return access if self._clock.monotonic() < until else None

    def remember(self, org: str, user_id: str, record_id: str, access: Access) -> None:
        """Edit access for a minute, anything less for seconds."""
        key, seconds = (org, user_id, record_id), GRANTED_SECONDS if access.edit else REFUSED_SECONDS
        self._known.pop(key, None)
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[key] = (self._clock.monotonic() + seconds, access)


def access_query(user_id: str, ids: Sequence[str]) -> str:
    """SOQL for one question, to be used inside a Composite too; at most ``PER_QUERY`` ids."""
    soql = "SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess WHERE UserId = {} AND RecordId IN {}"
    return str(format_soql(soql, user_id, list(ids)))


def access_of(rows: Sequence[dict[str, object]]) -> dict[str, Access]:
    """The answer by record; a record that is not in it does not exist for the user."""
    return {str(row["RecordId"]): Access(bool(row["HasReadAccess"]), bool(row["HasEditAccess"])) for row in rows}
