"""Who may look at an action: its caller, and people who may read its record in Salesforce."""

from __future__ import annotations

from gateway.engine.statements import Row
from gateway.errors import Rejected
from gateway.pipeline.work import Tools
from gateway.records import Caller


async def visible(tools: Tools, caller: Caller, row: Row | None) -> Row:
    """The action; raises Rejected (404, the same for each reason) for one that this caller may not see."""
    if row is None or row.org != caller.org or not await _may_see(tools, caller, row):
        raise Rejected("unknown_action", "There is no such action.", http_status=404)
    return row


async def _may_see(tools: Tools, caller: Caller, row: Row) -> bool:
    if row.caller_sub == caller.sub:
        return True
    if caller.kind != "person" or row.record_id is None:
        return False
    found = await tools.salesforce.user_record_access(caller.org, caller.sub, [row.record_id])
    return any(access.read for access in found.values())
