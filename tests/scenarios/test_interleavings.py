"""Random interleavings: requests, repeats, crashes, faults, outages and clocks that jump. One invoice per record."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from gateway.app import Gateway
from gateway.engine.clock import SystemClock
from gateway.engine.migrations import migrate
from tests.scenarios.lab import MACHINE, Lab, ask, drop, until

KINDS = ("drop_before", "drop_after", "truncated", "http_500", "http_500_cached", "http_429", "http_503", "html_200")
PATHS = ("/v1/customers", "/v1/invoices", "/v1/invoices/*/add_lines", "/v1/invoices/*/finalize", "/v1/invoices/*/send")


class Interleavings(RuleBasedStateMachine):
    """One gateway that comes and goes, three records, and a world that misbehaves."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="interleavings-"))
        self.loop = asyncio.new_event_loop()
        self.lab: Lab | None = None
        self.gateway: Gateway | None = None
        self.asked: dict[str, str] = {}
        self.offset = 0.0

    @initialize()
    def world(self) -> None:
        database = f"sqlite:///{self.folder / 'gateway.db'}"
        migrate(database)
        self.lab = Lab(self.folder, database)
        self.records = list(self.lab.opportunities.values())
        self._boot()

    def _boot(self) -> None:
        assert self.lab is not None
        self.gateway = self.loop.run_until_complete(self.lab.boot())
        self._move_clock()

    def _move_clock(self) -> None:
        assert self.gateway is not None
        assert isinstance(self.gateway.tools.clock, SystemClock)
        self.gateway.tools.clock.offset = self.offset

    def _ask(self, record: str, wait: float) -> bool:
        assert self.lab is not None
        assert self.gateway is not None
        members = self.lab.invoice_members(record_id=record)
        key = self.asked.setdefault(record, f"key-{record}")
        answer = self.loop.run_until_complete(
            ask(self.gateway, "send-invoice", members, key=key, caller=MACHINE, wait=wait)
        )
        return bool(answer.envelope["success"])

    @rule(n=st.integers(0, 2), wait=st.sampled_from([0.0, 0.05, 1.0]))
    def submit_or_repeat(self, n: int, wait: float) -> None:
        self._ask(self.records[n], wait)

    @rule(kind=st.sampled_from(KINDS), path=st.sampled_from(PATHS))
    def stripe_misbehaves(self, kind: str, path: str) -> None:
        assert self.lab is not None
        self.lab.fault("stripe", kind, path, method="POST")

    @rule(upstream=st.sampled_from(["stripe", "salesforce"]))
    def outage(self, upstream: str) -> None:
        assert self.lab is not None
        self.lab.control(upstream, "POST", "outage", {"down": True})

    @rule()
    def recovery(self) -> None:
        self._recover()

    @rule(seconds=st.sampled_from([-90.0, 30.0, 400.0]))
    def clock_jumps(self, seconds: float) -> None:
        self.offset += seconds
        self._move_clock()

    @precondition(lambda self: self.gateway is not None)
    @rule()
    def crash(self) -> None:
        assert self.gateway is not None
        self.loop.run_until_complete(drop(self.gateway))
        self._boot()

    def _recover(self) -> None:
        assert self.lab is not None
        for upstream in ("stripe", "salesforce"):
            self.lab.control(upstream, "POST", "outage", {"down": False})

    def teardown(self) -> None:
        try:
            if self.gateway is not None and self.lab is not None:
                self._recover()
                self.lab.heal()
                self._judge()
                self.loop.run_until_complete(self.gateway.stop())
        finally:
            self.loop.close()
            if self.lab is not None:
                self.lab.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _judge(self) -> None:
        """Whoever asked insists; then every record has exactly one open invoice and there is one customer."""
        assert self.lab is not None
        lab = self.lab
        for record in list(self.asked):
            for _ in range(40):
                if self._ask(record, 2.0):
                    break
            else:
                raise AssertionError(f"no end for {record}")
        made = {record: [x["status"] for x in lab.of_record("invoice", record)] for record in self.asked}
        assert made == {record: ["open"] for record in self.asked}
        assert len(lab.objects("customer")) == (1 if self.asked else 0)
        self.loop.run_until_complete(until(lambda: len(lab.objects("customer")) <= 1))


def test_random_interleavings_end_in_one_invoice_per_record() -> None:
    profile = settings(
        max_examples=6, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    run_state_machine_as_test(Interleavings, settings=profile)
