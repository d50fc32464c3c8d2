"""Request bodies over HTTP: JSON in UTF-8, in time, not too large, no card numbers."""

from __future__ import annotations

import re
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request

from gateway.cards import refuse_cards
from gateway.errors import Rejected
from gateway.pipeline.strict import malformed, parse_json

_MEDIA_TYPE = re.compile(r"application/(?:[a-z0-9.!#$&^_-]+\+)?json", re.ASCII)
_UTF8 = re.compile(r'charset="?utf-?8"?', re.ASCII)


class Limits(Protocol):
    """What the reader needs of the server's configuration."""

    @property
    def max_body_bytes(self) -> int: ...


async def read_json(request: Request, limits: Limits) -> dict[str, Any]:
    """
    The JSON object in the body: numbers with a fraction are Decimal, nothing was guessed or rounded.

    Raises Rejected 415 (not JSON in UTF-8), 413, 400 (malformed) or 422 (``card_data_refused``).
    """
    _check_type(request)
    data = await _read(request, limits.max_body_bytes)
    value = parse_json(data)
    if not isinstance(value, dict):
        raise malformed("The body must be a JSON object.")
    refuse_cards(value)
    return value


def _check_type(request: Request) -> None:
    given = request.headers.getlist("content-type")
    media_type, *parameters = (part.strip().lower() for part in given[0].split(";")) if len(given) == 1 else ("",)
    if not _MEDIA_TYPE.fullmatch(media_type) or not all(_UTF8.fullmatch(one) for one in parameters if one):
        raise Rejected("unsupported_media_type", "Send the body as application/json in UTF-8.", http_status=415)
    if any(one.strip().lower() != "identity" for one in request.headers.getlist("content-encoding")):
        raise Rejected("unsupported_media_type", "Send the body uncompressed.", http_status=415)


async def _read(request: Request, most: int) -> bytes:
    parts, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise Rejected("body_too_large", f"The body is larger than {most} bytes.", http_status=413)
            parts.append(chunk)
    except ClientDisconnect as exc:
        raise malformed("The body did not arrive completely.") from exc
    return b"".join(parts)
