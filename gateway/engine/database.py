"""How a connection is made on SQLite and PostgreSQL, and which of its errors mean that the store is away."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import URL, Connection, event, exc
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.engine.clock import Clock, SystemClock
from gateway.errors import GatewayError, Misconfigured, Unavailable
from gateway.prepared import send_off

BUSY_SECONDS = 2.0  # how long a SQLite writer waits for another program that holds the file
# The page caches are small (KiB, of each connection): the operating system keeps the file's pages once for all of them.
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-2000")
# A frozen peer must not freeze everybody: its open transaction is ended and its locks fall within two seconds.
_PG_SETTINGS = {
    "idle_in_transaction_session_timeout": "2000",
    "lock_timeout": "1000",
    "statement_timeout": "5000",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
_PG_CONNECT = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}

# Primary result codes, sqlite.org/rescode.html: busy, locked, out of memory, read-only, I/O error, full, cannot open;
# and a file that is malformed or no database at all: no statement will pass until somebody has put it right.
_SQLITE_DAMAGED = frozenset({11, 26})
_SQLITE_AWAY = frozenset({5, 6, 7, 8, 10, 13, 14}) | _SQLITE_DAMAGED
# postgresql.org/docs/15/errcodes-appendix.html: connection lost, no resources (disk full, too many connections),
# operator intervention; 25006: a primary that became a standby; 25P03: our transaction idled too long (frozen).
_PG_AWAY_CLASSES = ("08", "53", "57P")
_PG_AWAY = frozenset({"25006", "25P03"})
_READ_ONLY = frozenset({sqlite3.SQLITE_READONLY, "25006"})
_PG_LOCKED = "55P03"  # lock timeout: somebody holds it, and everybody who comes by waits for him
# serialization failure, deadlock, statement timeout: this statement's own affair, on a store that others can use
_PG_GIVEN_UP = frozenset({"40001", "40P01", "57014"})
_PG_PASSING = _PG_GIVEN_UP | {_PG_LOCKED}  # the same closure may pass a moment later


class StoreUnavailable(Unavailable):
    """The database cannot be written or read now (full, locked, connection lost); it is tried again by itself."""

    def __init__(self, reason: str, *, code: str = "store_unavailable", what: str = "is unavailable") -> None:
        super().__init__(code, f"the gateway's database {what}: {reason}", retry_after=2.0)


class StoreBusy(StoreUnavailable):
    """
    The database takes statements, but gave this one up each time (too slow, deadlocks): callers may come back.

    It may do so for ever, so a job that meets it uses up an attempt, and dies where somebody can see it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason, code="store_busy", what="gave a statement up")


def parse(url: str) -> URL:
    """``sqlite:///path`` or ``postgresql://…`` with the driver this engine is written for."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        raise Misconfigured("database_unsupported", "database.url must be sqlite:///<file> or postgresql://…")
    return parsed.set(drivername="sqlite+pysqlite")


def engine(url: str, clock: Clock, *, readonly: bool = False, busy: float = BUSY_SECONDS, size: int = 1) -> sa.Engine:
    """An engine whose connections carry our pragmas or timeouts, and the clock (`gateway.engine.clock.now`)."""
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        made = sa.create_engine(
            parsed, creator=partial(_open, parsed), pool_size=size, max_overflow=size, hide_parameters=True
        )
    else:
        options = " ".join(f"-c {name}={value}" for name, value in _PG_SETTINGS.items())
        made = sa.create_engine(
            parsed,
            connect_args={**_PG_CONNECT, "options": options, "application_name": "stripe-gateway"},
            pool_size=size,
            max_overflow=size,
            hide_parameters=True,
            execution_options={"postgresql_readonly": True} if readonly else {},
        )
    _forget_at_begin(made)  # first: what a failed transaction left waiting must not be sent with the next BEGIN
    if parsed.get_backend_name() == "sqlite":
        _configure_sqlite(made, busy, readonly=readonly)

    @event.listens_for(made, "connect")
    def _(_raw: object, record: ConnectionPoolEntry) -> None:
        record.info["clock"] = clock

    @event.listens_for(made, "before_cursor_execute")
    def _(conn: Connection, *_: object) -> None:
        send_off(conn)

    return made


def _open(parsed: URL) -> sqlite3.Connection:
    """A file that is there: a mistyped path must not become a new, empty database. Only migrating makes one."""
    return sqlite3.connect(f"file:{quote(parsed.database or '')}?mode=rw", uri=True, check_same_thread=False)


def make_file(url: str) -> None:
    """The SQLite file and its folder, for nobody else to read; SQLite gives its log files the same mode."""
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)


def missing_file(url: str) -> Path | None:
    """The SQLite file, if there is none at that place."""
    parsed = parse(url)
    path = Path(parsed.database or "")
    return path if parsed.get_backend_name() == "sqlite" and not path.exists() else None


def _forget_at_begin(made: sa.Engine) -> None:
    @event.listens_for(made, "begin")
    def _(conn: Connection) -> None:
        for name in ("now", "locks", "company", "stirred"):  # what holds for one transaction only
            conn.info.pop(name, None)


def _configure_sqlite(made: sa.Engine, busy: float, *, readonly: bool) -> None:
    pragmas = (f"busy_timeout={int(busy * 1000)}", *_SQLITE_PRAGMAS, *(("query_only=ON",) if readonly else ()))

    @event.listens_for(made, "connect")
    def _(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # transactions begin where we say so, below
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def _(conn: Connection) -> None:
        conn.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def reason_away(error: BaseException, *, reading: bool = False) -> str | None:
    """Why the store as a whole is away, or None when the error is about one statement."""
    if isinstance(error, sqlite3.Error):  # raised while a connection is made: SQLAlchemy does not wrap these
        return str(error) if getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_AWAY else None
    if not isinstance(error, exc.DBAPIError):
        return None
    code = _code(error)
    if reading and code in _READ_ONLY:  # not the store's state but a reader's mistake
        return None
    return _words(error) if _is_away(error, code) else None


def reason_blocked(error: BaseException) -> str | None:
    """Why PostgreSQL let somebody wait in vain: a lock that another one holds."""
    return _words(error) if isinstance(error, exc.DBAPIError) and _code(error) == _PG_LOCKED else None


def busy(error: BaseException) -> StoreBusy | None:
    """What to tell where PostgreSQL gave a statement up that nobody's lock was in the way of."""
    if not isinstance(error, exc.DBAPIError) or _code(error) not in _PG_GIVEN_UP:
        return None
    told = StoreBusy(_words(error))
    told.__cause__ = error
    return told


def _words(error: exc.DBAPIError) -> str:
    return str(error.orig).strip().split("\n")[0]


def unavailable(error: BaseException, url: str) -> GatewayError | None:
    """The store's error for somebody who can act: what is away is tried again, a damaged file is the operator's."""
    original = error if isinstance(error, sqlite3.Error) else getattr(error, "orig", None)
    if getattr(original, "sqlite_errorcode", 0) & 0xFF in _SQLITE_DAMAGED:
        message = (
            f"{parse(url).database} is damaged, or no SQLite database at all ({original}): correct database.url, or "
            "restore the file from a backup"
        )
        return Misconfigured("database_damaged", message)
    reason = reason_away(error) or reason_blocked(error)
    return busy(error) if reason is None else StoreUnavailable(reason)


def _is_away(error: exc.DBAPIError, code: int | str | None) -> bool:
    if isinstance(code, int):
        return code & 0xFF in _SQLITE_AWAY
    if code is None:
        return error.connection_invalidated or isinstance(error, exc.OperationalError)
    return error.connection_invalidated or code in _PG_AWAY or code.startswith(_PG_AWAY_CLASSES)


def may_pass(error: BaseException) -> bool:
    """Whether the same closure may succeed when it is run again, alone."""
    if isinstance(error, exc.IntegrityError):
        return True
    return isinstance(error, exc.DBAPIError) and _code(error) in _PG_PASSING


def _code(error: exc.DBAPIError) -> int | str | None:
    original: Any = error.orig  # sqlite3 and psycopg share no base class with a code
    return getattr(original, "sqlite_errorcode", None) or getattr(original, "sqlstate", None)


def lock_file(url: str) -> IO[str] | None:
    """Hold the SQLite file for one server; raises Misconfigured when another has it. PostgreSQL needs none."""
    parsed = parse(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    path = Path(f"{parsed.database}.lock")
    path.touch(0o600)
    handle = path.open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        message = f"another gateway serves {parsed.database}: stop it, or use PostgreSQL for several processes"
        raise Misconfigured("database_in_use", message) from error
    return handle


@contextmanager
def transaction(url: str, *, clock: Clock | None = None, readonly: bool = False) -> Iterator[Connection]:
    """One transaction beside a running server: what a command line uses. Raises StoreUnavailable."""
    made = engine(url, clock or SystemClock(), readonly=readonly)
    try:
        with made.begin() as conn:
            yield conn
    except Exception as error:
        if known := unavailable(error, url):
            raise known from error
        raise
    finally:
        made.dispose()
