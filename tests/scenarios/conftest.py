"""The lab, on each database. Whatever a gateway sends in it fits Stripe's own descriptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.lab import Lab
from tests.scenarios.requests_seen import misfits, sent_to_stripe


def lab_of(tmp_path: Path, url: str) -> Iterator[Lab]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Lab(folder, url)
    yield made
    found = misfits(sent_to_stripe(made.stripe_server))
    made.close()
    assert found == []


@pytest.fixture
def lab(tmp_path: Path, database_url: str) -> Iterator[Lab]:
    yield from lab_of(tmp_path, database_url)


@pytest.fixture
def sqlite_lab(tmp_path: Path, sqlite_url: str) -> Iterator[Lab]:
    yield from lab_of(tmp_path, sqlite_url)
