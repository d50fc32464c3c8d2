"""The live objects of a record: what a second request is compared with."""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.schema import live_object
from gateway.engine.statements import Row, upsert
from gateway.prepared import Prepared, Question
from gateway.records import Live, dumps

_LIVE = Prepared(
    sa.select(live_object).where(
        live_object.c.org == bindparam("org"),
        live_object.c.record_id == bindparam("record_id"),
        live_object.c.kind == bindparam("kind"),
    )
)
_LIVE_BY_STRIPE = sa.select(live_object).where(
    live_object.c.entity == bindparam("entity"), live_object.c.stripe_id == bindparam("stripe_id")
)
_PUT = Prepared(upsert(live_object, ("status", "number", "shown", "changed"), newer="number"))
_LIVE_STATUS = (
    live_object.update()
    .where(
        live_object.c.entity == bindparam("b_entity"),
        live_object.c.stripe_id == bindparam("b_stripe_id"),
        live_object.c.number < bindparam("b_number"),
    )
    .values(status=bindparam("b_status"), number=bindparam("b_number"), changed=bindparam("b_at"))
)


def of_record(conn: Connection, org: str, record_id: str, kind: str) -> list[Live]:
    """What this record has at Stripe of one kind, in no order."""
    prepared, values = asks_of_record(org, record_id, kind)
    return [_live(row) for row in prepared.all(conn, values)]


def asks_of_record(org: str, record_id: str, kind: str) -> Question:
    """What `of_record` is going to ask."""
    return _LIVE, {"org": org, "record_id": record_id, "kind": kind}


def by_stripe_id(conn: Connection, entity: str, stripe_id: str) -> Live | None:
    """The record an object of ours belongs to."""
    row = conn.execute(_LIVE_BY_STRIPE, {"entity": entity, "stripe_id": stripe_id}).first()
    return None if row is None else _live(row)


def put(conn: Connection, live: Live, at: float) -> None:
    """Store a live object, or its new status where that is of a later observation."""
    values = {name: getattr(live, name) for name in Live.__dataclass_fields__}
    _PUT.later(conn, {**values, "shown": dumps(live.shown), "changed": at})


def set_status(conn: Connection, entity: str, stripe_id: str, status: str, number: int, at: float) -> None:
    """Follow what Stripe said of an object we made, in observation ``number``: an older one changes nothing."""
    values = {"b_entity": entity, "b_stripe_id": stripe_id, "b_status": status, "b_number": number, "b_at": at}
    conn.execute(_LIVE_STATUS, values)


def _live(row: Row) -> Live:
    values = {name: getattr(row, name) for name in Live.__dataclass_fields__}
    return Live(**{**values, "shown": json.loads(row.shown or "{}")})
