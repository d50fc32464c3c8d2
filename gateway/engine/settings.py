"""Small facts that outlive a process: learned limits, when an org was first seen, the clock's high-water mark."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.schema import setting
from gateway.engine.statements import upsert

_GET = sa.select(setting.c.value).where(setting.c.name == bindparam("name"))
_LIKE = sa.select(setting.c.name, setting.c.value).where(
    setting.c.name.startswith(bindparam("prefix"), autoescape=False)
)
_PUT = upsert(setting, ("value",))


def get_setting(conn: Connection, name: str) -> str | None:
    """The stored value, None where there is none."""
    value: str | None = conn.execute(_GET, {"name": name}).scalar()
    return value


def settings_like(conn: Connection, prefix: str) -> dict[str, str]:
    """Every value whose name starts with ``prefix``, by the rest of its name."""
    rows = conn.execute(_LIKE, {"prefix": prefix})
    return {name.removeprefix(prefix): value for name, value in rows}


def put_setting(conn: Connection, name: str, value: str) -> None:
    """Store or overwrite."""
    conn.execute(_PUT[conn.dialect.name], {"name": name, "value": value})
