"""
A statement written in SQLAlchemy Core, compiled once, run on the driver itself.

SQLAlchemy's own execution costs five to ten times what SQLite then needs for the row (80 of 100 µs measured), and an
action is a dozen statements. Errors still arrive as SQLAlchemy's, without the parameters.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import ClauseElement, visitors

from gateway.prepared.company import Company, company_of, is_mergeable

Row = Any  # a named tuple of the statement's columns: dynamic by nature of the driver
Values = Mapping[str, Any]

_DIALECTS: dict[str, type[Dialect]] = {"sqlite": SQLiteDialect_pysqlite, "postgresql": PGDialect_psycopg}


class Prepared:
    """
    A statement, or one per dialect. Its parameters are `bindparam`s that all have to be given; lists and literals that
    SQLAlchemy renders at execution are not for this.
    """

    def __init__(self, statement: ClauseElement | Mapping[str, ClauseElement]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def first(self, conn: Connection, values: Values) -> Row | None:
        """The first row, or None."""
        rows = self.all(conn, values)
        return rows[0] if rows else None

    def scalar(self, conn: Connection, values: Values) -> Any:
        """The first column of the first row, or None."""
        rows = self.all(conn, values)
        return rows[0][0] if rows else None

    def all(self, conn: Connection, values: Values) -> list[Row]:
        """Every row. Raises SQLAlchemy's DBAPIError."""
        compiled = self._for(conn)
        try:
            # to the end: a statement left half-read would stay open until the commit
            cursor = compiled.execute(conn, values)
            return compiled.rows(cursor, cursor.fetchall())
        except Exception as error:
            raise _wrapped(conn, compiled.sql, error) from error

    def run(self, conn: Connection, values: Values) -> int:
        """Execute; how many rows it changed. Raises SQLAlchemy's DBAPIError."""
        compiled = self._for(conn)
        try:
            count: int = compiled.execute(conn, values).rowcount
        except Exception as error:
            raise _wrapped(conn, compiled.sql, error) from error
        return count

    def later(self, conn: Connection, values: Values) -> None:
        """Execute before the next statement that it may matter to, at the latest with the commit. Raises there."""
        compiled = self._for(conn)
        company = company_of(conn)
        if company is None:
            self.run(conn, values)
            return
        try:
            company.later(compiled, compiled.bind(values))
        except Exception as error:
            raise _wrapped(conn, compiled.sql, error) from error

    def run_many(self, conn: Connection, values: Iterable[Values]) -> None:
        """As `later`, for each of them."""
        for each in values:
            self.later(conn, each)

    def ask(self, conn: Connection, company: Company, values: Values) -> None:
        compiled = self._for(conn)
        company.ask(compiled, compiled.bind(values))

    def _for(self, conn: Connection) -> _Compiled:
        name = conn.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            statement = self._statement[name] if isinstance(self._statement, Mapping) else self._statement
            compiled = self._compiled[name] = _Compiled(statement, name)
        return compiled


Question = tuple[Prepared, Values]


def ask_ahead(conn: Connection, questions: Iterable[Question]) -> None:
    """These will be asked in this closure: one round trip answers them all, where statements cost one each."""
    company = company_of(conn)
    if company is not None:
        for prepared, values in questions:
            prepared.ask(conn, company, values)


def send_off(conn: Connection) -> None:
    """Run what waits for company, before a statement that knows nothing of it."""
    company = company_of(conn)
    if company is not None:
        _watched(conn, company.send)


def send_and_commit(conn: Connection, company: Company) -> None:
    """Run what still waits; on PostgreSQL the commit goes with it."""
    _watched(conn, company.commit)


def _watched(conn: Connection, send: Callable[[], None]) -> None:
    try:
        send()
    except Exception as error:
        raise _wrapped(conn, "", error) from error


class _Compiled:
    """The SQL, how values become its parameters, what its rows are called, which tables it turns on."""

    def __init__(self, statement: ClauseElement, dialect: str) -> None:
        compiled: Any = statement.compile(dialect=_DIALECTS[dialect]())
        self.sql: str = str(compiled)
        names: list[str] | None = compiled.positiontup
        fixed: dict[str, Any] = {name: bound.value for name, bound in compiled.binds.items() if not bound.required}
        self.bind = _by_name(fixed) if names is None else _by_place(names, fixed)
        self.tables = frozenset(
            found.name for found in visitors.iterate(statement) if isinstance(found, sa.TableClause)
        )
        self.changes = not isinstance(statement, sa.Select)
        self.mergeable = names is not None and is_mergeable(self.sql)
        self._made: Callable[[Iterable[Any]], Row] | None = None

    def execute(self, conn: Connection, values: Values) -> Any:
        """The driver's cursor."""
        company = company_of(conn)
        if company is None:
            return _driver(conn).execute(self.sql, self.bind(values))
        return (company.change if self.changes else company.execute)(self, self.bind(values))

    def rows(self, cursor: Any, found: list[Any]) -> list[Row]:
        if not found:
            return []
        if self._made is None:
            self._made = _row_type(tuple(column[0] for column in cursor.description))._make
        return [self._made(row) for row in found]


def _row_type(columns: Any) -> Any:
    """A named tuple whose names are known only when the first row arrives."""
    return namedtuple("Row", columns, rename=True)  # noqa: PYI024 - a class would need its fields written down


def _by_place(names: list[str], fixed: dict[str, Any]) -> Callable[[Values], Any]:
    if not fixed:
        return lambda values: [values[name] for name in names]
    return lambda values: [fixed[name] if name in fixed else values[name] for name in names]


def _by_name(fixed: dict[str, Any]) -> Callable[[Values], Any]:
    return lambda values: {**values, **fixed}


def _driver(conn: Connection) -> Any:
    """sqlite3's or psycopg's connection: both can `execute`, which no common type says."""
    return conn.connection.dbapi_connection


def _wrapped(conn: Connection, sql: str, error: Exception) -> Exception:
    """As SQLAlchemy would raise it, and never with the parameters: they are other people's data."""
    dialect: Any = conn.dialect
    if not isinstance(error, dialect.loaded_dbapi.Error):
        return error
    found: Exception = sa.exc.DBAPIError.instance(
        sql,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=dialect.is_disconnect(error, _driver(conn), None),
        dialect=dialect,
    )
    return found
