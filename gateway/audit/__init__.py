"""
Who did what: a row written in the commit it describes, chained per org a moment later, verifiable offline.

``digest`` = HMAC-SHA-256(salt, who and what exactly), ``link`` = SHA-256(previous link, frame of the row, digest), and
the last link of each org is signed (Ed25519). Erasing a person empties ``actor`` and ``detail`` and destroys the salt:
the digest stays, so the chain stays valid and nobody can test guesses, while when, which act and on what (the frame)
stay as they were sealed. Heads are logged: with one of them it can be shown that rows were cut off and signed anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.audit.chain import ERASED, SLICE, Head, Problem, audit_table, erasure_proof, public_key
from gateway.audit.seal import Notary, Sealed, has_pending
from gateway.audit.verification import verify
from gateway.prepared import Prepared
from gateway.records import Json, dumps

__all__ = [
    "ERASED", "SLICE", "Head", "Notary", "Problem", "Sealed", "erase", "has_pending", "public_key", "record", "verify",
]  # fmt: skip

_WORDS = ("org", "at", "actor", "act", "ref", "detail")
_INSERT = Prepared(sa.insert(audit_table).values({name: bindparam(name) for name in (*_WORDS, "salt")}))
_ERASE = (
    sa.update(audit_table)
    .where(
        audit_table.c.org == bindparam("b_org"),
        audit_table.c.seq == bindparam("b_seq"),
        audit_table.c.place.is_not(None),
        audit_table.c.act != ERASED,  # it holds the proof of another erasure, and no personal data
    )
    .values(detail="{}", actor="erased", salt=None)
)


def record(
    conn: Connection, *, org: str, actor: str, act: str, ref: str, detail: Mapping[str, Json] | None = None, at: float
) -> None:
    """Write a row in the caller's transaction. ``detail`` holds no personal data; ``actor`` is an id, not a name."""
    row = {"org": org, "at": at, "actor": actor, "act": act, "ref": ref, "detail": dumps(detail or {})}
    _INSERT.later(conn, {**row, "salt": os.urandom(16)})


def erase(conn: Connection, org: str, seqs: list[int], *, key: bytes, actor: str, at: float) -> None:
    """Empty the words of sealed rows and destroy their salts; each erasure is on record, signed like a head."""
    for seq in seqs:
        if conn.execute(_ERASE, {"b_org": org, "b_seq": seq}).rowcount == 1:
            proof = {"proof": erasure_proof(key, org, seq).hex()}
            record(conn, org=org, actor=actor, act=ERASED, ref=str(seq), detail=proof, at=at)
