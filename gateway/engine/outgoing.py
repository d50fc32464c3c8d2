"""
The mirror as the sender sees it: what is unsent, what was sent with which version, what failed and how.

A write whose answer was lost is sent again at once. It may still arrive after the second one: then our own rows refuse
it by its version, and a stamp is written a last time when it can no longer arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, literal_column

from gateway.engine.mirror_rows import MirrorRow, opened
from gateway.engine.schema import mirror
from gateway.prepared import Prepared
from gateway.sealing import Sealer

# Spelled like the partial index, or SQLite does not use it.
_OPEN = mirror.c.state.in_([literal_column(f"'{state}'") for state in ("dirty", "uncertain", "parked")])
_MINE = mirror.c.org == bindparam("org")
_UNSENT = Prepared(
    sa.select(mirror)
    .where(_MINE, _OPEN, mirror.c.due <= bindparam("now"))
    .order_by(mirror.c.priority, mirror.c.due)
    .limit(bindparam("limit"))
)
_NEXT_DUE = sa.select(sa.func.min(mirror.c.due), sa.func.count()).where(_MINE, _OPEN)
_KEY = (
    mirror.c.org == bindparam("b_org"),
    mirror.c.sobject == bindparam("b_sobject"),
    mirror.c.key == bindparam("b_key"),
)
_SENDING = Prepared(sa.update(mirror).where(*_KEY).values(state="uncertain", due=bindparam("b_until")))
_current = mirror.c.version <= bindparam("b_version")
_in_doubt = mirror.c.doubt > bindparam("b_now")
_WRITTEN = Prepared(
    sa.update(mirror)
    .where(*_KEY, mirror.c.written <= bindparam("b_version"))
    .values(
        written=bindparam("b_version"),
        state=sa.case((~_current, "dirty"), (_in_doubt, "uncertain"), else_="clean"),
        due=sa.case((sa.and_(_current, _in_doubt), mirror.c.doubt), else_=0.0),
        doubt=sa.case((_in_doubt, mirror.c.doubt), else_=None),
        dirty_since=sa.case((_current, None), else_=mirror.c.dirty_since),
        attempts=0,
        error_code=None,
        error=None,
    )
)
# Our rows carry a version, and Salesforce refuses a smaller one; a stamp has nothing that keeps a late write out.
_STAMP = mirror.c.key == mirror.c.parent_id
_LOST = sa.update(mirror).values(state="dirty", due=0.0)
_UNCLEAR = Prepared(
    _LOST.where(*_KEY, mirror.c.state == "uncertain").values(
        doubt=sa.case((_STAMP, bindparam("b_until", type_=sa.Float)), else_=mirror.c.doubt)
    )
)
_left = (_MINE, _OPEN, mirror.c.state == literal_column("'uncertain'"), mirror.c.written < mirror.c.version)
_LEFT_BEHIND = Prepared(sa.select(literal_column("1")).where(*_left).limit(1))
_TAKE_UP = Prepared(_LOST.where(*_left).values(doubt=sa.case((_STAMP, mirror.c.due), else_=mirror.c.doubt)))
_refused_since_changed = sa.and_(bindparam("b_state", type_=sa.Text) == "dead", ~_current)
_FAILED = Prepared(
    sa.update(mirror)
    # A sender that was frozen may hear late of a version that its successor has written since.
    .where(*_KEY, sa.or_(mirror.c.written < bindparam("b_version"), mirror.c.doubt.is_not(None)))
    .values(
        # what was merged meanwhile may pass where this version was refused
        state=sa.case((_refused_since_changed, "dirty"), else_=bindparam("b_state", type_=sa.Text)),
        due=sa.case((_refused_since_changed, 0.0), else_=bindparam("b_due", type_=sa.Float)),
        attempts=mirror.c.attempts + 1,
        error_code=bindparam("b_error_code"),
        error=bindparam("b_error"),
    )
)
_REPLAY = Prepared(
    sa.update(mirror)
    .where(
        *_KEY,
        sa.or_(
            mirror.c.state.in_([literal_column("'dead'"), literal_column("'parked'")]),
            sa.and_(mirror.c.state == literal_column("'dirty'"), mirror.c.error_code.is_not(None)),
        ),
    )
    .values(
        state="dirty",
        due=0.0,
        dirty_since=sa.case(
            (mirror.c.state == literal_column("'dead'"), bindparam("b_at")), else_=mirror.c.dirty_since
        ),
        error_code=None,
        error=None,
    )
)


def unsent(conn: Connection, sealer: Sealer, org: str, limit: int, now: float) -> list[MirrorRow]:
    """Rows that may be sent now: interactive ones first, then the longest waiting."""
    return [opened(sealer, row) for row in _UNSENT.all(conn, {"org": org, "limit": limit, "now": now})]


def backlog(conn: Connection, org: str) -> tuple[float | None, int]:
    """When the next unsent row is due (None: there is none) and how many there are."""
    due, count = conn.execute(_NEXT_DUE, {"org": org}).one()
    return due, count


def mark_sending(conn: Connection, rows: Iterable[MirrorRow], until: float) -> None:
    """Before they go out: until the answer is stored nobody knows, so they are due again at ``until``."""
    _SENDING.run_many(conn, ({**_key(row), "b_until": until} for row in rows))


def mark_written(conn: Connection, rows: Iterable[MirrorRow], now: float) -> None:
    """
    Salesforce holds the versions of ``rows``; what was merged meanwhile is still to be sent. A stamp in doubt is sent
    once more when no earlier write of it can arrive any longer.
    """
    _WRITTEN.run_many(conn, ({**_key(row), "b_version": row.version, "b_now": now} for row in rows))


def mark_unclear(conn: Connection, rows: Iterable[MirrorRow], until: float) -> None:
    """No answer came, and the write may arrive up to ``until``: it is sent again at once."""
    _UNCLEAR.run_many(conn, ({**_key(row), "b_until": until} for row in rows))


def left_behind(conn: Connection, org: str) -> bool:
    """Whether an earlier sender, now gone, left rows whose answer nobody heard."""
    return _LEFT_BEHIND.first(conn, {"org": org}) is not None


def take_up(conn: Connection, org: str) -> int:
    """Send those again at once; only for who holds the org's lane. Returns how many."""
    return _TAKE_UP.run(conn, {"org": org})


def mark_failed(
    conn: Connection, row: MirrorRow, code: str, message: str, *, due: float | None = None, state: str = "dirty"
) -> None:
    """``state`` dirty (again at ``due``), parked (again at ``due``) or dead."""
    values = {"b_state": state, "b_due": due or 0.0, "b_error_code": code, "b_error": message}
    _FAILED.run(conn, {**_key(row), "b_version": row.version, **values})


def replay(conn: Connection, org: str, sobject: str, key: str, at: float) -> bool:
    """
    Send a dead row again, or one that waits for its next attempt now, instead of then.

    Its attempts stay counted; refused among others it is sent once more alone before it is dead again.
    """
    return _REPLAY.run(conn, {"b_org": org, "b_sobject": sobject, "b_key": key, "b_at": at}) == 1


def _key(row: MirrorRow) -> dict[str, Any]:
    return {"b_org": row.org, "b_sobject": row.sobject, "b_key": row.key}
