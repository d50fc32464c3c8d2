"""
Who did what: a row written in the commit it describes, chained per org a moment later, verifiable offline.

``digest`` = HMAC-SHA-256(salt, row), ``link`` = SHA-256(previous link, digest), and the last link of each org is signed
(Ed25519). Erasing a person empties the row's words and destroys its salt: the digest stays, so the chain stays valid,
and nobody can test guesses about what the row said. Whoever holds an older signed head can show that later rows were
cut off and the chain signed anew: heads are logged for that.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, bindparam

from gateway.prepared import Prepared
from gateway.records import Json, canonical, dumps

SLICE = 500  # rows sealed in one commit at most
ERASED = "audit.erased"  # the act that names, in ``ref``, each row whose words were erased
_START = bytes(32)

# Light descriptions: the tables themselves stand in gateway.engine.schema, a layer above.
_WORDS = ("org", "at", "actor", "act", "ref", "detail")
_audit = sa.table("audit", *(sa.column(name) for name in ("seq", *_WORDS, "salt", "place", "digest", "link")))
_head = sa.table("audit_head", *(sa.column(name) for name in ("org", "place", "link", "signature", "at")))

_INSERT = Prepared(sa.insert(_audit).values({name: bindparam(name) for name in (*_WORDS, "salt")}))
_PENDING = sa.select(_audit).where(_audit.c.place.is_(None)).order_by(_audit.c.seq).limit(SLICE)
_ANY_PENDING = sa.select(_audit.c.seq).where(_audit.c.place.is_(None)).limit(1)
_HEAD = sa.select(_head).where(_head.c.org == bindparam("org"))
_SEAL = (
    sa.update(_audit)
    .where(_audit.c.seq == bindparam("b_seq"))
    .values(place=bindparam("b_place"), digest=bindparam("b_digest"), link=bindparam("b_link"))
)
_NEW_HEAD = sa.insert(_head).values({name: bindparam(name) for name in ("org", "place", "link", "signature", "at")})
_MOVE_HEAD = (
    sa.update(_head)
    .where(_head.c.org == bindparam("b_org"))
    .values({name: bindparam(name) for name in ("place", "link", "signature", "at")})
)
_ERASE = (
    sa.update(_audit)
    .where(_audit.c.org == bindparam("b_org"), _audit.c.seq == bindparam("b_seq"), _audit.c.place.is_not(None))
    .values(detail="{}", actor="erased", salt=None)
)
_CHAIN = (
    sa.select(_audit)
    .where(_audit.c.org == bindparam("org"), _audit.c.place > bindparam("after"))
    .order_by(_audit.c.place)
    .limit(SLICE)
)
_ORGS = sa.select(_audit.c.org).where(_audit.c.place.is_not(None)).union(sa.select(_head.c.org))
_ERASURES = sa.select(_audit.c.ref).where(_audit.c.org == bindparam("org"), _audit.c.act == ERASED)


@dataclass(frozen=True, slots=True)
class Problem:
    """Where a chain does not hold; ``place`` is the first place that is not as it was sealed."""

    org: str
    place: int
    what: str


def record(
    conn: Connection, *, org: str, actor: str, act: str, ref: str, detail: Mapping[str, Json] | None = None, at: float
) -> None:
    """Write a row in the caller's transaction. ``detail`` holds no personal data; ``actor`` is an id, not a name."""
    row = {"org": org, "at": at, "actor": actor, "act": act, "ref": ref, "detail": dumps(detail or {})}
    _INSERT.later(conn, {**row, "salt": os.urandom(16)})


def public_key(key: bytes) -> bytes:
    """What verifies the heads signed with ``key`` (32 secret bytes)."""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def has_pending(conn: Connection) -> bool:
    """Whether there is anything to seal."""
    return conn.execute(_ANY_PENDING).first() is not None


def seal_pending(conn: Connection, key: bytes, at: float) -> int:
    """Chain up to `SLICE` new rows and sign the heads; one process at a time. Returns how many were sealed."""
    if conn.dialect.name == "postgresql":
        free = conn.exec_driver_sql("SELECT pg_try_advisory_xact_lock(hashtext('gateway.audit'))").scalar_one()
        if not free:
            return 0
    rows = conn.execute(_PENDING).all()
    if not rows:
        return 0
    heads = {org: _head_of(conn, org) for org in {row.org for row in rows}}
    sealed = []
    for row in rows:
        place, before = heads[row.org]
        digest = _digest(row)
        heads[row.org] = place + 1, _link(before, digest)
        sealed.append({"b_seq": row.seq, "b_place": place + 1, "b_digest": digest, "b_link": heads[row.org][1]})
    conn.execute(_SEAL, sealed)
    signer = Ed25519PrivateKey.from_private_bytes(key)
    for org, (place, link) in heads.items():
        _store_head(conn, org, place, link, signer.sign(_statement(org, place, link)), at)
    return len(sealed)


def erase(conn: Connection, org: str, seqs: list[int], *, actor: str, at: float) -> None:
    """Empty the words of sealed rows and destroy their salts; the erasure itself is on record."""
    for seq in seqs:
        if conn.execute(_ERASE, {"b_org": org, "b_seq": seq}).rowcount == 1:
            record(conn, org=org, actor=actor, act=ERASED, ref=str(seq), at=at)


def verify(conn: Connection, public: bytes) -> list[Problem]:
    """The first thing wrong in each org's chain: edited, deleted, reordered, cut off, or erased off the record."""
    orgs = conn.execute(_ORGS).scalars().all()
    found = (_verify_org(conn, org, Ed25519PublicKey.from_public_bytes(public)) for org in sorted(orgs))
    return [problem for problem in found if problem is not None]


def _verify_org(conn: Connection, org: str, public: Ed25519PublicKey) -> Problem | None:
    erased = {int(ref) for ref in conn.execute(_ERASURES, {"org": org}).scalars()}
    place, link = 0, _START
    for row in _chain(conn, org):
        place += 1
        if row.place != place:
            return Problem(org, place, "a row is missing")
        if row.salt is None and row.seq not in erased:
            return Problem(org, place, "the row was erased without a record of it")
        if row.salt is not None and row.digest != _digest(row):
            return Problem(org, place, "the row was changed after it was sealed")
        link = _link(link, row.digest)
        if row.link != link:
            return Problem(org, place, "the row does not follow from the one before it")
    return _verify_head(conn, org, place, link, public)


def _verify_head(conn: Connection, org: str, place: int, link: bytes, public: Ed25519PublicKey) -> Problem | None:
    head = conn.execute(_HEAD, {"org": org}).first()
    if head is None:
        return Problem(org, place, "the signed head is missing")
    try:
        public.verify(head.signature, _statement(org, head.place, head.link))
    except InvalidSignature:
        return Problem(org, head.place, "the head's signature is not by this key")
    if (head.place, head.link) != (place, link):
        return Problem(org, min(place, head.place) + 1, "rows at the end are missing or were added unsigned")
    return None


def _chain(conn: Connection, org: str) -> Iterator[Any]:
    after = 0
    while rows := conn.execute(_CHAIN, {"org": org, "after": after}).all():
        yield from rows
        after = rows[-1].place


def _head_of(conn: Connection, org: str) -> tuple[int, bytes]:
    head = conn.execute(_HEAD, {"org": org}).first()
    return (0, _START) if head is None else (head.place, bytes(head.link))


def _store_head(conn: Connection, org: str, place: int, link: bytes, signature: bytes, at: float) -> None:
    values = {"place": place, "link": link, "signature": signature, "at": at}
    if conn.execute(_MOVE_HEAD, {"b_org": org, **values}).rowcount == 0:
        conn.execute(_NEW_HEAD, {"org": org, **values})


def _digest(row: Any) -> bytes:
    words = canonical({"seq": row.seq, **{name: getattr(row, name) for name in _WORDS}})
    return hmac.new(bytes(row.salt), words, hashlib.sha256).digest()


def _link(before: bytes, digest: bytes) -> bytes:
    return hashlib.sha256(before + digest).digest()


def _statement(org: str, place: int, link: bytes) -> bytes:
    return canonical({"org": org, "place": place, "link": bytes(link).hex()})
