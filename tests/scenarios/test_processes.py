"""Real processes, really killed: nothing accepted is lost, nothing is done twice, whoever is left goes on."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from gateway.sandbox.browser import pay_invoice
from gateway.sandbox.identity import AUTOMATION
from gateway.sandbox.processes import Child
from gateway.sandbox.world import World
from tests.scenarios.playing import SEED, SOAK

KILLS = 60 if SOAK else 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


@pytest.fixture
def alone(tmp_path: Path, database_url: str) -> Iterator[World]:
    """One gateway, on each database."""
    with World(tmp_path, database=database_url) as world:
        yield world


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    """Two gateways on one PostgreSQL."""
    with World(tmp_path, database=postgres_url, gateways=2) as world:
        yield world


def opportunities(world: World, count: int, *, accounts: int = 1) -> list[tuple[str, str]]:
    """Fresh records: (opportunity, account)."""

    def plant(sobject: str, fields: dict[str, Any]) -> str:
        made = world.control(world.salesforce, "POST", "records", {"sobject": sobject, "fields": fields})
        return str(made["id"])

    owners = [plant("Account", {"Name": f"Load {n}"}) for n in range(accounts)]
    common = {"StageName": "Prospecting", "CloseDate": "2026-12-31"}
    deals = zip(range(count), itertools.cycle(owners), strict=False)
    return [(plant("Opportunity", {"Name": f"Deal {n}", "AccountId": owner, **common}), owner) for n, owner in deals]


def members(opportunity: str, account: str) -> dict[str, Any]:
    return {
        "record_id": opportunity,
        "account_id": account,
        "recipient_email": "load@example.com",
        "currency": "USD",
        "lines": [{"description": "Load", "quantity": 2, "unit_price": "19.90"}],
    }


def insist(
    world: World, name: str, body: dict[str, Any], key: str, *, sub: str = AUTOMATION, patience: float = 240.0,
    first: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """What a caller does: the same request with the same key until there is an end."""
    until = time.monotonic() + patience
    gateways = itertools.cycle([*world.gateways[first:], *world.gateways[:first]])
    while time.monotonic() < until:
        try:
            answer = world.act(name, body, key=key, sub=sub, gateway=next(gateways), timeout=20)
        except requests.RequestException:
            time.sleep(0.05)
            continue
        if answer.status_code == 200 or answer.status_code in {404, 409, 422}:
            found: dict[str, Any] = answer.json()
            return found
        time.sleep(0.1)
    raise AssertionError(f"no end for {key}")


def wait(holds: Callable[[], bool], what: str, patience: float = 180.0) -> None:
    until = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def written_back(world: World, deals: list[tuple[str, str]]) -> bool:
    numbers = {x["metadata"]["sf_record_id"]: x["number"] for x in world.stripe_objects("invoice")}
    rows = {row["Id"]: row.get("Stripe_Invoice_Number__c") for row in world.records("Opportunity")}
    return all(rows[record] is not None and rows[record] == numbers.get(record) for record, _ in deals)


def killing(world: World, times: int, rng: random.Random, done: threading.Event) -> int:
    """Kill one gateway after the other at random moments, and start it again."""
    for n in range(times):
        if done.wait(rng.uniform(0.2, 1.5)):
            return n
        victim = world.gateways[n % len(world.gateways)]
        victim.kill()
        victim.start()
    return times


def load_and_kill(world: World, deals: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Requests keep coming until all the kills have happened, and every one is insisted on."""
    rng, done = random.Random(SEED), threading.Event()
    print(f"seed {SEED}")  # noqa: T201 - shown when the test fails
    answers: list[dict[str, Any]] = []
    queue = iter(enumerate(deals))
    lock = threading.Lock()
    kills: list[int] = []
    killer = threading.Thread(target=lambda: kills.append(killing(world, KILLS, rng, done)))
    killer.start()

    def caller() -> None:
        while killer.is_alive():
            with lock:
                n, deal = next(queue, (None, None))
            if deal is None:
                return
            answer = insist(world, "send-invoice", members(*deal), f"load-{n}")
            with lock:
                answers.append(answer)
            time.sleep(0.3)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(caller) for _ in range(8)]:
            future.result()
    killer.join()
    assert kills == [KILLS], "the load ended before the kills"
    return answers


def judge(world: World, deals: list[tuple[str, str]], answers: list[dict[str, Any]]) -> None:
    assert [a for a in answers if not a["success"]] == []
    asked = {a["record_id"] for a in answers}
    made: dict[str, list[str]] = {}
    for invoice in world.stripe_objects("invoice"):
        made.setdefault(invoice["metadata"]["sf_record_id"], []).append(invoice["status"])
    assert {record: made.get(record) for record in asked} == {key: ["open"] for key in asked}
    assert len(world.stripe_objects("customer")) == len({account for _, account in deals})
    wait(lambda: written_back(world, [deal for deal in deals if deal[0] in asked]), "the records never followed")


def test_many_kills_under_load_lose_nothing_and_double_nothing(
    sqlite_world: World, record_property: Callable[[str, object], None]
) -> None:
    deals = opportunities(sqlite_world, 2500, accounts=3)

    answers = load_and_kill(sqlite_world, deals)

    record_property("kills", KILLS)
    assert len(answers) >= KILLS
    judge(sqlite_world, deals, answers)


def test_two_processes_survive_many_kills_of_each_other(
    pair: World, record_property: Callable[[str, object], None]
) -> None:
    deals = opportunities(pair, 2500, accounts=3)

    answers = load_and_kill(pair, deals)

    record_property("kills", KILLS)
    assert len(answers) >= KILLS
    judge(pair, deals, answers)


def test_two_hundred_opportunities_of_one_new_account_share_one_customer(pair: World) -> None:
    deals = opportunities(pair, 200)
    killer = threading.Timer(1.0, pair.gateways[1].kill)
    killer.start()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda d: insist(pair, "send-invoice", members(*d), f"one-{d[0]}"), deals))

    killer.join()
    assert all(a["success"] for a in answers), [a for a in answers if not a["success"]][:3]
    assert len(pair.stripe_objects("customer")) == 1
    assert len(pair.stripe_objects("invoice")) == 200
    wait(lambda: written_back(pair, deals), "the records never followed")


def test_two_hundred_random_refunds_over_two_processes_never_exceed_what_was_paid(pair: World) -> None:
    rng = random.Random(SEED)
    print(f"seed {SEED}")  # noqa: T201 - shown when the test fails
    [(deal, account)] = opportunities(pair, 1)
    sent = insist(
        pair, "send-invoice", {**members(deal, account), "lines": [{"description": "Big", "amount": "500.00"}]}, "big"
    )
    pay_invoice(sent["url"])
    amounts = [f"{rng.randint(50, 2500) / 100:.2f}" for _ in range(200)]

    def refund(n: int) -> dict[str, Any]:
        body = {"record_id": deal, "invoice": sent["stripe_id"], "amount": amounts[n]}
        return pair.act("refund-payment", body, key=f"refund-{n}", gateway=pair.gateways[n % 2], timeout=120).json()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(refund, range(200)))

    def ended() -> list[dict[str, Any]]:
        return [pair.state(a["action_id"]) for a in answers]

    wait(lambda: all(a["status"] in {"succeeded", "rejected"} for a in ended()), "refunds never ended")
    refunds = pair.stripe_objects("refund")
    assert sum(r["amount"] for r in refunds) <= 50000
    assert sum(r["amount"] for r in refunds) > 50000 - 2500
    assert {a["stripe_id"] for a in ended() if a["success"]} == {r["id"] for r in refunds}
    assert {a["error_code"] for a in ended() if not a["success"]} <= {"refund_too_large", "nothing_to_refund"}


def freeze_at_work(child: Child, database: str) -> None:
    """Stop it at a moment when it is on record as running jobs."""

    def caught() -> bool:
        child.freeze()
        time.sleep(0.5)  # what it has told PostgreSQL already is done by then
        with psycopg.connect(database) as conn:
            mine = "SELECT 1 FROM job JOIN node ON job.node = node.id WHERE job.state = 'running' AND node.pid = %s"
            if child.process and conn.execute(mine, (child.process.pid,)).fetchone():
                return True
        child.thaw()
        return False

    wait(caught, "it was never at work")


def test_a_frozen_process_is_taken_over_and_does_nothing_twice_when_it_thaws(pair: World, postgres_url: str) -> None:
    deals = opportunities(pair, 40)
    insist(pair, "send-invoice", members(*deals[0]), "warm")
    pair.control(pair.stripe, "POST", "latency", {"seconds": 0.3})
    survivor, frozen = pair.gateways
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(insist, pair, "send-invoice", members(*deal), f"frozen-{n}", first=n % 2)
            for n, deal in enumerate(deals[1:])
        ]
        freeze_at_work(frozen, postgres_url)
        wait(lambda: "liveness.taken_over" in survivor.log.read_text(), "its jobs were not taken over")
        frozen.thaw()
        answers = [future.result() for future in asked]

    assert all(a["success"] for a in answers)
    assert len(pair.stripe_objects("invoice")) == len(deals)
    wait(lambda: written_back(pair, deals), "the records never followed")
    wait(lambda: "liveness.reborn" in frozen.log.read_text(), "it never learnt that it counts as dead")


def test_sigterm_under_load_answers_or_keeps_everything_and_ends_in_time(alone: World) -> None:
    deals = opportunities(alone, 60)
    insist(alone, "send-invoice", members(*deals[0]), "warm")
    alone.control(alone.stripe, "POST", "latency", {"seconds": 0.1})
    statuses: list[int] = []

    def ask(n: int) -> None:
        try:
            statuses.append(alone.act("send-invoice", members(*deals[n]), key=f"term-{n}", sub=AUTOMATION).status_code)
        except requests.RequestException:
            statuses.append(0)

    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(ask, n) for n in range(1, 60)]
        time.sleep(0.7)
        status = alone.gateway.stop(grace=25)
        for future in futures:
            future.result()
    log = alone.gateway.log.read_text()
    alone.gateway.start()

    assert status in {0, -15}  # the server ends by the very signal, after everything is put away
    assert "Traceback" not in log
    assert 500 not in statuses
    answers = [insist(alone, "send-invoice", members(*deals[n]), f"term-{n}") for n in range(1, 60)]
    assert all(a["success"] for a in answers)
    assert len(alone.stripe_objects("invoice")) == 60
