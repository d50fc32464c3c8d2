"""
What Salesforce shows of an action that goes on longer than anybody waits for it.

An action that ends while its caller waits is written once, at its end. One that is put down, or whose caller was told
to ask again, has its row written as it stands; it gathers with others and goes with the end where that comes soon.
"""

from __future__ import annotations

from sqlalchemy import Connection

from gateway.engine import ledger, mirror
from gateway.engine.clock import now
from gateway.engine.statements import Row
from gateway.engine.verdicts import Commit
from gateway.pipeline import answers, unsent
from gateway.pipeline.project import merge_rows, own_row
from gateway.pipeline.work import Tools, Work, load
from gateway.projections import action as action_row
from gateway.records import Caller, Status
from gateway.writeback.queue import BACKGROUND


def put_down(tools: Tools, work: Work, pause: float) -> Commit | None:
    """For the commit that puts the action down for ``pause`` seconds: what is noted of it, and shown."""
    noted = unsent.noting(tools, work)
    if tools.clock.now() + pause - work.accepted <= tools.config.server.wait_seconds:
        return noted  # a caller may be waiting still, and the end is soon enough for the record

    def commit(conn: Connection) -> None:
        if noted is not None:
            noted(conn)
        _show(conn, tools, work)

    return commit


async def told_to_ask_again(tools: Tools, row: Row) -> None:
    """Show an action whose caller waits no longer, where it is known that they may edit the record."""
    caller = Caller(row.org, row.caller_sub, row.caller_kind)
    if row.status == Status.PENDING or _may_edit(tools, caller, row.record_id):
        await tools.store.write(
            lambda conn: _show(conn, tools, load(conn, tools.sealer, row.id), known=True),
            (f"stamp:{row.org}:{row.record_id}",),
        )


def is_shown(conn: Connection, tools: Tools, work: Work) -> bool:
    """Whether Salesforce shows it as under way: then its end is told there too, whatever it is."""
    key = work.outbox_row or work.id
    return mirror.get(conn, tools.sealer, work.caller.org, action_row.SOBJECT, key) is not None


def _show(conn: Connection, tools: Tools, work: Work, *, known: bool = False) -> None:
    """As the ledger has it now. The end holds the same lock: what has ended is left alone, what ends later wins."""
    org = work.caller.org
    known = known or work.plan is not None or work.access_checked or work.caller.user is None
    if not known or work.caller.kind == "internal":
        return
    mirror.lock_stamp(conn, org, work.ref)
    row = ledger.by_id(conn, work.id)
    if row is None or row.status not in ledger.OPEN or (work.outbox_row and row.status == Status.QUEUED):
        return  # a row of the outbox says "queued" by itself
    shown = own_row(work, answers.standing(conn, row))
    owner_id = work.plan.owner.get("owner_id") if work.plan else None
    merge_rows(conn, tools, org, [shown], work.ref, work.number or 1, now(conn), BACKGROUND, owner_id)


def _may_edit(tools: Tools, caller: Caller, record_id: str) -> bool:
    if caller.user is None:
        return True
    access = tools.salesforce.access.known(caller.org, caller.user, record_id)
    return access is not None and access.edit
