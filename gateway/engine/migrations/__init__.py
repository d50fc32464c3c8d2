"""The schema's history (Alembic). ``HEAD`` is compared at start without importing Alembic, which takes 0.1 s."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from gateway.engine import database
from gateway.engine.clock import SystemClock
from gateway.engine.database import unavailable
from gateway.errors import Misconfigured

HEAD = "0002"
_PLACE = Path(__file__).parent


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to ``revision``, making the SQLite file (and its folder) if there is none."""
    from alembic import command
    from alembic.config import Config

    database.make_file(url)
    made = database.engine(url, SystemClock())
    config = Config()
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    try:
        with made.begin() as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, revision)
    except Exception as error:
        if known := unavailable(error, url):
            raise known from error
        raise
    finally:
        made.dispose()


def current(url: str) -> str | None:
    """The revision the database stands at; None for an empty one or none. Raises StoreUnavailable, Misconfigured."""
    if database.missing_file(url):
        return None
    made = database.engine(url, SystemClock(), readonly=True)
    try:
        with made.connect() as conn:
            if not sa.inspect(conn).has_table("alembic_version"):
                return None
            revision: str | None = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return revision
    except Exception as error:
        if known := unavailable(error, url):
            raise known from error
        raise
    finally:
        made.dispose()


def require_current(url: str) -> None:
    """Raises Misconfigured when the database is not at this version's revision."""
    if missing := database.missing_file(url):
        message = f"there is no database at {missing}: correct database.url, or make one with `gateway db migrate`"
        raise Misconfigured("database_not_migrated", message)
    found = current(url)
    if found != HEAD:
        message = f"the database is at revision {found or 'none'}, this version needs {HEAD}: run `gateway db migrate`"
        raise Misconfigured("database_not_migrated", message)
