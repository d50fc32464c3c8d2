"""A million finished actions: what one finished action leaves behind, copied under new ids inside the database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Table, Text

from gateway.engine.schema import action, audit, live_object, mirror, step

SLICE = 100_000
# Columns that tell one action's rows from another's. The copy's number stands where an id has its time, so that the
# copies are as ordered as real ids are.
TEXTS = {"id", "action_id", "request_key", "record_id", "key", "parent_id", "stripe_id", "ref"}
FAR = 1_000_000_000


def seed(path: str, count: int) -> None:
    """Add ``count`` copies of the newest finished action: ledger, journal, mirror, live object, audit."""
    made = sa.create_engine(f"sqlite:///{path}")
    with made.connect() as conn:
        _hurry(conn)
        newest = sa.select(action.c.id, action.c.record_id).where(
            action.c.ended.is_not(None), action.c.parent.is_(None)
        )
        action_id, record = conn.execute(newest.order_by(action.c.seq.desc()).limit(1)).one()
        rows: dict[Table, ColumnElement[bool]] = {
            action: action.c.id == action_id,
            step: step.c.action_id == action_id,
            mirror: mirror.c.parent_id == record,
            live_object: live_object.c.record_id == record,
            audit: audit.c.ref == action_id,
        }
        for table, mine in rows.items():
            indexes = _without_indexes(conn, table)
            found = conn.execute(sa.select(*table.c).where(mine)).mappings().all()
            for start in range(0, count, SLICE):
                for row in found:
                    _copy(conn, table, dict(row), start, min(SLICE, count - start))
                conn.commit()
            for index in indexes:
                conn.exec_driver_sql(index)
            conn.commit()
        conn.exec_driver_sql("PRAGMA journal_mode=WAL")
    made.dispose()


def _hurry(conn: Connection) -> None:
    """Nothing is lost here that could not be made again: no journal, no fsync, a large cache."""
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "temp_store=MEMORY"):
        conn.exec_driver_sql(f"PRAGMA {pragma}")


def _without_indexes(conn: Connection, table: Table) -> list[str]:
    """Drop the table's indexes, which are quicker made at the end; returns how."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    found = conn.exec_driver_sql(query, (table.name,)).all()
    for name, _ in found:
        conn.exec_driver_sql(f"DROP INDEX {name}")
    return [sql for _, sql in found]


def _copy(conn: Connection, table: Table, row: dict[str, Any], start: int, count: int) -> None:
    """Rows that differ from the first in what tells one action's rows from another's."""
    series = sa.select(sa.literal(start).label("n")).cte("series", recursive=True)
    series = series.union_all(sa.select(series.c.n + 1).where(series.c.n < start + count - 1))
    number = sa.func.substr(sa.cast(FAR + series.c.n, Text), 2)

    def copied(column: sa.Column[Any]) -> ColumnElement[Any]:
        value = row[column.name]
        if column is audit.c.org:
            return sa.literal("grown")  # a chain of its own: the sealer refuses to go on from rows it never sealed
        if column.name in TEXTS and value is not None:
            return sa.literal(value[:4]).concat(number).concat(sa.literal(value[13:]))
        if column.name == "place" and value is not None:
            return sa.literal(value + FAR) + 100 * series.c.n  # an action has a few of them
        return sa.literal(value, column.type)

    columns = [column for column in table.c if column.name != "seq"]
    source = sa.select(*(copied(column) for column in columns)).select_from(series)
    conn.execute(table.insert().from_select([column.name for column in columns], source, include_defaults=False))
