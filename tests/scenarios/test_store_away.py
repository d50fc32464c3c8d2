"""The database locked or its disk full, seen over HTTP: callers come back, nothing accepted is lost or done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.sandbox.identity import AUTOMATION
from gateway.sandbox.wire import Server
from tests.scenarios.conftest import lab_of
from tests.scenarios.lab import PATIENCE, Lab
from tests.scenarios.test_http import Caller, started
from tests.support.away import TakenAway, disk_full, locked, server_full, table_locked

WAYS: dict[str, TakenAway] = {
    "sqlite-locked": locked,
    "sqlite-full": disk_full,
    "postgres-locked": table_locked("action"),
    "postgres-full": server_full,
}
MARKS = {name: [pytest.mark.postgres] if name.startswith("postgres") else [] for name in WAYS}


@pytest.fixture(params=[pytest.param(name, marks=marks) for name, marks in MARKS.items()])
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Lab, TakenAway]]:
    """A world, and what takes its gateway's database away."""
    url: str = request.getfixturevalue(f"{request.param.partition('-')[0]}_url")
    with contextmanager(lab_of)(tmp_path, url) as lab:
        yield lab, WAYS[request.param]


def eventually(asked: Callable[[], requests.Response], holds: Callable[[requests.Response], bool]) -> requests.Response:
    """What is answered as soon as it holds."""
    end = time.monotonic() + PATIENCE
    while not holds(answer := asked()):
        assert time.monotonic() < end, f"it never came to that: {answer.status_code} {answer.text}"
        time.sleep(0.1)
    return answer


@pytest.mark.usefixtures("plain_logs")
def test_callers_are_told_to_come_back_and_what_was_accepted_is_done_once(away: tuple[Lab, TakenAway]) -> None:
    lab, taken_away = away
    other = next(record for record in lab.opportunities.values() if record != lab.fleet)

    with Server(started(lab)) as server:
        caller = Caller(lab, server.url)

        def send(record: str, **headers: str) -> requests.Response:
            body = lab.invoice_members(record_id=record)
            return caller("POST", "/v1/actions/send-invoice", body, sub=AUTOMATION, **headers)

        def state() -> requests.Response:
            return caller("GET", accepted.headers["Location"], sub=AUTOMATION)

        customer: dict[str, Any] = {"record_id": lab.account, "recipient_email": "accounts@harborcycles.example"}
        assert caller("POST", "/v1/actions/create-customer", customer, Idempotency_Key="c").json()["success"]
        lab.fault("stripe", "slow", "/v1/invoices", method="POST", seconds=2.0)
        accepted = send(lab.fleet, Idempotency_Key="before", Prefer="respond-async")
        while lab.control("stripe", "GET", "faults"):  # until Stripe is at work on it
            time.sleep(0.02)
        with taken_away(lab.database):
            refused = [send(other, Idempotency_Key="meanwhile") for _ in range(2)]
            unready = eventually(lambda: caller("GET", "/readyz"), lambda answer: answer.status_code == 503)
        ready = eventually(lambda: caller("GET", "/readyz"), lambda answer: answer.status_code == 200)
        ended = eventually(state, lambda answer: answer.json()["status"] not in {"queued", "pending"})
        again = send(other, Idempotency_Key="meanwhile")

    assert accepted.status_code == 202
    assert [(each.status_code, each.json()["error_code"]) for each in refused] == [(503, "store_unavailable")] * 2
    assert [each.headers["Retry-After"] for each in refused] == ["2", "2"]
    assert refused[0].json()["retryable"] is True
    assert (unready.headers["Retry-After"], unready.json()["problems"]) == ("2", ["database"])
    assert ready.json()["problems"] == []
    assert (ended.json()["status"], again.json()["status"]) == ("succeeded", "succeeded"), (ended.text, again.text)
    for answer, record in ((ended, lab.fleet), (again, other)):
        assert [x["id"] for x in lab.of_record("invoice", record)] == [answer.json()["stripe_id"]]
