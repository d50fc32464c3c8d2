"""Customers are made once: one row per org, entity and Account or Contact."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine import lanes
from gateway.engine.schema import customer_link
from gateway.engine.statements import Row, insert_once, upsert
from gateway.prepared import Prepared, Question

_LINK = Prepared(
    sa.select(customer_link).where(
        customer_link.c.org == bindparam("org"),
        customer_link.c.entity == bindparam("entity"),
        customer_link.c.source_id == bindparam("source_id"),
    )
)
_CLAIM = insert_once(customer_link, ("org", "entity", "source_id", "state", "generation", "job_id", "changed"))
_READY = upsert(customer_link, ("state", "stripe_id", "content_hash", "email_index", "changed"))
_at_link = sa.and_(
    customer_link.c.org == bindparam("b_org"),
    customer_link.c.entity == bindparam("b_entity"),
    customer_link.c.source_id == bindparam("b_source_id"),
)
_LINK_REMAKE = (
    customer_link.update()
    .where(_at_link)
    .values(
        state="making",
        generation=customer_link.c.generation + 1,
        job_id=bindparam("b_job_id"),
        stripe_id=None,
        changed=bindparam("b_at"),
    )
)


def find(conn: Connection, org: str, entity: str, source_id: str) -> Row | None:
    """The customer of an Account or Contact at one entity: ``state`` making, ready or failed."""
    prepared, values = asks_find(org, entity, source_id)
    return prepared.first(conn, values)


def asks_find(org: str, entity: str, source_id: str) -> Question:
    """What `find` is going to ask."""
    return _LINK, {"org": org, "entity": entity, "source_id": source_id}


def find_with_job(conn: Connection, org: str, entity: str, source_id: str) -> tuple[Row | None, str | None]:
    """The link, and while it is being made the state of the job that does (None: it has ended)."""
    row = find(conn, org, entity, source_id)
    if row is None or row.state != "making" or row.job_id is None:
        return row, None
    state = lanes.state_of(conn, row.job_id)
    return (row, state) if state else (find(conn, org, entity, source_id), None)  # it has just ended


def claim(conn: Connection, org: str, entity: str, source_id: str, job_id: str, at: float) -> bool:
    """Whether ``job_id`` is now the one that makes this customer."""
    values = {"org": org, "entity": entity, "source_id": source_id, "job_id": job_id, "changed": at}
    row = conn.execute(_CLAIM[conn.dialect.name], {**values, "state": "making", "generation": 1}).first()
    return row is not None


def may_keep(conn: Connection, org: str, entity: str, source_id: str, job_id: str, stripe_id: str) -> bool:
    """Whether what ``job_id`` made or changed is still this source's customer: a later job may have made another."""
    row = find(conn, org, entity, source_id)
    return row is None or row.job_id == job_id or row.stripe_id == stripe_id


def ready(
    conn: Connection,
    org: str,
    entity: str,
    source_id: str,
    *,
    stripe_id: str,
    content_hash: str,
    email_index: bytes | None,
    at: float,
) -> None:
    """Store the customer that Stripe holds for this source."""
    conn.execute(
        _READY[conn.dialect.name],
        {
            "org": org,
            "entity": entity,
            "source_id": source_id,
            "stripe_id": stripe_id,
            "content_hash": content_hash,
            "email_index": email_index,
            "changed": at,
            "state": "ready",
            "generation": 1,
            "job_id": None,
        },
    )


def remake(conn: Connection, org: str, entity: str, source_id: str, job_id: str, at: float) -> None:
    """The customer was deleted at Stripe: the next generation is made by ``job_id``."""
    conn.execute(
        _LINK_REMAKE, {"b_org": org, "b_entity": entity, "b_source_id": source_id, "b_job_id": job_id, "b_at": at}
    )


_FAILED = (
    customer_link.update()
    .where(_at_link, customer_link.c.state == "making", customer_link.c.job_id == bindparam("b_job_id"))
    .values(state="failed", changed=bindparam("b_at"))
)


def failed(conn: Connection, org: str, entity: str, source_id: str, job_id: str, at: float) -> None:
    """The job ended without a customer, for good: the next one makes the next generation."""
    conn.execute(_FAILED, {"b_org": org, "b_entity": entity, "b_source_id": source_id, "b_job_id": job_id, "b_at": at})


_GONE = (
    customer_link.update()
    .where(_at_link, customer_link.c.stripe_id == bindparam("b_stripe_id"))
    .values(state="failed", stripe_id=None, changed=bindparam("b_at"))
)


def gone(conn: Connection, org: str, entity: str, source_id: str, stripe_id: str, at: float) -> None:
    """Stripe no longer has this customer: the next job makes the next generation, unless one has done so already."""
    values = {"b_org": org, "b_entity": entity, "b_source_id": source_id, "b_stripe_id": stripe_id, "b_at": at}
    conn.execute(_GONE, values)


_ADDRESS = (
    customer_link.update()
    .where(_at_link, customer_link.c.state == "ready")
    .values(email_index=bindparam("b_email_index"), content_hash="", changed=bindparam("b_at"))
)


def readdressed(conn: Connection, org: str, entity: str, source_id: str, email_index: bytes | None, at: float) -> None:
    """Stripe mails this customer at another address now; what was told it before no longer counts as all of it."""
    conn.execute(
        _ADDRESS,
        {"b_org": org, "b_entity": entity, "b_source_id": source_id, "b_email_index": email_index, "b_at": at},
    )
