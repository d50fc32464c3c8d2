"""What every test may ask for: a database of its own, on SQLite or on PostgreSQL."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from gateway.engine.migrations import migrate
from gateway.observability.logs import Output
from tests.support.postgres import Postgres, PostgresMissing, server

# One seed for everything that is drawn, in all workers: they inherit it from the process that starts them.
os.environ.setdefault("GATEWAY_TEST_SEED", str(random.randrange(1, 10**6)))


def pytest_report_header() -> str:
    return f"seed of what is drawn: GATEWAY_TEST_SEED={os.environ['GATEWAY_TEST_SEED']}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated, empty database file."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The run's own server. Without the programs: an error in CI, a skip elsewhere."""
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp().parent / "postgres" if parallel else None
    try:
        with server(shared) as running:
            yield running
    except PostgresMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL is part of the suite: {missing}")
        pytest.skip(str(missing))


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: bytes) -> str:
    """A fresh SQLite database."""
    path = tmp_path / "gateway.db"
    path.write_bytes(sqlite_template)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each of the two databases in turn: what must hold on one must hold on the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """One plain line each, without tracebacks and their variables, to where a full disk stops nobody."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        logger_factory=lambda *_: Output(sys.stderr),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.configure(**before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no worker ends the run alone with them."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
