"""What may still be refunded of a charge, in minor units: reserved before it is sent."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.ledger import in_doubt
from gateway.engine.schema import action, job, refundable, reservation
from gateway.engine.statements import Row, upsert
from gateway.prepared import Prepared

_REFUNDABLE = sa.select(refundable).where(
    refundable.c.entity == bindparam("entity"), refundable.c.charge == bindparam("charge")
)
_REBASE = upsert(refundable, ("cap", "used", "number"), newer="number")
_TAKE = (
    refundable.update()
    .where(
        refundable.c.entity == bindparam("b_entity"),
        refundable.c.charge == bindparam("b_charge"),
        refundable.c.used + bindparam("b_amount") <= refundable.c.cap,
    )
    .values(used=refundable.c.used + bindparam("b_amount"))
)
_GIVE_BACK = (
    refundable.update()
    .where(refundable.c.entity == bindparam("b_entity"), refundable.c.charge == bindparam("b_charge"))
    .values(used=refundable.c.used - bindparam("b_amount"))
)
_RESERVE = reservation.insert().values({c.name: bindparam(c.name) for c in reservation.c if c.name != "listed"})
_RESERVATION = sa.select(reservation).where(reservation.c.action_id == bindparam("id"))
_RESERVATIONS = sa.select(reservation).where(
    reservation.c.entity == bindparam("entity"), reservation.c.charge == bindparam("charge")
)
_LISTED = (
    reservation.update()
    .where(reservation.c.action_id.in_(bindparam("b_ids", expanding=True)), reservation.c.listed == 0)
    .values(listed=1)
)
_SETTLE = (
    reservation.update()
    .where(reservation.c.action_id == bindparam("b_id"))
    .values(state=bindparam("b_state"), stripe_id=bindparam("b_stripe_id"), changed=bindparam("b_at"))
)


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a numbered GET saw of a charge: captured, and every refund Stripe lists as ``(id, gw_action_id, amount)``; one
    that failed has the amount 0.
    """

    entity: str
    charge: str
    captured: int
    currency: str
    number: int
    refunds: tuple[tuple[str, str | None, int], ...]


def rebase(conn: Connection, seen: Seen) -> None:
    """
    Take over what Stripe says: used = refunds listed + reservations Stripe does not list yet.

    An older observation than the stored one changes nothing. From the first time that Stripe lists it, a reservation
    counts only through Stripe's list: releasing it gives nothing back.
    """
    if _known(conn, seen) >= seen.number:
        return
    listed = {action_id for _, action_id, _ in seen.refunds if action_id}
    rows = conn.execute(_RESERVATIONS, {"entity": seen.entity, "charge": seen.charge}).all()
    ours = sum(r.amount_minor for r in rows if r.state != "released" and r.action_id not in listed)
    conn.execute(_LISTED, {"b_ids": [r.action_id for r in rows if r.action_id in listed]})
    used = ours + sum(amount for _, _, amount in seen.refunds)
    conn.execute(
        _REBASE[conn.dialect.name],
        {
            "entity": seen.entity,
            "charge": seen.charge,
            "cap": seen.captured,
            "used": used,
            "currency": seen.currency,
            "number": seen.number,
        },
    )


def _known(conn: Connection, seen: Seen) -> int:
    """The number of the observation that stands, under the row's lock; 0 = none."""
    row = conn.execute(_REFUNDABLE.with_for_update(), {"entity": seen.entity, "charge": seen.charge}).first()
    return 0 if row is None else int(row.number)


def reserve(conn: Connection, action_id: str, entity: str, charge: str, amount: int, at: float) -> bool:
    """Take ``amount`` from what may still be refunded, atomically; False where it does not fit."""
    taken = conn.execute(_TAKE, {"b_entity": entity, "b_charge": charge, "b_amount": amount}).rowcount == 1
    if taken:
        conn.execute(
            _RESERVE,
            {
                "action_id": action_id,
                "entity": entity,
                "charge": charge,
                "amount_minor": amount,
                "state": "held",
                "stripe_id": None,
                "changed": at,
            },
        )
    return taken


def settle(conn: Connection, action_id: str, state: str, at: float, stripe_id: str | None = None) -> None:
    """
    ``consumed`` on success, ``released`` where nothing was refunded; ``held`` while the outcome is unknown.

    What Stripe lists it has taken out or put back itself, with the observation that showed it.
    """
    row = conn.execute(_RESERVATION, {"id": action_id}).first()
    if row is None or row.state == state:
        return
    conn.execute(_SETTLE, {"b_id": action_id, "b_state": state, "b_stripe_id": stripe_id, "b_at": at})
    if state == "released" and not row.listed:
        conn.execute(_GIVE_BACK, {"b_entity": row.entity, "b_charge": row.charge, "b_amount": row.amount_minor})


_UNDER_WAY = (
    sa.select(reservation.c.action_id)
    .join(job, job.c.id == reservation.c.action_id)
    .where(
        reservation.c.entity == bindparam("entity"),
        reservation.c.charge == bindparam("charge"),
        reservation.c.state == "held",
        reservation.c.action_id != bindparam("action_id"),
        job.c.state != "dead",
    )
    .limit(1)
)
_UNKNOWN_ON = Prepared(
    sa.select(action.c.id, action.c.status)
    .select_from(reservation)
    .join(action, action.c.id == reservation.c.action_id)
    .where(
        reservation.c.entity == bindparam("entity"),
        reservation.c.charge == bindparam("charge"),
        reservation.c.state == "held",
        in_doubt,
    )
    .limit(1)
)


def unknown_on(conn: Connection, entity: str, charge: str) -> Row | None:
    """An action in doubt (``id``, ``status``) that may have refunded this charge."""
    return _UNKNOWN_ON.first(conn, {"entity": entity, "charge": charge})


def under_way(conn: Connection, entity: str, charge: str, action_id: str) -> str | None:
    """Another action that has reserved some of this charge and has not ended; its job has the same id."""
    values = {"entity": entity, "charge": charge, "action_id": action_id}
    found: str | None = conn.execute(_UNDER_WAY, values).scalar()
    return found
