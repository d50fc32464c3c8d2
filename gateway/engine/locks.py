"""Names for what processes contend for, locked in one fixed order until the transaction ends. SQLite needs none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.prepared import Prepared

_TAKE = Prepared(sa.text("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k"))


def take(conn: Connection, names: Iterable[str]) -> None:
    """Hold these names; all at once at the head of a transaction, or nobody can promise the order."""
    if conn.dialect.name != "postgresql":
        return
    held: set[int] = conn.info.setdefault("locks", set())
    if wanted := {key(name) for name in names} - held:
        _TAKE.later(conn, {"keys": sorted(wanted)})
        held |= wanted


def key(name: str) -> int:
    """The 64-bit advisory lock that stands for a name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
