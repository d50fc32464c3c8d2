"""The lab, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.lab import Lab


@pytest.fixture
def lab(tmp_path: Path, database_url: str) -> Iterator[Lab]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Lab(folder, database_url)
    yield made
    made.close()


@pytest.fixture
def sqlite_lab(tmp_path: Path, sqlite_url: str) -> Iterator[Lab]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Lab(folder, sqlite_url)
    yield made
    made.close()


@pytest.fixture
def postgres_lab(tmp_path: Path, postgres_url: str) -> Iterator[Lab]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Lab(folder, postgres_url)
    yield made
    made.close()
