"""What Salesforce should hold, row by row. Outcomes merge fields into it; the sender writes what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine import locks
from gateway.engine.mirror_rows import MirrorRow, Row, fields_of, opened, parent_of, sealed
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
from gateway.prepared import Prepared, Question
from gateway.records import Json, SourceRef, Upsert
from gateway.sealing import Sealer

__all__ = [
    "ALWAYS",
    "Merged",
    "MirrorRow",
    "asks_family",
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
    "merge_family",
    "replay",
    "take_up",
    "unsent",
]

Place = tuple[str, str]  # object and key: a row of one org
ALWAYS = 2**63 - 1  # number of rows that follow from others (a stamp) and need no observation of their own

_KEY = (mirror.c.org == bindparam("org"), mirror.c.sobject == bindparam("sobject"), mirror.c.key == bindparam("key"))
_ROW = Prepared(sa.select(mirror).where(*_KEY))
_AT_ONCE = 3  # rows looked up in one statement: object, action, and one to spare
# The org stands in each branch: outside of them SQLite would read all rows of the org.
_of_parent = sa.and_(mirror.c.org == bindparam("org"), mirror.c.parent_id == bindparam("parent_id"))
_named = [
    sa.and_(
        mirror.c.org == bindparam("org"),
        mirror.c.sobject == bindparam(f"sobject{n}"),
        mirror.c.key == bindparam(f"key{n}"),
    )
    for n in range(_AT_ONCE)
]
_ROWS_LOCKED = Prepared(sa.select(mirror).where(sa.or_(*_named)).with_for_update())
_FAMILY_LOCKED = Prepared(sa.select(mirror).where(sa.or_(_of_parent, *_named)).with_for_update())
_CHILDREN = Prepared(sa.select(mirror).where(_of_parent, mirror.c.key != mirror.c.parent_id))  # without the stamp
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
    ordered = _by_row(upserts)
    merging = _Merging(sealer, org, _find(conn, org, ordered), now, priority)
    for upsert in ordered:
        merging.add(upsert, number)
    return merging.store(conn)


def merge_family(
    conn: Connection,
    sealer: Sealer,
    org: str,
    upserts: Iterable[Upsert],
    parent: SourceRef,
    stamp_of: Callable[[Sequence[Upsert]], Upsert],
    *,
    number: int,
    now: float,
    priority: int,
    also: Callable[[Sequence[Upsert]], Iterable[Upsert]] | None = None,
) -> Merged:
    """As `merge` with the record's stamp, made of all its rows as they then are; ``also`` adds fields to them."""
    lock_stamp(conn, org, parent)
    ordered = _by_row(upserts)
    standing = _find_family(conn, org, ordered, parent)
    merging = _Merging(sealer, org, standing, now, priority)
    more = (
        {}
        if also is None
        else {(row.sobject, row.key): row for row in also(_family(sealer, ordered, standing, parent))}
    )
    for upsert in ordered:
        extra = more.pop((upsert.sobject, upsert.key), None)
        merging.add(replace(upsert, fields={**upsert.fields, **extra.fields}) if extra else upsert, number)
    for upsert in more.values():
        merging.add(upsert, ALWAYS)
    # The stamp follows from the rows under its lock, so it needs no observation of its own.
    merging.add(stamp_of(merging.children(parent)), ALWAYS)
    return merging.store(conn)


def _family(
    sealer: Sealer, ordered: Sequence[Upsert], standing: Mapping[Place, Row], parent: SourceRef
) -> list[Upsert]:
    """The rows to merge and the others of the record, its stamp left out."""
    merged = {(upsert.sobject, upsert.key) for upsert in ordered}
    others = (opened(sealer, row).upsert for place, row in standing.items() if place not in merged)
    return [*ordered, *(row for row in others if not row.stamp and row.parent == parent)]


class _Merging:
    """What one merge does to the rows that stand."""

    def __init__(self, sealer: Sealer, org: str, standing: Mapping[Place, Row], now: float, priority: int) -> None:
        self._sealer = sealer
        self._org = org
        self._standing = standing
        self._now = now
        self._priority = priority
        self._wanted: dict[Place, Upsert] = {}
        self._applied: list[Upsert] = []
        self._stale: list[Upsert] = []
        self._inserts: list[dict[str, Any]] = []
        self._updates: list[dict[str, Any]] = []
        self._seen: list[dict[str, Any]] = []

    def add(self, upsert: Upsert, number: int) -> None:
        observed = 0 if upsert.stamp or number == ALWAYS else number
        place = (upsert.sobject, upsert.key)
        row = self._standing.get(place)
        if row is not None and observed and row.number > observed:
            self._stale.append(upsert)
            return
        self._applied.append(upsert)
        if row is None:
            self._wanted[place] = upsert
            self._inserts.append(_new(self._sealer, self._org, upsert, observed, self._now, self._priority))
            return
        standing = fields_of(self._sealer, row)
        wanted = {**standing, **upsert.fields}
        self._wanted[place] = replace(upsert, fields=wanted, parent=parent_of(row), id_field=row.id_field)
        if wanted != standing:
            self._updates.append(_changed(self._sealer, row, wanted, observed, self._now, self._priority))
        elif row.number < observed:
            self._seen.append({**_b_key(row), "b_number": observed})

    def children(self, parent: SourceRef) -> list[Upsert]:
        """The rows of the source record as they will stand, its stamp left out."""
        others = (
            opened(self._sealer, row).upsert for place, row in self._standing.items() if place not in self._wanted
        )
        rows = (*self._wanted.values(), *others)
        return [row for row in rows if not row.stamp and row.parent and row.parent.record_id == parent.record_id]

    def store(self, conn: Connection) -> Merged:
        for statement, rows in ((_INSERT, self._inserts), (_UPDATE, self._updates), (_SEEN, self._seen)):
            statement.run_many(conn, rows)
        return Merged(tuple(self._applied), tuple(self._stale), len(self._inserts) + len(self._updates))


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
    rows: dict[Place, Upsert] = {}
    for upsert in upserts:
        place = (upsert.sobject, upsert.key)
        before = rows.get(place)
        rows[place] = replace(upsert, fields={**before.fields, **upsert.fields}) if before else upsert
    return [rows[place] for place in sorted(rows)]


def _find(conn: Connection, org: str, upserts: Sequence[Upsert]) -> dict[Place, Row]:
    """The rows that are there, locked."""
    found = {}
    for start in range(0, len(upserts), _AT_ONCE):
        values = _names(org, [(upsert.sobject, upsert.key) for upsert in upserts[start : start + _AT_ONCE]])
        found.update({(row.sobject, row.key): row for row in _ROWS_LOCKED.all(conn, values)})
    return found


def _find_family(conn: Connection, org: str, upserts: Sequence[Upsert], parent: SourceRef) -> dict[Place, Row]:
    """As `_find`, with all rows of the source record and its stamp, which may be there without knowing its parent."""
    prepared, values = asks_family(org, parent, [(upsert.sobject, upsert.key) for upsert in upserts])
    rows = {(row.sobject, row.key): row for row in prepared.all(conn, values)}
    return rows | _find(conn, org, upserts[_AT_ONCE - 1 :])


def asks_family(org: str, parent: SourceRef, places: Iterable[Place]) -> Question:
    """What `merge_family` is going to ask when it is given upserts of these places."""
    names = _names(org, [(parent.sobject, parent.record_id), *sorted(places)[: _AT_ONCE - 1]])
    return _FAMILY_LOCKED, names | {"parent_id": parent.record_id}


def _names(org: str, places: Sequence[Place]) -> dict[str, Any]:
    some = [*places, *[places[-1]] * (_AT_ONCE - len(places))]
    values = {"org": org}
    for n, place in enumerate(some):
        values[f"sobject{n}"], values[f"key{n}"] = place
    return values


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
