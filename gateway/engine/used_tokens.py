"""Tokens that may be used once: which have been, for all processes and across restarts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.clock import now
from gateway.engine.schema import used_token
from gateway.engine.statements import insert_once

SLICE = 500  # rows of one commit: no closure holds the writer for long
KEPT_SECONDS = 3600.0  # beyond the end of the token: a clock that was set back must not bring it to life again

_USE = insert_once(used_token, ("org", "jti", "expires"))
_OVER = (
    sa.select(used_token.c.org, used_token.c.jti)
    .where(used_token.c.expires < bindparam("before"))
    .order_by(used_token.c.expires)
    .limit(SLICE)
)
_FORGET = sa.delete(used_token).where(used_token.c.org == bindparam("b_org"), used_token.c.jti == bindparam("b_jti"))


def use(conn: Connection, org: str, jti: str, expires: float) -> bool:
    """Whether this is the first use; ``expires``: until when the token would be accepted, seconds since the epoch."""
    row = conn.execute(_USE[conn.dialect.name], {"org": org, "jti": jti, "expires": expires}).first()
    return row is not None


def over(conn: Connection) -> list[tuple[str, str]]:
    """A slice of tokens that nobody would accept any more, whatever the clock does."""
    return [(row.org, row.jti) for row in conn.execute(_OVER, {"before": now(conn) - KEPT_SECONDS})]


def forget(conn: Connection, tokens: list[tuple[str, str]]) -> None:
    """Let these go."""
    conn.execute(_FORGET, [{"b_org": org, "b_jti": jti} for org, jti in tokens])
