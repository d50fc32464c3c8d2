"""A million finished actions: what one finished action leaves behind, copied under new ids inside the database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Table, Text

from gateway.engine.clock import SystemClock
from gateway.engine.database import engine
from gateway.engine.schema import action, audit, live_object, mirror, step

SLICE = 20_000
# Columns that tell one action's rows from another's. The copy's number stands where an id has its time, so that the
# copies are as ordered as real ids are.
TEXTS = {"id", "action_id", "request_key", "record_id", "key", "parent_id", "stripe_id", "ref"}
FAR = 1_000_000_000


def seed(url: str, count: int) -> None:
    """Add ``count`` copies of the newest finished action: ledger, journal, mirror, live object, audit."""
    made = engine(url, SystemClock())
    with made.begin() as conn:
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
    for start in range(0, count, SLICE):
        with made.begin() as conn:
            for table, mine in rows.items():
                _copy(conn, table, mine, start, min(SLICE, count - start))
    made.dispose()


def _copy(conn: Connection, table: Table, mine: ColumnElement[bool], start: int, count: int) -> None:
    series = sa.select(sa.literal(start).label("n")).cte("series", recursive=True)
    series = series.union_all(sa.select(series.c.n + 1).where(series.c.n < start + count - 1))
    number = sa.func.substr(sa.cast(FAR + series.c.n, Text), 2)

    def copied(column: sa.Column[Any]) -> ColumnElement[Any]:
        if column is audit.c.org:
            return sa.literal("grown")  # a chain of its own: the sealer refuses to go on from rows it never sealed
        if column.name in TEXTS:
            return sa.func.substr(column, 1, 4).concat(number).concat(sa.func.substr(column, 14))
        return column + FAR + 100 * series.c.n if column.name == "place" else column  # an action has a few of them

    columns = [column for column in table.c if column.name != "seq"]
    source = sa.select(*(copied(column) for column in columns)).select_from(table.join(series, sa.true())).where(mine)
    conn.execute(table.insert().from_select([column.name for column in columns], source, include_defaults=False))
