"""One simulator a file, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stripe_sim import StripeSim, stripe_sim


@pytest.fixture(scope="module")
def running() -> Iterator[StripeSim]:
    with stripe_sim() as sim:
        yield sim


@pytest.fixture
def sim(running: StripeSim) -> StripeSim:
    running.control("/reset")
    return running
