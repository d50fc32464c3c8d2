"""What may still be refunded of a charge, against a model of Stripe, whatever comes in which order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from gateway.engine import refundable
from gateway.engine.clock import SystemClock
from gateway.engine.database import engine
from gateway.engine.refundable import Seen
from gateway.engine.schema import refundable as refundable_table
from gateway.engine.schema import reservation

CAP = 100


@contextmanager
def undone(url: str) -> Iterator[Connection]:
    """A connection whose changes nobody else ever sees."""
    made = engine(url, SystemClock())
    with made.connect() as conn:
        yield conn
        conn.rollback()
    made.dispose()


def used(conn: Connection) -> int:
    return int(conn.execute(sa.select(refundable_table.c.used)).scalar_one())


def seen(number: int, *refunds: tuple[str, str | None, int]) -> Seen:
    return Seen("us", "ch_1", CAP, "usd", number, refunds)


def reserved(conn: Connection, action_id: str, amount: int = CAP) -> bool:
    return refundable.reserve(conn, action_id, "us", "ch_1", amount, 1.0)


def test_a_refund_that_stripe_has_listed_is_not_given_back_a_second_time(database_url: str) -> None:
    with undone(database_url) as conn:
        refundable.rebase(conn, seen(1))
        assert reserved(conn, "first")
        refundable.settle(conn, "first", "consumed", 2.0, "re_1")
        refundable.rebase(conn, seen(3, ("re_1", "first", 0)))  # failed: Stripe lists it as nothing
        assert reserved(conn, "second")

        refundable.settle(conn, "first", "released", 4.0, "re_1")

        assert used(conn) == CAP
        refundable.rebase(conn, seen(2))  # read before, comes after
        assert not reserved(conn, "third")


def test_a_refund_that_stripe_has_not_listed_is_given_back(database_url: str) -> None:
    with undone(database_url) as conn:
        refundable.rebase(conn, seen(1))
        assert reserved(conn, "first")

        refundable.settle(conn, "first", "released", 2.0)

        assert used(conn) == 0
        assert reserved(conn, "second")


def test_an_older_observation_marks_nothing(database_url: str) -> None:
    with undone(database_url) as conn:
        refundable.rebase(conn, seen(5))
        assert reserved(conn, "first")
        refundable.rebase(conn, seen(4, ("re_1", "first", CAP)))

        refundable.settle(conn, "first", "released", 2.0)

        assert used(conn) == 0


@dataclass
class World:
    """Stripe's list of refunds, what was read of it and not yet stored, and what became of each of our actions."""

    conn: Connection
    dice: random.Random
    listed: dict[str, int] = field(default_factory=dict)  # action → what Stripe gives back for it now
    asked: dict[str, int] = field(default_factory=dict)  # reserved, not yet at Stripe
    failed: set[str] = field(default_factory=set)  # at Stripe, not yet heard of here
    looks: list[Seen] = field(default_factory=list)
    number: int = 1
    born: int = 0

    def look(self) -> None:
        self.number += 1
        refunds = ((f"re_{name}", name, amount) for name, amount in self.listed.items())
        self.looks.append(seen(self.number, *refunds))

    def store(self) -> None:
        """In any order."""
        if self.looks:
            refundable.rebase(self.conn, self.looks.pop(self.dice.randrange(len(self.looks))))

    def reserve(self) -> None:
        """As an action does it: with its own look, which may be an old one by now."""
        self.store()
        self.born += 1
        amount, name = self.dice.randint(1, CAP), f"a{self.born}"
        if reserved(self.conn, name, amount):
            self.asked[name] = amount

    def refund(self) -> None:
        if self.asked:
            name = self.dice.choice(sorted(self.asked))
            self.listed[name] = self.asked.pop(name)
            if self.dice.random() < 0.5:
                refundable.settle(self.conn, name, "consumed", 1.0, f"re_{name}")

    def refuse(self) -> None:
        if self.asked:
            name = self.dice.choice(sorted(self.asked))
            del self.asked[name]
            refundable.settle(self.conn, name, "released", 1.0)

    def fail(self) -> None:
        """Later, at Stripe; here it is heard of afterwards."""
        alive = sorted(name for name, amount in self.listed.items() if amount)
        if alive:
            name = self.dice.choice(alive)
            self.listed[name] = 0
            self.failed.add(name)

    def hear(self) -> None:
        if self.failed:
            name = self.dice.choice(sorted(self.failed))
            self.failed.remove(name)
            refundable.settle(self.conn, name, "released", 1.0, f"re_{name}")

    def taken(self) -> int:
        """Given back at Stripe, or about to be."""
        return sum(self.listed.values()) + sum(self.asked.values())


DOINGS = ("look", "store", "reserve", "refund", "refuse", "fail", "hear")


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(doings=st.lists(st.sampled_from(DOINGS), min_size=10, max_size=60), seed=st.integers(0, 2**16))
def test_what_is_used_is_never_less_than_what_was_taken(sqlite_url: str, doings: list[str], seed: int) -> None:
    with undone(sqlite_url) as conn:
        world = World(conn, random.Random(seed))
        refundable.rebase(conn, seen(world.number))
        for doing in doings:
            getattr(world, doing)()
            assert world.taken() <= used(conn)
            assert world.taken() <= CAP
        for name in sorted(world.failed):
            refundable.settle(conn, name, "released", 1.0, f"re_{name}")
        world.look()
        refundable.rebase(conn, world.looks[-1])
        held = {row.action_id for row in conn.execute(sa.select(reservation).where(reservation.c.state != "released"))}

        assert used(conn) == world.taken()
        assert set(world.asked) <= held
