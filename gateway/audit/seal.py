"""The sealer: it extends a chain only from a head that its key signed and that it has not seen further on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.audit.chain import (
    SLICE,
    Head,
    Problem,
    audit_table,
    digest,
    head_table,
    link,
    public_key,
    sign_head,
    stored_head,
)

_LOCK = "hashtext('gateway.audit')"
_UNSEALED = audit_table.c.place.is_(None)
_SKIPPED = audit_table.c.org.not_in(bindparam("skipped", expanding=True))
_PENDING = sa.select(audit_table).where(_UNSEALED, _SKIPPED).order_by(audit_table.c.seq).limit(SLICE)
# Only the sequence: SQLite then reads the partial index of unsealed rows, and not the table.
_ANY_PENDING = sa.select(audit_table.c.seq).where(_UNSEALED).limit(1)
_PENDING_OF = (
    sa.select(audit_table)
    .where(_UNSEALED, audit_table.c.org == bindparam("org"))
    .order_by(audit_table.c.seq)
    .limit(SLICE)  # with 1, SQLite would rather read the table in this order
)
_LINK_AT = sa.select(audit_table.c.link).where(
    audit_table.c.org == bindparam("org"), audit_table.c.place == bindparam("place")
)
_LAST = (
    sa.select(audit_table.c.place, audit_table.c.link)
    .where(audit_table.c.org == bindparam("org"), audit_table.c.place.is_not(None))
    .order_by(audit_table.c.place.desc())
    .limit(1)
)
_SEAL = (
    sa.update(audit_table)
    .where(audit_table.c.seq == bindparam("b_seq"))
    .values(place=bindparam("b_place"), digest=bindparam("b_digest"), link=bindparam("b_link"))
)
_HEAD_VALUES: dict[str, Any] = {name: bindparam(name) for name in ("place", "link", "signature", "at")}
_NEW_HEAD = sa.insert(head_table).values({"org": bindparam("org"), **_HEAD_VALUES})
_MOVE_HEAD = sa.update(head_table).where(head_table.c.org == bindparam("b_org")).values(_HEAD_VALUES)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one commit did; `Notary.remember` it once the commit is durable."""

    rows: int = 0
    heads: Mapping[str, Head] = field(default_factory=dict)
    refused: Mapping[str, Problem] = field(default_factory=dict)


class Notary:
    """
    Signs with one key and remembers the heads it has seen.

    An org whose chain does not fit is refused from then on: signing on would make the forgery genuine. Its rows wait.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._public = public_key(key)
        self.heads: dict[str, Head] = {}
        self.refused: dict[str, Problem] = {}

    def begin(self, conn: Connection, orgs: Iterable[str], at: float) -> Sealed:
        """
        Sign the empty chain of orgs that have no row yet, look at the heads of the others.

        Afterwards a missing head is a removed one: it cannot be taken for an org's first row.
        """
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        heads, refused = {}, {}
        for org in sorted(set(orgs)):
            found = self._head(conn, org)
            if isinstance(found, Problem) and self._is_new(conn, org):
                found = Head(org)
                self._store(conn, found, at, new=True)
            if isinstance(found, Problem):
                refused[org] = found
            else:
                heads[org] = found
        return Sealed(0, heads, refused)

    def seal(self, conn: Connection, at: float) -> Sealed:
        """Chain up to `SLICE` new rows and sign the heads; one process at a time."""
        if conn.dialect.name == "postgresql":
            free = conn.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_LOCK})").scalar_one()
            if not free:
                return Sealed()
        rows = conn.execute(_PENDING, {"skipped": list(self.refused)}).all()
        found = {org: self._head(conn, org) for org in {row.org for row in rows}}
        heads = {org: head for org, head in found.items() if isinstance(head, Head)}
        sealed = [_chained(heads, row) for row in rows if row.org in heads]
        if sealed:
            conn.execute(_SEAL, sealed)
        for head in heads.values():
            self._store(conn, head, at)
        return Sealed(len(sealed), heads, {org: head for org, head in found.items() if isinstance(head, Problem)})

    def remember(self, sealed: Sealed) -> list[Problem]:
        """Take note of what a durable commit did; returns what it refused to go on from."""
        self.heads |= sealed.heads
        self.refused |= sealed.refused
        return list(sealed.refused.values())

    def _head(self, conn: Connection, org: str) -> Head | Problem:
        found = stored_head(conn, org, self._public)
        if isinstance(found, Problem):
            return found
        last = conn.execute(_LAST, {"org": org}).first()
        if (found.place, found.link) != ((last.place, bytes(last.link)) if last else (0, Head(org).link)):
            return Problem(org, found.place, "the last row is not the one that the head was signed for")
        seen = self.heads.get(org, Head(org))
        if found.place < seen.place or (seen.place and _link_at(conn, seen) != seen.link):
            return Problem(org, seen.place, "the chain is not the one sealed before: it was put back or replaced")
        return found

    def _is_new(self, conn: Connection, org: str) -> bool:
        traces = (sa.select(head_table.c.org).where(head_table.c.org == bindparam("org")), _LAST, _PENDING_OF)
        return org not in self.heads and all(conn.execute(trace, {"org": org}).first() is None for trace in traces)

    def _store(self, conn: Connection, head: Head, at: float, *, new: bool = False) -> None:
        signature = sign_head(self._key, head)
        values = {"place": head.place, "link": head.link, "signature": signature, "at": at}
        if new:
            conn.execute(_NEW_HEAD, {"org": head.org, **values})
        else:
            conn.execute(_MOVE_HEAD, {"b_org": head.org, **values})


def has_pending(conn: Connection, skipped: Collection[str] = ()) -> bool:
    """Whether there is anything to seal, apart from orgs that are refused."""
    if not skipped:
        return conn.execute(_ANY_PENDING).first() is not None
    return conn.execute(_PENDING, {"skipped": list(skipped)}).first() is not None


def _chained(heads: dict[str, Head], row: Any) -> dict[str, Any]:
    """The row's place in its chain; the head moves on to it."""
    before, of_words = heads[row.org], digest(row)
    heads[row.org] = Head(row.org, before.place + 1, link(before.link, row, of_words))
    return {
        "b_seq": row.seq,
        "b_place": before.place + 1,
        "b_digest": of_words,
        "b_link": heads[row.org].link,
    }


def _link_at(conn: Connection, head: Head) -> bytes | None:
    found = conn.execute(_LINK_AT, {"org": head.org, "place": head.place}).scalar()
    return None if found is None else bytes(found)
