"""
Statements that nobody waits for travel with the next one whose answer is needed, or with the commit.

On PostgreSQL they share a round trip (a pipeline, in order). On SQLite the rows of one INSERT share a statement: each
one costs a hand-over of the interpreter between the writer's thread and the loop, which is more than the row itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Connection

_KEY = "company"  # in ``Connection.info``
_ROW = re.compile(r"\bVALUES (\(\?(?:, \?)*\))")
_MOST_ROWS = 32  # of one statement; smaller powers of two follow, so that few different texts are ever prepared


class Sql(Protocol):
    """A compiled statement: its text, and the tables by whose rows its place among others is decided."""

    @property
    def sql(self) -> str: ...
    @property
    def tables(self) -> frozenset[str]: ...
    @property
    def mergeable(self) -> bool: ...


class Company:
    """Of one transaction. ``driver`` is sqlite3's or psycopg's connection, which have no common type."""

    def __init__(self, driver: Any, *, pipelined: bool) -> None:
        self._driver = driver
        self._pipelined = pipelined
        self._waiting: list[tuple[Sql, Any]] = []
        self._tables: set[str] = set()
        self._questions: list[tuple[Sql, Any]] = []
        self._answers: dict[tuple[Any, ...], tuple[Sql, Any]] = {}

    def later(self, statement: Sql, bound: Any) -> None:
        """Run it with what comes next; at once where that saves nothing."""
        self._outdate(statement.tables)
        if self._pipelined or statement.mergeable:
            self._waiting.append((statement, bound))
            self._tables |= statement.tables
        else:
            self.execute(statement, bound)

    def ask(self, statement: Sql, bound: Any) -> None:
        """Have this question, which will be asked, answered in the round trip of the first one that is."""
        if self._pipelined:
            self._questions.append((statement, bound))

    def execute(self, statement: Sql, bound: Any) -> Any:
        """A cursor with the answer, after everything that it may depend on."""
        if not self._pipelined:
            if self._waiting and (not statement.tables or not self._tables.isdisjoint(statement.tables)):
                self.send()
            return self._driver.execute(statement.sql, bound)
        known = self._answers.pop(_key(statement, bound), None) if self._answers else None
        return self._ask(statement, bound) if known is None else known[1]

    def change(self, statement: Sql, bound: Any) -> Any:
        """As `execute`, for one that changes rows: answers that it may outdate are forgotten."""
        self._outdate(statement.tables)
        return self.execute(statement, bound)

    def forget(self) -> None:
        """Another closure begins: what the one before wanted to know is of no use to it."""
        self._questions.clear()
        self._answers.clear()

    def send(self) -> None:
        """Run what waits, now."""
        self._answers.clear()
        waiting = self._taken()
        if not self._pipelined:
            for sql, rows in _merged(waiting):
                self._driver.execute(sql, rows)
        elif waiting:
            with self._driver.pipeline():
                self._run(waiting)

    def commit(self) -> None:
        """Run what waits and, on PostgreSQL, commit in the same round trip."""
        if self._pipelined and self._waiting:
            with self._driver.pipeline():
                self._run(self._taken())
                self._driver.commit()
        else:
            self.send()

    def _ask(self, statement: Sql, bound: Any) -> Any:
        """Everything that waits, every question announced, and this one among them: one round trip."""
        if not self._waiting and not self._questions:
            return self._driver.execute(statement.sql, bound)
        asked, self._questions = self._questions, []
        wanted = _key(statement, bound)
        with self._driver.pipeline():
            self._run(self._taken())
            for question, values in asked:
                self._answers[_key(question, values)] = (question, self._driver.execute(question.sql, values))
            known = self._answers.pop(wanted, None)
            return self._driver.execute(statement.sql, bound) if known is None else known[1]

    def _run(self, statements: Iterable[tuple[Sql, Any]]) -> None:
        cursor = self._driver.cursor()
        for statement, bound in statements:
            cursor.execute(statement.sql, bound)

    def _taken(self) -> list[tuple[Sql, Any]]:
        waiting, self._waiting = self._waiting, []
        self._tables.clear()
        return waiting

    def _outdate(self, tables: frozenset[str]) -> None:
        if self._answers:
            self._answers = {
                key: known for key, known in self._answers.items() if tables and known[0].tables.isdisjoint(tables)
            }


def keep_company(conn: Connection) -> Company:
    """From now on, until this transaction ends, statements of this connection may wait for company."""
    driver = conn.connection.dbapi_connection
    company = conn.info[_KEY] = Company(driver, pipelined=conn.dialect.name == "postgresql")
    return company


def company_of(conn: Connection) -> Company | None:
    """The company of the transaction under way, if its statements may wait."""
    found: Company | None = conn.info.get(_KEY)
    return found


def _key(statement: Sql, bound: Any) -> tuple[Any, ...]:
    return (statement, *bound.values())


def _merged(waiting: Sequence[tuple[Sql, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """One statement for many rows; the order within a table stays, because only INSERTs into it wait."""
    rows: dict[Sql, list[Any]] = {}
    for statement, bound in waiting:
        rows.setdefault(statement, []).append(bound)
    for statement, bounds in rows.items():
        start = 0
        while start < len(bounds):
            size = min(_MOST_ROWS, 1 << ((len(bounds) - start).bit_length() - 1))
            yield _for_rows(statement.sql, size), [*chain.from_iterable(bounds[start : start + size])]
            start += size


@lru_cache(256)
def _for_rows(sql: str, count: int) -> str:
    return _ROW.sub(lambda row: "VALUES " + ", ".join([row[1]] * count), sql)


def is_mergeable(sql: str) -> bool:
    """Whether more rows can follow the first: a plain INSERT of nothing but parameters that returns nothing."""
    return sql.startswith("INSERT") and _ROW.search(sql) is not None and "RETURNING" not in sql
