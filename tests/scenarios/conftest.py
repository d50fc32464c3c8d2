"""
The lab, on each database, and in the org that fights back.

What a story is about decides where it runs: on the plain org with every database it names, on the hostile one with
SQLite. Kills and matrices stay with the plain org, and so does what is marked ``plain`` because no org has a part in
it. Whatever a gateway sends in a story fits Stripe's own descriptions, and at the end of each hostile one
`hostile.judge` says whether all is well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.hostile import judge
from tests.scenarios.lab import Lab
from tests.scenarios.requests_seen import misfits, sent_to_stripe

HOSTILE = "hostile"
WORLDS = {  # fixture → what it is parametrised with, by way of `world`
    "lab": ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    "sqlite_lab": [pytest.param("sqlite", id=pytest.HIDDEN_PARAM)],
}


def lab_of(tmp_path: Path, url: str, profile: str = "plain") -> Iterator[Lab]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Lab(folder, url, profile=profile)
    try:
        yield made
        found = misfits(sent_to_stripe(made.stripe_server))
        if profile == HOSTILE:
            asyncio.run(judge(made))
    finally:
        made.close()
    assert found == []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    made = [WORLDS[name] for name in WORLDS if name in metafunc.fixturenames]
    if "world" not in metafunc.fixturenames or not made:
        return
    plain = metafunc.definition.get_closest_marker("plain") is not None
    metafunc.parametrize("world", made[0] if plain else [*made[0], HOSTILE], indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    name = request.param
    url: str = request.getfixturevalue("postgres_url" if name == "postgres" else "sqlite_url")
    yield from lab_of(tmp_path, url, HOSTILE if name == HOSTILE else "plain")


@pytest.fixture
def lab(world: Lab) -> Lab:
    return world


@pytest.fixture
def sqlite_lab(world: Lab) -> Lab:
    return world


@pytest.fixture
def postgres_lab(tmp_path: Path, postgres_url: str) -> Iterator[Lab]:
    yield from lab_of(tmp_path, postgres_url)


@pytest.fixture
def hostile(tmp_path: Path, sqlite_url: str) -> Iterator[Lab]:
    """The hostile org alone, for what only it can show."""
    yield from lab_of(tmp_path, sqlite_url, HOSTILE)
