"""Rising observation numbers: taken before each reading upstream, so a later reading is told from an earlier one."""

from __future__ import annotations

from sqlalchemy import Connection

SEQUENCE = "observation"  # created by the first migration: a sequence on PostgreSQL, a row of ``counter`` on SQLite
_NEXT = {
    "postgresql": f"SELECT nextval('{SEQUENCE}')",
    "sqlite": f"INSERT INTO counter (name, value) VALUES ('{SEQUENCE}', 1)"  # noqa: S608 - our own constant
    " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
}


def next_number(conn: Connection) -> int:
    """Greater than every number taken before, in every process. On SQLite only inside a write."""
    return int(conn.exec_driver_sql(_NEXT[conn.dialect.name]).scalar_one())
