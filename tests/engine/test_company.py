"""Statements that wait for company, on both databases: nobody notices that they waited."""

import asyncio
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.exc import IntegrityError

from gateway import audit
from gateway.engine.database import transaction
from gateway.engine.schema import setting
from gateway.engine.settings import get_setting, put_setting
from gateway.prepared import Prepared, ask_ahead, keep_company, send_and_commit
from tests.support.engine import opened

INSERT = Prepared(setting.insert().values(name=bindparam("name"), value=bindparam("value")))
UPDATE = Prepared(setting.update().where(setting.c.name == bindparam("b_name")).values(value=bindparam("b_value")))
VALUE = Prepared(sa.select(setting.c.value).where(setting.c.name == bindparam("name")))
COUNT = Prepared(sa.select(sa.func.count()).select_from(setting).where(setting.c.name.like(bindparam("like"))))


def insert(conn, name, value="x"):
    INSERT.later(conn, {"name": name, "value": value})


def value_of(conn, name):
    return VALUE.scalar(conn, {"name": name})


def test_what_waits_is_seen_by_whoever_asks_for_it(database_url):
    def write(conn):
        insert(conn, "a", "1")
        return value_of(conn, "a"), get_setting(conn, "a")  # ours, and one of SQLAlchemy's own

    async def main():
        async with opened(database_url) as store:
            return await store.write(write)

    assert asyncio.run(main()) == ("1", "1")


def test_what_waited_to_the_end_is_committed(database_url):
    async def main():
        async with opened(database_url) as store:
            await store.write(lambda conn: [insert(conn, f"n{n}", str(n)) for n in range(77)])
            return await store.read(lambda conn: COUNT.scalar(conn, {"like": "n%"}))

    assert asyncio.run(main()) == 77


def test_an_update_finds_the_row_that_was_inserted_just_before(database_url):
    def write(conn):
        UPDATE.later(conn, {"b_name": "other", "b_value": "y"})
        insert(conn, "a", "1")
        UPDATE.later(conn, {"b_name": "a", "b_value": "2"})
        insert(conn, "b", "3")
        UPDATE.later(conn, {"b_name": "b", "b_value": "4"})

    async def main():
        async with opened(database_url) as store:
            await store.write(write)
            return await store.read(lambda conn: (value_of(conn, "a"), value_of(conn, "b")))

    assert asyncio.run(main()) == ("2", "4")


def test_an_insert_that_fails_when_it_is_sent_fails_its_own_closure_only(database_url):
    async def main():
        async with opened(database_url) as store:
            writes = [store.write(lambda conn, name=name: insert(conn, name)) for name in ("a", "b", "a", "c")]
            answers = await asyncio.gather(*writes, return_exceptions=True)
            return answers, await store.read(lambda conn: COUNT.scalar(conn, {"like": "_"}))

    answers, count = asyncio.run(main())

    assert [type(answer) for answer in answers] == [type(None), type(None), IntegrityError, type(None)]
    assert count == 3


def test_a_closure_that_fails_takes_what_it_left_waiting_with_it(database_url):
    def fails(conn):
        insert(conn, "half")
        raise ValueError("no")

    async def main():
        async with opened(database_url) as store:
            writes = [store.write(lambda conn: insert(conn, "a")), store.write(fails)]
            await asyncio.gather(*writes, return_exceptions=True)
            return await store.read(lambda conn: (value_of(conn, "a"), value_of(conn, "half")))

    assert asyncio.run(main()) == ("x", None)


def test_an_answer_given_ahead_is_forgotten_when_its_table_changes(database_url):
    def write(conn):
        ask_ahead(conn, [(VALUE, {"name": "a"}), (VALUE, {"name": "b"})])
        before = value_of(conn, "b")
        insert(conn, "a", "1")
        between = value_of(conn, "a")
        UPDATE.run(conn, {"b_name": "a", "b_value": "2"})
        ask_ahead(conn, [(VALUE, {"name": "a"}), (VALUE, {"name": "c"})])
        value_of(conn, "c")
        put_setting(conn, "a", "3")  # SQLAlchemy's own execution
        return before, between, value_of(conn, "a")

    async def main():
        async with opened(database_url) as store:
            return await store.write(write)

    assert asyncio.run(main()) == (None, "1", "3")


def test_questions_of_one_closure_are_no_answers_for_the_next(database_url):
    async def main():
        async with opened(database_url) as store:
            first = store.write(lambda conn: ask_ahead(conn, [(VALUE, {"name": "a"})]) or value_of(conn, "b"))
            second = store.write(lambda conn: put_setting(conn, "a", "1") or value_of(conn, "a"))
            return await asyncio.gather(first, second)

    assert asyncio.run(main()) == [None, "1"]


@contextmanager
def counted(conn):
    """The statements and pipelines that reach the driver."""
    sent = []

    class Driver:
        def __init__(self, driver):
            self._driver = driver

        def __getattr__(self, name):
            return getattr(self._driver, name)

        def execute(self, sql, bound):
            sent.append(sql)
            return self._driver.execute(sql, bound)

    company = keep_company(conn)
    company._driver = Driver(company._driver)
    yield company, sent


def test_rows_of_one_table_share_a_statement_on_sqlite(tmp_path):
    from gateway.engine.migrations import migrate

    url = f"sqlite:///{tmp_path}/company.db"
    migrate(url)

    with transaction(url) as conn, counted(conn) as (company, sent):
        for n in range(11):
            audit.record(conn, org="o", actor="a", act="x", ref=str(n), at=1.0)
            insert(conn, f"n{n}")
        send_and_commit(conn, company)
        rows = conn.exec_driver_sql("SELECT ref FROM audit ORDER BY seq").scalars().all()

    assert len(sent) == 6  # eight, two and one of each table
    assert rows == [str(n) for n in range(11)]
