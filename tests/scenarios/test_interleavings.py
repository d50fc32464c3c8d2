"""
Random interleavings: requests, repeats, rivals, crashes, faults, outages and clocks that jump.

Whatever happens, a record ends with one invoice and one link, and all who asked are told of the same ones; and of a
payment each refund that was asked for is made once at most, and never more is refunded than was paid.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from gateway.app import Gateway
from gateway.engine.circuit import open_circuits
from gateway.engine.clock import SystemClock
from gateway.engine.migrations import migrate
from gateway.records import Caller
from tests.scenarios.effects import drop
from tests.scenarios.lab import MACHINE, PERSON, Lab, ask
from tests.scenarios.playing import SOAK
from tests.support.postgres import Postgres

KINDS = ("drop_before", "drop_after", "truncated", "http_500", "http_500_cached", "http_429", "http_503", "html_200")
Opened = Callable[[Path], AbstractContextManager[str]]
# What may be asked of a record: two want the same invoice, a third another one.
WISHES: dict[str, tuple[str, dict[str, Any]]] = {
    "ours": ("send-invoice", {}),
    "the same by another key": ("send-invoice", {}),
    "another one": ("send-invoice", {"lines": [{"description": "Bells", "amount": "90.00"}]}),
    "a link": ("create-payment-link", {"recipient_email": None, "account_id": None}),
}
PAID = "25.00"
# Of one payment: two that fit beside each other, and one that fits alone.
REFUNDS = {"a refund": "10.00", "another refund": "15.00", "all of it": PAID}
ENDS = {"succeeded", "expired", "invoice_already_open"}
REFUND_ENDS = {
    *("succeeded", "expired", "outcome_unknown"),
    *("nothing_to_refund", "refund_too_large", "earlier_refund_unknown"),
}
PATHS = (
    "/v1/customers",
    "/v1/invoices",
    "/v1/invoices/*/add_lines",
    "/v1/invoices/*/finalize",
    "/v1/invoices/*/send",
    "/v1/payment_links",
    "/v1/refunds",
)


class Interleavings(RuleBasedStateMachine):
    """One gateway that comes and goes, three records and a payment, and a world that misbehaves."""

    opened: ClassVar[Opened]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="interleavings-"))
        self.around = ExitStack()
        self.loop = asyncio.new_event_loop()
        self.lab: Lab | None = None
        self.gateway: Gateway | None = None
        self.asked: dict[tuple[str, str], str] = {}  # record and wish → its key
        self.told: dict[tuple[str, str], str] = {}  # record and wish → what was made at Stripe
        self.offset = self.latest = 0.0

    @initialize()
    def world(self) -> None:
        database = self.around.enter_context(self.opened(self.folder))
        self.lab = Lab(self.folder, database)
        self.records = list(self.lab.opportunities.values())
        self._boot()
        self.paid = self._paid()

    def _paid(self) -> str:
        """A record of another account, whose invoice is paid."""
        assert self.lab is not None
        assert self.gateway is not None
        lab, account = self.lab, self.lab.save("Account", {"Name": "Paid"})
        deal = {"Name": "Paid", "AccountId": account, "StageName": "Prospecting", "CloseDate": "2030-01-31"}
        record = lab.save("Opportunity", deal)
        lines = [{"description": "Bells", "amount": PAID}]
        members = lab.invoice_members(record_id=record, account_id=account, lines=lines)
        asked = ask(self.gateway, "send-invoice", members, key="paid", caller=MACHINE)
        sent = self.loop.run_until_complete(asked).envelope
        assert sent["success"], sent
        lab.control("stripe", "POST", f"invoices/{sent['stripe_id']}/pay", {})
        return record

    def _boot(self) -> None:
        assert self.lab is not None
        self.gateway = self.loop.run_until_complete(self.lab.boot())
        self._move_clock()

    def _move_clock(self) -> None:
        assert self.gateway is not None
        assert isinstance(self.gateway.tools.clock, SystemClock)
        self.gateway.tools.clock.offset = self.offset

    def _jump(self, seconds: float) -> None:
        """Everybody's clock goes forward; only the gateway's goes back, by less than Salesforce refuses a login for."""
        assert self.lab is not None
        self.offset = max(self.offset + seconds, self.latest - 90.0)
        if self.offset > self.latest:
            for upstream in ("stripe", "salesforce"):
                self.lab.control(upstream, "POST", "clock", {"advance": self.offset - self.latest})
            self.latest = self.offset
        self._move_clock()

    def _ask(self, record: str, wish: str, wait: float) -> str:
        """How the wish stands: a status word, or why it was refused or ended."""
        assert self.lab is not None
        name, changes = WISHES[wish]
        members = {**self.lab.invoice_members(record_id=record), **changes}
        members = {member: value for member, value in members.items() if value is not None}
        return self._submit(record, wish, wait, name, members, MACHINE)

    def _refund(self, wish: str, wait: float) -> str:
        members = {"record_id": self.paid, "amount": REFUNDS[wish]}
        return self._submit(self.paid, wish, wait, "refund-payment", members, PERSON)

    def _submit(self, record: str, wish: str, wait: float, name: str, members: dict[str, Any], caller: Caller) -> str:
        assert self.gateway is not None
        key = self.asked.setdefault((record, wish), f"{wish} of {record}")
        answer = self.loop.run_until_complete(ask(self.gateway, name, members, key=key, caller=caller, wait=wait))
        if answer.envelope["success"]:
            self.told[record, wish] = str(answer.envelope["stripe_id"])
        return str(answer.envelope["error_code"] or answer.envelope["status"])

    @rule(n=st.integers(0, 2), wish=st.sampled_from(list(WISHES)), wait=st.sampled_from([0.0, 0.05, 1.0]))
    def submit_or_repeat(self, n: int, wish: str, wait: float) -> None:
        self._ask(self.records[n], wish, wait)

    @rule(wish=st.sampled_from(list(REFUNDS)), wait=st.sampled_from([0.0, 0.05, 1.0]))
    def refund_or_repeat(self, wish: str, wait: float) -> None:
        self._refund(wish, wait)

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

    @rule(seconds=st.sampled_from([-90.0, 30.0, 400.0, 21 * 3600.0]))
    def clock_jumps(self, seconds: float) -> None:
        self._jump(seconds)

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
            self.around.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _judge(self) -> None:
        """Whoever asked insists; then a record has one open invoice, or none where every request expired unsent."""
        assert self.lab is not None
        lab = self.lab
        self._jump(self.latest + 90.0 - self.offset)  # a clock set back delays retries by as much: it is right again
        lab.fault("stripe", "drop_after", "/v1/refunds", method="POST")
        for wish in REFUNDS:  # by now at the latest, and one of their answers is lost
            self._refund(wish, 0.0)
        ended = {(record, wish): self._insist(record, wish) for record, wish in list(self.asked)}
        self._judge_refunds({wish: end for (record, wish), end in ended.items() if record == self.paid})
        for record in {record for record, _ in ended} - {self.paid}:
            invoices = [x for x in lab.of_record("invoice", record) if x["status"] != "draft"]
            links = [x for x in lab.of_record("payment_link", record) if x["active"]]
            told = {wish: made for (each, wish), made in self.told.items() if each == record}
            wanted = {made for wish, made in told.items() if wish != "a link"}
            assert [(x["id"], x["status"]) for x in invoices] == [(made, "open") for made in wanted], (ended, told)
            assert [x["id"] for x in links] == [made for wish, made in told.items() if wish == "a link"], (ended, told)
        assert len(lab.objects("customer")) <= 2  # one is the paid record's

    def _judge_refunds(self, ended: dict[str, str]) -> None:
        """Who was told of a refund has it; a refund nobody knows of may be there, once; none exceeds the payment."""
        assert self.lab is not None
        made = {x["id"]: f"{x['amount'] / 100:.2f}" for x in self.lab.objects("refund")}
        told = {self.told[self.paid, wish]: REFUNDS[wish] for wish, end in ended.items() if end == "succeeded"}
        unknown = [REFUNDS[wish] for wish, end in ended.items() if end == "outcome_unknown"]
        beside = [amount for stripe_id, amount in made.items() if stripe_id not in told]
        assert told.items() <= made.items(), (ended, made)
        assert all(beside.count(amount) <= unknown.count(amount) for amount in beside), (ended, made)
        assert sum(Decimal(amount) for amount in made.values()) <= Decimal(PAID), (ended, made)

    def _circuit_is_open(self) -> bool:
        assert self.gateway is not None
        return bool(self.loop.run_until_complete(self.gateway.tools.store.read(open_circuits)))

    def _insist(self, record: str, wish: str) -> str:
        for _ in range(30):
            end = self._refund(wish, 2.0) if record == self.paid else self._ask(record, wish, 2.0)
            if end in (REFUND_ENDS if record == self.paid else ENDS):
                return end
            if self._circuit_is_open():  # nobody is made to wait for it, so time must pass
                self._jump(61.0)
            self.loop.run_until_complete(asyncio.sleep(0.2))
        raise AssertionError(f"no end for {wish} of {record}: {end}")


@contextmanager
def on_sqlite(folder: Path) -> Iterator[str]:
    url = f"sqlite:///{folder / 'gateway.db'}"
    migrate(url)
    yield url


def play(opened: Opened, examples: int, record_property: Callable[[str, object], None]) -> None:
    # Chance belongs to the soak; the suite runs the same ones each time.
    profile = settings(
        max_examples=100 if SOAK else examples,
        stateful_step_count=30 if SOAK else 16,
        derandomize=not SOAK,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    record_property("examples", profile.max_examples)
    record_property("steps", profile.stateful_step_count)
    machine = type("Played", (Interleavings,), {"opened": staticmethod(opened)})
    run_state_machine_as_test(machine, settings=profile)


@pytest.mark.slow
@pytest.mark.timeout(3600 if SOAK else 600)
def test_random_interleavings_end_in_one_invoice_per_record(record_property: Callable[[str, object], None]) -> None:
    play(on_sqlite, 8, record_property)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(3600 if SOAK else 600)
def test_random_interleavings_end_in_one_invoice_per_record_on_postgresql(
    postgres: Postgres, record_property: Callable[[str, object], None]
) -> None:
    @contextmanager
    def fresh(_: Path) -> Iterator[str]:
        with postgres.database() as url:
            yield url

    play(fresh, 4, record_property)
