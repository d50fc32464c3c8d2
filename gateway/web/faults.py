"""What a route raised, as an answer: ours in its own words, the framework's in ours, a bug without its details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import GatewayError, Rejected
from gateway.observability import logs
from gateway.web.problems import problem

log = logs.get_logger()


async def _problem(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)  # noqa: S101 - registered for it
    request.app.state.refused(exc.code)
    return problem(exc, _request_id(request))


async def _http_problem(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for it
    code, words = {
        404: ("no_such_route", "There is nothing at this address. Actions are at /v1/actions/NAME."),
        405: ("method_not_allowed", f"This address takes {(exc.headers or {}).get('Allow', 'another method')} only."),
    }.get(exc.status_code, ("http_error", "The request cannot be answered."))
    answer = problem(Rejected(code, words, http_status=exc.status_code), _request_id(request))
    answer.headers.update(exc.headers or {})
    return answer


async def _fault(request: Request, exc: Exception) -> Response:
    log.exception("request.crashed", path=request.url.path)
    # A bug, and no outage: the same request will fail again, so nobody is told to come back.
    fault = GatewayError("internal_error", "Something went wrong in the gateway; its log has the request id.")
    return problem(fault, _request_id(request))


def _request_id(request: Request) -> str | None:
    state = request.scope.get("state") or {}
    found: str | None = state.get("request_id")
    return found


# As Starlette takes them.
HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    GatewayError: _problem,
    HTTPException: _http_problem,
    Exception: _fault,
}
