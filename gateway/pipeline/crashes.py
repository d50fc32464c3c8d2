"""A bug met by an action that has no plan yet holds up that action alone: nothing was sent, so others may go first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import Connection

from gateway.engine import judge, ledger
from gateway.engine.worker import Claim, Verdict
from gateway.errors import GatewayError
from gateway.pipeline.work import Tools

Run = Callable[[Tools, Claim], Awaitable[Verdict]]


def letting_go(run: Run) -> Run:
    """The handler of actions, whose crash before there is a plan gives the lane of the record to the next in turn."""

    async def handle(tools: Tools, claim: Claim) -> Verdict:
        try:
            return await run(tools, claim)
        except GatewayError:
            raise
        except Exception as error:
            if await tools.store.read(lambda conn: _planned(conn, claim.id)):
                raise  # something may have been sent: whoever comes next must see what becomes of it
            return judge.crashed(claim, error, keep_lane=False)

    return handle


def _planned(conn: Connection, action_id: str) -> bool:
    row = ledger.by_id(conn, action_id)
    return row is not None and row.plan is not None
