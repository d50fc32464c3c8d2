"""Upserts, built once per table and dialect (SQLite and PostgreSQL spell ON CONFLICT in modules of their own)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite

Statements = dict[str, sa.Insert]  # by dialect name: ``statements[conn.dialect.name]``
Row = sa.Row[Any]  # columns of a table: dynamic by nature of the driver


def upsert(
    table: sa.Table, updates: Sequence[str], *, newer: str | None = None, unless: sa.ColumnElement[bool] | None = None
) -> Statements:
    """
    Insert a row, or update ``updates`` where its key stands: with ``newer`` only over a smaller value of it, and
    never where ``unless`` holds for the standing row.
    """
    return {dialect: _upsert(insert, table, updates, newer, unless) for dialect, insert in _INSERTS.items()}


def insert_once(table: sa.Table, columns: Sequence[str]) -> dict[str, sa.Executable]:
    """Insert a row unless its key stands; a row comes back if it did: an insert's rowcount is -1 on PostgreSQL."""
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    key = next(iter(table.primary_key))
    return {
        "sqlite": sqlite.insert(table).values(values).on_conflict_do_nothing().returning(key),
        "postgresql": postgresql.insert(table).values(values).on_conflict_do_nothing().returning(key),
    }


_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}  # two types, one shape


def _upsert(
    insert: Any, table: sa.Table, updates: Sequence[str], newer: str | None, unless: sa.ColumnElement[bool] | None
) -> sa.Insert:
    row = insert(table).values({c.name: bindparam(c.name) for c in table.c})
    conditions = [] if newer is None else [table.c[newer] < row.excluded[newer]]
    conditions += [] if unless is None else [sa.not_(unless)]
    made: sa.Insert = row.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={c: row.excluded[c] for c in updates},
        where=sa.and_(*conditions) if conditions else None,
    )
    return made
