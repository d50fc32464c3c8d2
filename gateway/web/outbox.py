"""POST /v1/outbox/pull: "look at your outbox". It carries no items, and no authority but being somebody of the org."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.errors import Rejected
from gateway.pipeline import outbox
from gateway.pipeline.work import Tools
from gateway.records import Envelope
from gateway.web.auth import Authenticator
from gateway.web.body import read_json


class OutboxRoutes:
    """The one route of the outbox."""

    def __init__(self, tools: Tools, authenticator: Authenticator) -> None:
        self._tools = tools
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """Starlette routes."""
        return [Route("/v1/outbox/pull", self.pull, methods=["POST"])]

    async def pull(self, request: Request) -> Response:
        """Look now; however many ask at once, it is one look."""
        caller = await self._authenticator.authenticate(request.scope["headers"])
        body = await read_json(request, self._tools.config.server) if await request.body() else {}
        if unknown := next(iter(body), None):
            raise Rejected("unknown_member", f"{unknown[:80]} is not a member of this request.", field=unknown[:80])
        await self._tools.store.write(lambda conn: outbox.wake(conn, self._tools, caller.org))
        told = Envelope(
            success=True,
            status="queued",
            request_id=request.scope["state"]["request_id"],
            user_message="The outbox is being read.",
        )
        return JSONResponse(told.as_json(), 202)
