"""What time an upstream says it is: the ``Date`` of an answer to a request that needs no login and changes nothing."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import aiohttp

from gateway.errors import Unreachable


async def server_time(base_url: str, *, seconds: float = 5.0) -> float | None:
    """Seconds since the epoch, one second exact; None where the answer has no date. Raises Unreachable."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(base_url, allow_redirects=False) as answer,
        ):
            date = answer.headers.get("Date")
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise Unreachable("unreachable", f"{base_url} cannot be reached: {type(exc).__name__}") from exc
    return parsedate_to_datetime(date).timestamp() if date else None
