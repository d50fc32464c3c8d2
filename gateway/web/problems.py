"""Faults as RFC 9457 problem documents that carry every member of the envelope as well."""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.responses import Response

from gateway.errors import GatewayError
from gateway.records import Envelope, dumps

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:stripe-action-gateway:problem:"
CHALLENGE = 'Bearer error="invalid_token"'  # the same for every reason: RFC 6750, section 3

# What happened, per HTTP status; the detail says it for this request.
TITLES = {
    200: "Refused",
    400: "The request is malformed",
    401: "The caller is not known",
    403: "The caller may not do this",
    404: "There is no such thing",
    405: "The method is not possible here",
    408: "The request took too long to arrive",
    409: "The state does not allow it",
    413: "The request is too large",
    415: "The format is not supported",
    422: "A value cannot be used",
    429: "Too many requests",
    431: "The headers are too large",
    500: "A fault of the gateway",
    503: "Temporarily not possible",
}


def problem(
    exc: GatewayError,
    request_id: str | None,
    *,
    action_id: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """
    The answer to a fault. Only what the error says on purpose is told: no cause, no trace.

    ``status`` is the envelope's word, because Flow reads every answer with one schema; the number stands in
    ``status_code``. A business refusal (200) is a plain envelope.
    """
    body = envelope(exc, request_id, action_id).as_json()
    if exc.http_status >= 400:
        body |= {
            "type": TYPE + exc.code,
            "title": TITLES.get(exc.http_status, "Something went wrong"),
            "detail": exc.message,
            "status_code": exc.http_status,
        }
    if exc.field:
        body["field"] = exc.field
    # A lone surrogate that slipped into a message must not turn a 4xx into a 5xx.
    content = dumps(body).encode("utf-8", "replace")
    media_type = MEDIA_TYPE if exc.http_status >= 400 else "application/json"
    return Response(content, exc.http_status, {**_headers(exc), **(headers or {})}, media_type)


def envelope(exc: GatewayError, request_id: str | None, action_id: str | None = None) -> Envelope:
    """The error in the words of every other answer."""
    return Envelope(
        success=False,
        status="rejected",
        action_id=action_id,
        request_id=request_id,
        error_code=exc.code,
        user_message=exc.message,
        retryable=exc.retryable,
        retry_after_seconds=_seconds(exc),
    )


def _headers(exc: GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if exc.http_status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if (seconds := _seconds(exc)) is not None:
        headers["Retry-After"] = str(seconds)
    return headers


def _seconds(exc: GatewayError) -> int | None:
    if exc.retry_after is not None:
        return max(0, math.ceil(exc.retry_after))
    return 2 if exc.http_status in {429, 503} else None
