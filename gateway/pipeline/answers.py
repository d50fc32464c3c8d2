"""The envelope of an action as the ledger has it, ended or not."""

from __future__ import annotations

import json

from gateway.engine import ledger
from gateway.engine.statements import Row
from gateway.records import Envelope, Json

_WORKING = "Still working: the record is updated when it is done."


def envelope_of(row: Row) -> dict[str, Json]:
    """The stored answer, or what can be said while it runs."""
    if row.envelope:
        return {**Envelope(success=False, status=row.status).as_json(), **json.loads(row.envelope)}
    running = row.status in ledger.OPEN
    return Envelope(
        success=False,
        status=row.status,
        action_id=row.id,
        request_id=row.request_id,
        record_id=row.record_id,
        user_message=_WORKING if running else None,
        retryable=running,
        retry_after_seconds=2 if running else None,
    ).as_json()
