"""The envelope of an action as the ledger has it, ended or not, and what keeps one that has not."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from gateway.connectors.stripe_errors import NOT_CONFIGURED
from gateway.engine import ledger
from gateway.engine.circuit import Circuit, holding
from gateway.engine.clock import now
from gateway.engine.statements import Row
from gateway.pipeline import pausing
from gateway.pipeline.work import Tools
from gateway.records import Envelope, Json

_WORKING = "Still working: the record is updated when it is done."


async def state(tools: Tools, action_id: str) -> tuple[Row, dict[str, Json]] | None:
    """The action's row and what can be said of it now; None where there is no such action."""
    return await tools.store.read(lambda conn: _state(conn, tools, action_id))


def envelope_of(row: Row) -> dict[str, Json]:
    """The stored answer, or what can be said while it runs."""
    if row.envelope:
        told = {name: value for name, value in ledger.answer(row).items() if name not in _BESIDE}
        return {**Envelope(success=False, status=row.status).as_json(), **told}
    return _running(row).as_json()


def beside(http_status: int, field: str | None) -> dict[str, Json]:
    """What is stored beside the envelope of a refusal: how HTTP tells it, whichever process is asked."""
    return {"http_status": http_status, "field": field} if http_status != 200 else {}


def told_by_http(row: Row) -> tuple[int, str | None]:
    """Status and field of the stored answer."""
    stored = ledger.answer(row) if row.envelope else {}
    return stored.get("http_status", 200), stored.get("field")


_BESIDE = ("http_status", "field")


def _state(conn: Connection, tools: Tools, action_id: str) -> tuple[Row, dict[str, Json]] | None:
    row = ledger.by_id(conn, action_id)
    if row is None:
        return None
    if row.status in ledger.OPEN and (pause := pausing.holding(conn, tools, row)) is not None:
        return row, pausing.told(_running(row), pause).as_json()
    if row.status in ledger.OPEN and tools.engine.open_scopes:
        return row, standing(conn, row).as_json()
    return row, envelope_of(row)


def standing(conn: Connection, row: Row) -> Envelope:
    """What can be said of an action that has not ended."""
    circuit = holding(conn, row.id, (f"stripe:{row.entity}",))
    return _running(row) if circuit is None else _held_up(row, circuit, now(conn))


def _running(row: Row) -> Envelope:
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
    )


def _held_up(row: Row, circuit: Circuit, at: float) -> Envelope:
    """Until when to wait, and when it ends by itself where it cannot be started by then."""
    upstream = circuit.scope.partition(":")[0].capitalize()
    words = f"{upstream} is not available now: nothing is lost, and it goes on by itself."
    if circuit.error_code == NOT_CONFIGURED:
        words = circuit.error
    if row.expires is not None and row.expires > at:
        ends = datetime.fromtimestamp(row.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
        words += f" If it cannot be started by {ends}, it ends with nothing sent."
    wait = max(1, math.ceil(circuit.next_probe - at))
    return replace(_running(row), user_message=words, retry_after_seconds=wait)
