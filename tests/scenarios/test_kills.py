"""Real processes, killed with SIGKILL at named points of sending an invoice: it happens exactly once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from gateway.engine.database import transaction
from gateway.sandbox.identity import AUTOMATION
from gateway.sandbox.processes import Child
from gateway.sandbox.world import World
from tests.scenarios.mortal import WHERE, order
from tests.scenarios.playing import SOAK
from tests.scenarios.test_crash import AWAITED, POINTS, SOMETIMES
from tests.scenarios.test_processes import insist, judge, members, opportunities, wait
from tests.scenarios.verdict import left

PROJECT = Path(__file__).parents[2]
SOME = (
    "accepted",
    "planned",
    "Stripe POST /v1/customers",
    "step customer done",
    "Stripe POST /v1/invoices",
    "Stripe POST /v1/invoices/{id}/finalize",
    "step finalize done",
    "Stripe POST /v1/invoices/{id}/send",
    "action ended",
    "rows settled",
)  # those after which a row is written again 150 seconds later are left to the soak
MET = POINTS["send-invoice"] - SOMETIMES


@dataclass(frozen=True)
class Mortals:
    """A world whose gateway can be told where to die."""

    world: World
    order: Path
    database: str

    def rests(self) -> bool:
        with transaction(self.database, readonly=True) as conn:
            return not left(conn)


@pytest.fixture
def mortals(tmp_path: Path) -> Iterator[Mortals]:
    die_at, database = tmp_path / "die-at.json", f"sqlite:///{tmp_path / 'gateway.db'}"
    world = World(tmp_path, database=database)
    child = world.gateway
    child.command = ["tests.scenarios.mortal", *child.command[1:]]
    child.environment = {WHERE: str(die_at), "PYTHONPATH": str(PROJECT)}
    with world:
        yield Mortals(world, die_at, database)


def dies(mortals: Mortals, deal: tuple[str, str], key: str, point: str, *, after: bool) -> None:
    """A request is made, and its process killed there; whoever asked hears of it or does not."""
    child = mortals.world.gateway
    order(mortals.order, point, after=after)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asked_once, mortals.world, deal, key)
        wait(lambda: not child.alive, f"nobody died at {point}")
        asked.result()
    assert ended_by(child) == -signal.SIGKILL
    mortals.order.unlink()


def asked_once(world: World, deal: tuple[str, str], key: str) -> None:
    try:
        world.act("send-invoice", members(*deal), key=key, sub=AUTOMATION)
    except requests.RequestException:
        return  # nobody is there to answer


def ended_by(child: Child) -> int | None:
    assert child.process is not None
    return child.process.returncode


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_process_that_is_killed_at_a_named_point_leaves_exactly_one_invoice(
    mortals: Mortals, record_property: Callable[[str, object], None]
) -> None:
    points = sorted(MET) if SOAK else SOME
    deaths = [(point, True) for point in points] + [(point, False) for point in points if point in AWAITED]
    deals = opportunities(mortals.world, len(deaths), accounts=len(deaths))

    answers = []
    for n, ((point, after), deal) in enumerate(zip(deaths, deals, strict=True)):
        dies(mortals, deal, f"kill-{n}", point, after=after)
        mortals.world.gateway.start()
        answers.append(insist(mortals.world, "send-invoice", members(*deal), f"kill-{n}"))
        wait(mortals.rests, f"it never came to rest after {point}")

    record_property("kills", len(deaths))
    judge(mortals.world, deals, answers)
