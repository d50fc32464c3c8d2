"""What a row, a link and a signed head are made of."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, bindparam

from gateway.records import Json, canonical

SLICE = 500  # rows sealed in one commit, or read at a time
ERASED = "audit.erased"  # the act that names, in ``ref``, each row whose words were erased
START = bytes(32)

# Light descriptions: the tables themselves stand in gateway.engine.schema, a layer above.
_ROW = ("seq", "org", "at", "actor", "act", "ref", "detail", "salt", "place", "digest", "link")
audit_table = sa.table("audit", *(sa.column(name) for name in _ROW))
head_table = sa.table("audit_head", *(sa.column(name) for name in ("org", "place", "link", "signature", "at")))
_HEAD = sa.select(head_table).where(head_table.c.org == bindparam("org"))


@dataclass(frozen=True, slots=True)
class Problem:
    """Where a chain does not hold; ``place`` is the first place that is not as it was sealed."""

    org: str
    place: int
    what: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of an org's chain: how many rows, and the link of the last."""

    org: str
    place: int = 0
    link: bytes = START

    def __str__(self) -> str:
        """As it is logged, and as ``audit verify --head`` takes it."""
        return f"{self.org}:{self.place}:{self.link.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """ValueError for anything that was not logged by us."""
        org, place, link = text.strip().split(":")
        made = cls(org, int(place), bytes.fromhex(link))
        if made.place < 0 or len(made.link) != len(START):
            raise ValueError(text)
        return made


def public_key(key: bytes) -> bytes:
    """What verifies the heads signed with ``key`` (32 secret bytes)."""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def sign_head(key: bytes, head: Head) -> bytes:
    """The signature that is stored beside a head."""
    return _sign(key, _statement(head))


def erasure_proof(key: bytes, org: str, seq: int) -> bytes:
    """What only the holder of the key can put on record: that the words of this row were erased on purpose."""
    return _sign(key, _erasure(org, seq))


def is_erasure_proof(public: bytes, org: str, seq: int, proof: bytes) -> bool:
    """Whether the erasure was recorded by the holder of the key."""
    return _signed(public, _erasure(org, seq), proof)


def stored_head(conn: Connection, org: str, public: bytes) -> Head | Problem:
    """The org's head, if it is there and signed by this key."""
    row = conn.execute(_HEAD, {"org": org}).first()
    if row is None:
        return Problem(org, 0, "the signed head is missing")
    head = Head(org, row.place, bytes(row.link))
    if not _signed(public, _statement(head), bytes(row.signature)):
        return Problem(org, head.place, "the head's signature is not by this key")
    return head


def digest(row: Any) -> bytes:
    """Of the words that an erasure takes away; cannot be computed again without the salt."""
    words = canonical({"seq": row.seq, "actor": row.actor, "detail": row.detail})
    return hmac.new(bytes(row.salt), words, hashlib.sha256).digest()


def link(before: bytes, row: Any, of_words: bytes) -> bytes:
    """Of everything so far, and of what stays of the row for ever."""
    frame = canonical({name: getattr(row, name) for name in ("seq", "org", "at", "act", "ref")})
    return hashlib.sha256(before + hashlib.sha256(frame).digest() + of_words).digest()


def _statement(head: Head) -> Json:
    return {"org": head.org, "place": head.place, "link": head.link.hex()}


def _erasure(org: str, seq: int) -> Json:
    return {"org": org, "erased": seq}


def _sign(key: bytes, statement: Json) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key).sign(canonical(statement))


def _signed(public: bytes, statement: Json, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, canonical(statement))
    except InvalidSignature:
        return False
    return True
