"""What Salesforce should hold, row by row. Outcomes merge fields into it; the sender writes what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine import locks
from gateway.engine.mirror_rows import MirrorRow, Row, fields_of, opened, sealed
from gateway.engine.outgoing import (
    backlog,
    left_behind,
    mark_failed,
    mark_sending,
    mark_unclear,
    mark_written,
    replay,
    take_up,
    unsent,
)
from gateway.engine.schema import mirror
from gateway.prepared import Prepared
from gateway.records import Json, SourceRef, Upsert
from gateway.sealing import Sealer

__all__ = [
    "ALWAYS",
    "Merged",
    "MirrorRow",
    "backlog",
    "children_of",
    "get",
    "left_behind",
    "lock_stamp",
    "mark_failed",
    "mark_sending",
    "mark_unclear",
    "mark_written",
    "merge",
    "replay",
    "take_up",
    "unsent",
]

ALWAYS = 2**63 - 1  # number of rows that follow from others (a stamp) and need no observation of their own

_KEY = (mirror.c.org == bindparam("org"), mirror.c.sobject == bindparam("sobject"), mirror.c.key == bindparam("key"))
_ROW = Prepared(sa.select(mirror).where(*_KEY))
_AT_ONCE = 3  # rows looked up in one statement: object, action, and one to spare
# The org stands in each branch: outside of them SQLite would read all rows of the org.
_ROWS_LOCKED = Prepared(
    sa.select(mirror)
    .where(
        sa.or_(
            *(
                sa.and_(
                    mirror.c.org == bindparam("org"),
                    mirror.c.sobject == bindparam(f"sobject{n}"),
                    mirror.c.key == bindparam(f"key{n}"),
                )
                for n in range(_AT_ONCE)
            )
        )
    )
    .with_for_update()
)
_CHILDREN = Prepared(
    sa.select(mirror).where(
        mirror.c.org == bindparam("org"),
        mirror.c.parent_id == bindparam("parent_id"),
        mirror.c.key != mirror.c.parent_id,  # not the stamp
    )
)
_NEW = tuple(c.name for c in mirror.c if c.name not in {"attempts", "doubt", "error_code", "error"})
_INSERT = Prepared(sa.insert(mirror).values({name: bindparam(name) for name in _NEW}))
_B_KEY = (
    mirror.c.org == bindparam("b_org"),
    mirror.c.sobject == bindparam("b_sobject"),
    mirror.c.key == bindparam("b_key"),
)
_CHANGE: dict[str, Any] = {
    name: bindparam(f"b_{name}")
    for name in ("fields", "version", "number", "state", "priority", "due", "dirty_since", "attempts")
}
_UPDATE = Prepared(sa.update(mirror).where(*_B_KEY).values(_CHANGE))
_SEEN = Prepared(sa.update(mirror).where(*_B_KEY).values(number=bindparam("b_number")))


@dataclass(frozen=True, slots=True)
class Merged:
    """``applied`` as merged (``changed`` of them differ from before); ``stale`` were known from a later observation."""

    applied: tuple[Upsert, ...]
    stale: tuple[Upsert, ...]
    changed: int


def merge(
    conn: Connection, sealer: Sealer, org: str, upserts: Iterable[Upsert], *, number: int, now: float, priority: int
) -> Merged:
    """
    Merge fields into the rows; what changes nothing gives nothing to send.

    ``number`` is the observation the fields come from: a row that stands higher is left as it is. Stamps have none.
    """
    applied, stale, inserts, updates, seen = [], [], [], [], []
    ordered = _by_row(upserts)
    standing_rows = _find(conn, org, ordered)
    for upsert in ordered:
        observed = 0 if upsert.stamp or number == ALWAYS else number
        row = standing_rows.get((upsert.sobject, upsert.key))
        if row is None:
            inserts.append(_new(sealer, org, upsert, observed, now, priority))
        elif observed and row.number > observed:
            stale.append(upsert)
            continue
        else:
            standing = fields_of(sealer, row)
            wanted = {**standing, **upsert.fields}
            if wanted != standing:
                updates.append(_changed(sealer, row, wanted, observed, now, priority))
            elif row.number < observed:
                seen.append({**_b_key(row), "b_number": observed})
        applied.append(upsert)
    for statement, rows in ((_INSERT, inserts), (_UPDATE, updates), (_SEEN, seen)):
        statement.run_many(conn, rows)
    return Merged(tuple(applied), tuple(stale), len(inserts) + len(updates))


def lock_stamp(conn: Connection, org: str, parent: SourceRef) -> None:
    """Before the children of a source record are read for its roll-up: two processes would else miss each other's."""
    locks.take(conn, (f"stamp:{org}:{parent.record_id}",))


def children_of(conn: Connection, sealer: Sealer, org: str, parent: SourceRef) -> list[Upsert]:
    """The rows that belong to a source record, its stamp left out, under the stamp's lock."""
    lock_stamp(conn, org, parent)
    rows = _CHILDREN.all(conn, {"org": org, "parent_id": parent.record_id})
    return [opened(sealer, row).upsert for row in rows]


def get(conn: Connection, sealer: Sealer, org: str, sobject: str, key: str) -> MirrorRow | None:
    """One row."""
    row = _ROW.first(conn, {"org": org, "sobject": sobject, "key": key})
    return None if row is None else opened(sealer, row)


def _by_row(upserts: Iterable[Upsert]) -> list[Upsert]:
    """One upsert per row, in the order in which every process locks them."""
    rows: dict[tuple[str, str], Upsert] = {}
    for upsert in upserts:
        place = (upsert.sobject, upsert.key)
        before = rows.get(place)
        rows[place] = replace(upsert, fields={**before.fields, **upsert.fields}) if before else upsert
    return [rows[place] for place in sorted(rows)]


def _find(conn: Connection, org: str, upserts: Sequence[Upsert]) -> dict[tuple[str, str], Row]:
    """The rows that are there, locked."""
    found = {}
    for start in range(0, len(upserts), _AT_ONCE):
        some = [*upserts[start : start + _AT_ONCE]]
        some += [some[-1]] * (_AT_ONCE - len(some))
        values = {"org": org}
        for n, upsert in enumerate(some):
            values[f"sobject{n}"], values[f"key{n}"] = upsert.sobject, upsert.key
        found.update({(row.sobject, row.key): row for row in _ROWS_LOCKED.all(conn, values)})
    return found


def _b_key(row: Row) -> dict[str, Any]:
    return {"b_org": row.org, "b_sobject": row.sobject, "b_key": row.key}


def _new(sealer: Sealer, org: str, upsert: Upsert, number: int, now: float, priority: int) -> dict[str, Any]:
    parent = upsert.parent
    return {
        "org": org,
        "sobject": upsert.sobject,
        "key": upsert.key,
        "id_field": upsert.id_field,
        "parent_sobject": parent.sobject if parent else None,
        "parent_id": parent.record_id if parent else None,
        "fields": sealed(sealer, org, upsert.sobject, upsert.key, upsert.fields),
        "version": 1,
        "written": 0,
        "number": number,
        "state": "dirty",
        "priority": priority,
        "due": now,
        "dirty_since": now,
    }


def _changed(
    sealer: Sealer, row: Row, wanted: Mapping[str, Json], number: int, now: float, priority: int
) -> dict[str, Any]:
    # New content may pass where the old one was refused, and waits for nobody where the old one is only confirmed.
    idle = row.state in {"clean", "dead"} or (row.state == "uncertain" and row.written == row.version)
    return {
        **_b_key(row),
        "b_fields": sealed(sealer, row.org, row.sobject, row.key, wanted),
        "b_version": row.version + 1,
        "b_number": max(row.number, number),
        "b_state": "dirty" if idle else row.state,
        "b_priority": priority if idle else min(row.priority, priority),
        "b_due": now if idle else row.due,
        "b_dirty_since": row.dirty_since if row.dirty_since is not None else now,
        "b_attempts": 0 if idle else row.attempts,
    }
