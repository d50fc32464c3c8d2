"""What waits for an org, counted by the database."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from gateway.engine.clock import SystemClock, now
from gateway.engine.mirror import ALWAYS, mark_failed, mark_sending, merge, unsent
from gateway.engine.store import Store
from gateway.records import SourceRef
from gateway.writeback.queue import Look, look, mark_unsent
from tests.support.engine import opened
from tests.support.upstreams import run
from tests.support.writeback import ORG, SEALER, outcome_of

DEALS = [SourceRef("Opportunity", f"006{number:012d}AAA") for number in range(3)]


async def fill(store: Store, *priorities: int) -> None:
    def commit(conn: Connection) -> None:
        for deal, priority in zip(DEALS, priorities, strict=False):
            merge(conn, SEALER, ORG, outcome_of(deal), number=ALWAYS, now=now(conn), priority=priority)

    await store.write(commit)


async def seen(store: Store) -> Look:
    return await store.read(lambda conn: look(conn, ORG))


def test_source_records_and_stamps_are_counted_apart_and_so_is_the_background(database_url: str) -> None:
    async def main() -> None:
        clock = SystemClock()
        async with opened(database_url, clock=clock) as store:
            assert await seen(store) == Look()
            await fill(store, 0, 1, 2)
            clock.offset += 5
            found = await seen(store)

        assert (found.front.graphs, found.front.stamps, found.back.graphs, found.back.stamps) == (2, 2, 1, 1)
        assert found.front.age == pytest.approx(5, abs=1)
        assert found.front.urgent_age == pytest.approx(5, abs=1)
        assert found.back.urgent_age is None

    run(main())


def test_rows_on_their_way_are_due_again_later_and_time_is_never_remembered(database_url: str) -> None:
    async def main() -> None:
        clock = SystemClock()
        async with opened(database_url, clock=clock) as store:
            await fill(store, 0)

            def send(conn: Connection) -> None:
                mark_sending(conn, unsent(conn, SEALER, ORG, 10, now(conn)), now(conn) + 150)

            await store.write(send)
            for passed in (0, 50, 100, 149):
                clock.offset = passed
                found = await seen(store)
                assert not found.front
                assert found.next_due == pytest.approx(150 - passed, abs=1)
            clock.offset = 151

            assert (await seen(store)).front.graphs == 1

    run(main())


def test_what_was_certainly_not_written_goes_again_at_once_and_counts_no_attempt(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as store:
            await fill(store, 0)

            def refused(conn: Connection) -> None:
                rows = unsent(conn, SEALER, ORG, 10, now(conn))
                mark_sending(conn, rows, now(conn) + 150)
                mark_failed(conn, rows[0], "ENTITY_IS_LOCKED", "locked", due=now(conn) + 300, state="parked")
                mark_unsent(conn, rows)

            await store.write(refused)
            left = await store.read(lambda conn: unsent(conn, SEALER, ORG, 10, now(conn)))

        assert [(row.state, row.attempts) for row in left] == [
            ("dirty", 0),
            ("dirty", 0),
        ]  # the parked one stays parked

    run(main())
