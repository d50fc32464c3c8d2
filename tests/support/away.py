"""What takes a database away from the gateway, each for as long as its block lasts."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from psycopg import sql

from gateway.engine.schema import metadata

TakenAway = Callable[[str], AbstractContextManager[None]]


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another program holds the file's write lock."""
    conn = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        conn.execute("ROLLBACK")
        conn.close()


@contextmanager
def disk_full(_: str) -> Iterator[None]:
    """No file of this process may grow beyond what it has: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def refused(url: str) -> Iterator[None]:
    """PostgreSQL has lost its connections and lets nobody in."""
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(url.replace(name, "postgres"), autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def table_locked(*tables: str) -> TakenAway:
    """Somebody alters these tables of PostgreSQL, or has locked them and gone to lunch."""

    @contextmanager
    def held(url: str) -> Iterator[None]:
        with psycopg.connect(url) as conn:
            for table in tables:
                conn.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
            try:
                yield
            finally:
                conn.rollback()

    return held


@contextmanager
def server_full(url: str) -> Iterator[None]:
    """PostgreSQL answers every change with what it says, and the code it gives, when its disk is full."""
    tables = [sql.Identifier(name) for name in metadata.tables]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
            "'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        for table in tables:
            made = "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON {} EXECUTE FUNCTION no_space()"
            conn.execute(sql.SQL(made).format(table))
        try:
            yield
        finally:
            for table in tables:  # one by one: all at once might meet the gateway's own locks in a circle
                conn.execute(sql.SQL("DROP TRIGGER full_disk ON {}").format(table))
            conn.execute("DROP FUNCTION no_space")
