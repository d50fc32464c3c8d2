"""
The note that nothing of a plan has been sent yet, kept while an action is put down: such an action may still expire.

Without the note a plan counts as sent from its commit on. It is taken back, awaited, before the first call.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from gateway.engine import ledger
from gateway.engine.clock import stored_now
from gateway.engine.verdicts import Commit
from gateway.pipeline.work import Tools, Work


def noting(tools: Tools, work: Work) -> Commit | None:
    """For the commit that puts the action down, where certainly nothing was sent."""
    if work.plan is None or not work.unsent:
        return None
    return lambda conn: ledger.journal(conn, _note(tools, work, "unsent"))


async def take_back(tools: Tools, work: Work, fence: Callable[[Connection], None]) -> None:
    """Only by who holds the job: from here on a crash would hide whether it was sent. The keys' age begins now."""
    note = _note(tools, work, "sent")

    def commit(conn: Connection) -> None:
        fence(conn)
        ledger.journal(conn, note)
        ledger.begin_late(conn, work.id, note.sent)

    await tools.store.write(commit)
    work.planned = note.sent


def _note(tools: Tools, work: Work, state: str) -> ledger.StepRow:
    assert work.plan is not None  # noqa: S101 - settled
    name, at = work.plan.steps[0].name, stored_now(tools.clock)
    return ledger.StepRow(work.id, 0, 1, name, state, None, None, None, None, None, 0, None, sent=at, ended=None)
