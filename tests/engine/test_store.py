"""The store on both databases: what one commit carries, and what one failing closure does to the others."""

import asyncio
import threading

import pytest
import sqlalchemy as sa

from gateway.engine.clock import SystemClock, now, remember
from gateway.engine.database import transaction
from gateway.engine.numbers import next_number
from gateway.engine.schema import setting
from gateway.engine.settings import get_setting, put_setting
from gateway.engine.store import Store
from gateway.errors import Misconfigured
from tests.support.engine import opened


def put(name, value="x"):
    return lambda conn: put_setting(conn, name, value)


def test_closures_queued_together_share_a_commit(database_url):
    async def main():
        async with opened(database_url) as store:
            numbers = await asyncio.gather(*(store.write(next_number) for _ in range(50)))
            return numbers, store.metrics.commits

    numbers, commits = asyncio.run(main())

    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 50
    assert commits < 10


def test_a_failing_closure_fails_alone_and_its_neighbours_keep_their_order(database_url):
    def fails(conn):
        put_setting(conn, "half", "done")
        raise ValueError("no")

    async def main():
        async with opened(database_url) as store:
            writes = [store.write(put("a", "1")), store.write(fails), store.write(put("a", "2"))]
            answers = await asyncio.gather(*writes, return_exceptions=True)
            return answers, await store.read(lambda conn: (get_setting(conn, "a"), get_setting(conn, "half")))

    answers, stored = asyncio.run(main())

    assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]
    assert stored == ("2", None)


def test_hooks_run_once_and_only_for_what_was_committed(database_url):
    heard = []

    async def main():
        async with opened(database_url) as store:

            def tells(word):
                return lambda _conn: store.after_commit(lambda: heard.append(word))

            def fails(_conn):
                store.after_commit(lambda: heard.append("never"))
                raise ValueError("no")

            writes = [store.write(tells("one")), store.write(fails), store.write(tells("two"))]
            await asyncio.gather(*writes, return_exceptions=True)

    asyncio.run(main())

    assert heard == ["one", "two"]


def test_a_hook_that_fails_takes_nothing_along_that_was_committed_beside_it(database_url):
    heard = []

    async def main():
        async with opened(database_url) as store:

            def breaks(_conn):
                store.after_commit(lambda: {}["a bug"])
                return "broke"

            def tells(_conn):
                store.after_commit(lambda: heard.append("told"))
                return "told"

            async with asyncio.timeout(20):
                return await asyncio.gather(store.write(breaks), store.write(tells))

    assert asyncio.run(main()) == ["broke", "told"]
    assert heard == ["told"]


def test_an_unawaited_write_rides_along_in_order(database_url):
    async def main():
        async with opened(database_url) as store:
            store.write_soon(put("a", "1"))
            store.write_soon(put("a", "2"))
            await store.write(put("b"))
            return await store.read(lambda conn: get_setting(conn, "a"))

    assert asyncio.run(main()) == "2"


def test_what_nobody_waits_for_is_committed_though_nothing_follows(database_url):
    async def committed(store, turn):
        heard = asyncio.Event()

        def tells(conn):
            put_setting(conn, "turn", turn)
            store.after_commit(heard.set)

        store.write_soon(tells)
        await asyncio.wait_for(heard.wait(), 60)

    async def main():
        async with opened(database_url) as store:
            for turn in ("first", "second", "third"):
                await committed(store, turn)
            return await store.read(lambda conn: get_setting(conn, "turn"))

    assert asyncio.run(main()) == "third"


def test_more_than_one_commit_takes_is_written_in_order(database_url):
    async def main():
        async with opened(database_url) as store:
            for n in range(600):
                store.write_soon(put("n", str(n)))
            await store.write(put("awaited"))
            return store.waiting, await store.read(lambda conn: get_setting(conn, "n"))

    assert asyncio.run(main()) == (0, "599")


def test_closing_commits_what_is_queued(database_url):
    async def main():
        async with opened(database_url) as store:
            for n in range(500):
                store.write_soon(put(f"n{n}"))

    asyncio.run(main())

    with transaction(database_url, readonly=True) as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(setting)).scalar() == 500


def test_a_cancelled_caller_does_not_undo_its_write(database_url):
    async def main():
        async with opened(database_url) as store:
            task = asyncio.create_task(store.write(put("a")))
            await asyncio.sleep(0)
            task.cancel()
            await store.write(put("b"))
            return await store.read(lambda conn: get_setting(conn, "a"))

    assert asyncio.run(main()) == "x"


def test_reading_cannot_write(database_url):
    async def main():
        async with opened(database_url) as store:
            with pytest.raises(sa.exc.DBAPIError):
                await store.read(put("a"))
            await store.write(put("b"))

    asyncio.run(main())


def test_a_second_server_on_the_same_file_is_refused(sqlite_url):
    store = Store.open(sqlite_url, clock=SystemClock())

    with pytest.raises(Misconfigured) as refused:
        Store.open(sqlite_url, clock=SystemClock())
    store.close()
    Store.open(sqlite_url, clock=SystemClock()).close()

    assert refused.value.code == "database_in_use"


def test_a_command_line_writes_beside_the_running_server(database_url):
    async def main():
        async with opened(database_url) as store:
            await store.write(put("a"))
            with transaction(database_url) as conn:
                put_setting(conn, "b", "by hand")
            return await store.read(lambda conn: get_setting(conn, "b"))

    assert asyncio.run(main()) == "by hand"


def test_a_start_behind_the_stored_time_is_reported(sqlite_url, postgres_url):
    for url in (sqlite_url, postgres_url):
        with transaction(url, clock=SystemClock(offset=3600.0)) as conn:
            remember(conn)

        store = Store.open(url, clock=SystemClock())
        lag = store.clock_behind
        store.close()
        near = Store.open(url, clock=SystemClock(offset=3590.0))
        near.close()

        assert 3500 < lag <= 3600
        assert near.clock_behind == 0.0


def test_the_clock_of_a_sandbox_moves_the_stored_time(database_url):
    with transaction(database_url, clock=SystemClock(offset=86400.0)) as conn:
        moved = now(conn)
    with transaction(database_url) as conn:
        unmoved = now(conn)

    assert 86390 < moved - unmoved < 86410


def test_numbers_rise_across_processes(postgres_url):
    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            taken = []
            for n in range(40):
                taken.append(await (one, two)[n % 2].write(next_number))
            return taken

    taken = asyncio.run(main())

    assert taken == sorted(set(taken))


def test_contended_names_are_locked_in_one_order_so_nobody_deadlocks(postgres_url):
    def both(first, second):
        def touch(conn):
            for name in (first, second):
                put_setting(conn, name, "x")

        return touch

    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            writes = []
            for _ in range(200):
                writes.append(one.write(both("a", "b"), ["a", "b"]))
                writes.append(two.write(both("b", "a"), ["a", "b"]))
            await asyncio.gather(*writes)
            return one.metrics.replays + two.metrics.replays

    assert asyncio.run(main()) == 0


def test_a_deadlock_between_undeclared_rows_is_replayed_and_nobody_notices(postgres_url):
    meet = threading.Barrier(2)
    tries = []

    def crosswise(first, second):
        def touch(conn):
            tries.append(first)
            put_setting(conn, first, "x")
            if len(tries) <= 2:
                meet.wait(5)
            put_setting(conn, second, "x")

        return touch

    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            await asyncio.gather(one.write(put("a")), one.write(put("b")))
            await asyncio.gather(one.write(crosswise("a", "b")), two.write(crosswise("b", "a")))
            return one.metrics.replays + two.metrics.replays

    assert asyncio.run(main()) >= 1
    assert len(tries) >= 3
