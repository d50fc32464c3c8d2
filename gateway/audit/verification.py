"""Reading the chains again, offline: with the public half of the key, and with heads that were logged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.audit.chain import (
    ERASED,
    SLICE,
    START,
    Head,
    Problem,
    audit_table,
    digest,
    head_table,
    is_erasure_proof,
    link,
    stored_head,
)

_CHAIN = (
    sa.select(audit_table)
    .where(audit_table.c.org == bindparam("org"), audit_table.c.place > bindparam("after"))
    .order_by(audit_table.c.place)
    .limit(SLICE)
)
# Rows without a place count: a chain whose places were all taken away is no empty one.
_ORGS = sa.select(audit_table.c.org).union(sa.select(head_table.c.org))
_ERASURES = sa.select(audit_table.c.ref, audit_table.c.detail).where(
    audit_table.c.org == bindparam("org"), audit_table.c.act == ERASED
)


def verify(conn: Connection, public: bytes, logged: Sequence[Head] = ()) -> list[Problem]:
    """
    The first thing wrong in each org's chain: edited, deleted, reordered, cut off, or erased off the record.

    ``logged`` are heads from the gateway's log: each chain must still pass through its own.
    """
    orgs = {*conn.execute(_ORGS).scalars(), *(head.org for head in logged)}
    found = (_verify_org(conn, org, public, [head for head in logged if head.org == org]) for org in sorted(orgs))
    return [problem for problem in found if problem is not None]


def _verify_org(conn: Connection, org: str, public: bytes, logged: Sequence[Head]) -> Problem | None:
    erased = _erased(conn, org, public)
    expected = {head.place: head.link for head in logged}
    place, last = 0, START
    for row in _chain(conn, org):
        place += 1
        if row.place != place:
            return Problem(org, place, "a row is missing")
        if (wrong := _wrong_words(row, erased)) is not None:
            return Problem(org, place, wrong)
        last = link(last, row, bytes(row.digest))
        if bytes(row.link) != last:
            return Problem(org, place, "the row was changed, or does not follow from the one before it")
        if expected.pop(place, last) != last:
            return Problem(org, place, "the chain does not lead through the head that was logged")
    expected.pop(0, None)
    return _verify_head(conn, org, place, last, public) or _cut_off(org, expected)


def _wrong_words(row: Any, erased: frozenset[int]) -> str | None:
    if row.salt is not None:
        return None if bytes(row.digest) == digest(row) else "the row was changed after it was sealed"
    if row.seq not in erased:
        return "the row was erased without a record of it"
    return None if (row.actor, row.detail) == ("erased", "{}") else "the row was changed after it was erased"


def _erased(conn: Connection, org: str, public: bytes) -> frozenset[int]:
    """Rows whose erasure is on record and signed: a record that anybody could write proves nothing."""
    found = set()
    for row in conn.execute(_ERASURES, {"org": org}):
        try:
            seq, proof = int(row.ref), bytes.fromhex(json.loads(row.detail)["proof"])
        except (ValueError, KeyError, TypeError):
            continue
        if is_erasure_proof(public, org, seq, proof):
            found.add(seq)
    return frozenset(found)


def _verify_head(conn: Connection, org: str, place: int, last: bytes, public: bytes) -> Problem | None:
    head = stored_head(conn, org, public)
    if isinstance(head, Problem):
        return Problem(org, max(head.place, place), head.what) if head.place == 0 else head
    if (head.place, head.link) != (place, last):
        return Problem(org, min(place, head.place) + 1, "rows at the end are missing or were added unsigned")
    return None


def _cut_off(org: str, expected: dict[int, bytes]) -> Problem | None:
    return Problem(org, min(expected), "the row of the head that was logged is missing") if expected else None


def _chain(conn: Connection, org: str) -> Iterator[Any]:
    after = 0
    while rows := conn.execute(_CHAIN, {"org": org, "after": after}).all():
        yield from rows
        after = rows[-1].place
