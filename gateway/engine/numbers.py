"""Rising observation numbers: taken before each reading upstream, so a later reading is told from an earlier one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.prepared import Prepared, Question

# Created by the first migration: a sequence on PostgreSQL, a row of ``counter`` on SQLite.
_NEXT = Prepared(
    {
        "postgresql": sa.select(sa.func.nextval(sa.literal_column("'observation'"))),
        "sqlite": sa.text(
            "INSERT INTO counter (name, value) VALUES ('observation', 1)"
            " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
        ),
    }
)


def asks_next() -> Question:
    """What `next_number` is going to ask."""
    return _NEXT, {}


def next_number(conn: Connection) -> int:
    """Greater than every number taken before, in every process. On SQLite only inside a write."""
    return int(_NEXT.scalar(conn, {}))
