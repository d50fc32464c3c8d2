"""The main job, end to end, with what goes wrong in real life; told in a terminal and over in seconds."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway.sandbox.browser import pay_invoice
from gateway.sandbox.processes import ended_by_signals
from gateway.sandbox.world import World, incomplete

PATIENCE = 30.0
OWN = ("Name", "StageName", "Amount")
STAMP = ("Stripe_Status__c", "Stripe_Invoice_Number__c", "Stripe_Amounts__c", "Stripe_Invoice_Url__c")


class NotAsPromised(AssertionError):
    """The demo saw something else than it tells."""


class Story:
    """The chapters share the world and what has been made so far."""

    def __init__(self, world: World, console: Console) -> None:
        self.world = world
        self.console = console
        self.records = {row["Name"]: row["Id"] for row in world.records("Opportunity")}
        self.first, self.second, self.third = list(self.records.values())[:3]
        self.invoice: dict[str, Any] = {}
        self.before: dict[str, str] = {}
        self.actions = 0
        self.seen: list[tuple[str, str]] = []

    def chapters(self) -> list[tuple[str, Callable[[], str]]]:
        """Title and what happens; each returns what it saw."""
        return [
            ("A rep clicks Send invoice", self.send),
            ("The record shows it", self.written_back),
            ("The same click twice more", self.twice_more),
            ("The gateway is killed in the middle of the next one", self.killed),
            ("A payment link for another record", self.payment_link),
            ("The customer pays; part of it is refunded, asked twice", self.paid_and_refunded),
            ("Salesforce fails after the plan is stored", self.salesforce_fails_late),
            ("Salesforce is down before anything is read", self.salesforce_down),
        ]

    def click(self, name: str, record_id: str, **members: str) -> dict[str, Any]:
        """A rep presses a button of the record page; raises when the gateway itself failed."""
        self.actions += 1
        status, found = self.world.click("Opportunity", record_id, name, members)
        if not 200 <= status < 500:
            raise NotAsPromised(f"{name}: {status} {found}")
        return {**found, "http": status}

    def act(self, name: str, record_id: str, **members: Any) -> dict[str, Any]:
        """A request with more than a button sends; raises when the gateway itself failed."""
        key, prefer = members.pop("key", None), members.pop("prefer", None)
        self.actions += 1
        answer = self.world.act(name, {"record_id": record_id, **members}, key=key, prefer=prefer)
        if answer.status_code >= 500:
            raise NotAsPromised(f"{name}: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return {**found, "http": answer.status_code}

    def stamp(self, record_id: str) -> dict[str, Any]:
        """The Stripe fields of a record as Salesforce has them."""
        return {name: value for name, value in self.world.record("Opportunity", record_id).items() if name in STAMP}

    def shown(self, record_id: str) -> dict[str, str]:
        """What a rep looks at: the record's own fields and its Stripe fields."""
        row = self.world.record("Opportunity", record_id)
        return {name: str(row.get(name) or "–") for name in (*OWN, *STAMP)}

    def until(self, what: str, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait for something that must come by itself."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.05)
        raise NotAsPromised(f"{what} did not happen within {patience:.0f} s")

    def expect(self, what: str, found: object, wanted: object) -> None:
        """A promise of the demo, checked."""
        if found != wanted:
            raise NotAsPromised(f"{what}: expected {wanted!r}, found {found!r}")

    def invoices(self, record_id: str) -> list[dict[str, Any]]:
        """Invoices at Stripe that were made for a record."""
        rows = self.world.stripe_objects("invoice")
        return [row for row in rows if row["metadata"].get("sf_record_id", "")[:15] == record_id[:15]]

    def send(self) -> str:
        self.before = self.shown(self.first)
        self.expect("the record before", {self.before[name] for name in STAMP}, {"–"})
        answer = self.click("send-invoice", self.first, request_key="demo-click-1")
        self.expect("success", answer["success"], True)
        self.invoice = answer
        return f"{_lines(self.before)}\n{answer['user_message']}\n{answer['url']}"

    def written_back(self) -> str:
        self.until("the write-back", lambda: self.stamp(self.first).get("Stripe_Invoice_Number__c") is not None)
        after = self.shown(self.first)
        return _lines({name: f"{self.before[name]} → {value}" for name, value in after.items() if name in STAMP})

    def twice_more(self) -> str:
        again = [self.click("send-invoice", self.first, request_key="demo-click-1") for _ in range(2)]
        fresh = self.click("send-invoice", self.first)
        for answer in (*again, fresh):
            self.expect("the same invoice", answer["stripe_id"], self.invoice["stripe_id"])
        self.expect("invoices at Stripe", len(self.invoices(self.first)), 1)
        return f"Every answer names {self.invoice['number']}; Stripe holds 1 invoice for the record."

    def killed(self) -> str:
        world = self.world
        hang = {"match": {"path": "/v1/invoices/*/finalize"}, "kind": "hang", "seconds": 2, "times": 1}
        world.control(world.stripe, "POST", "faults", hang)
        caller = threading.Thread(target=self._unanswered, args=(self.second,), daemon=True)
        caller.start()
        self.until("the draft", lambda: bool(self.invoices(self.second)))
        time.sleep(0.2)
        world.gateway.kill()
        world.control(world.stripe, "DELETE", "faults")
        started = time.monotonic()
        world.gateway.start()
        self.until("the rest of the action", lambda: _open(self.invoices(self.second)))
        took = time.monotonic() - started
        self.until("the write-back", lambda: self.stamp(self.second).get("Stripe_Invoice_Number__c") is not None)
        self.expect("invoices at Stripe", len(self.invoices(self.second)), 1)
        return f"kill -9, restart: finished {took:.1f} s after the start, still 1 invoice, record up to date."

    def _unanswered(self, record_id: str) -> None:
        with contextlib.suppress(Exception):  # the connection dies with the gateway: that is the point
            self.act("send-invoice", record_id, key="demo-killed")

    def payment_link(self) -> str:
        answer = self.click("create-payment-link", self.third)
        self.expect("success", answer["success"], True)
        same = self.click("create-payment-link", self.third)
        self.expect("the same link", same["stripe_id"], answer["stripe_id"])
        return f"{answer['url']} ({answer['amount']} {answer['currency']}); asked again: the same link."

    def paid_and_refunded(self) -> str:
        pay_invoice(self.invoice["url"])
        answers = [
            self.click("refund-payment", self.first, amount="100.00", request_key="demo-refund-1") for _ in range(2)
        ]
        self.expect("success", [a["success"] for a in answers], [True, True])
        self.expect("the same refund", answers[1]["stripe_id"], answers[0]["stripe_id"])
        self.expect("refunds at Stripe", len(self.world.stripe_objects("refund")), 1)
        self.until(
            "the refund on the record", lambda: self.stamp(self.first).get("Stripe_Status__c") == "Partially Refunded"
        )
        return f"Paid; 100.00 refunded once; the record says: {self.stamp(self.first)['Stripe_Status__c']}."

    def salesforce_fails_late(self) -> str:
        world, record = self.world, self.third
        locked = {"match": {}, "kind": "lock_row", "times": -1}
        world.control(world.salesforce, "POST", "faults", locked)
        before = self._writes()
        answer = self.act("send-invoice", record, recipient_email="accounts@harborcycles.example")
        self.expect("success", answer["success"], True)
        self.until("a failed write", lambda: self._writes() > before)
        self.expect("the record meanwhile", self.stamp(record).get("Stripe_Invoice_Number__c"), None)
        world.control(world.salesforce, "DELETE", "faults")
        number = answer["number"]
        self.until("the write-back", lambda: self.stamp(record).get("Stripe_Invoice_Number__c") == number, 60)
        return f"Answered at once ({answer['number']}); the record followed when Salesforce was back."

    def _writes(self) -> int:
        calls = _list(self.world.control(self.world.salesforce, "GET", "requests?after=0"))
        return len([1 for call in calls if "composite/graph" in call["path"]])

    def salesforce_down(self) -> str:
        world = self.world
        account = world.record("Opportunity", self.third)["AccountId"]
        held = len(world.stripe_objects("invoice"))
        world.control(world.salesforce, "POST", "outage", {"down": True})
        members = {
            "currency": "USD",
            "recipient_email": "accounts@harborcycles.example",
            "lines": [{"description": "Spare parts", "amount": "49.90"}],
        }
        answer = self.act("send-invoice", account, prefer="wait=1", **members)
        self.expect("HTTP status", answer["http"], 202)
        self.expect("invoices at Stripe", len(world.stripe_objects("invoice")), held)
        world.control(world.salesforce, "POST", "outage", {"down": False})
        self.until("the queued action", lambda: world.state(answer["action_id"])["status"] == "succeeded", 60)
        self.expect("invoices at Stripe", len(self.invoices(account)), 1)
        return "202 and nothing at Stripe while it was down; done by itself after recovery."


def _lines(fields: Mapping[str, str]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in fields.items())


def _open(invoices: list[dict[str, Any]]) -> bool:
    return len(invoices) == 1 and invoices[0]["status"] == "open"


def _summary(story: Story) -> Table:
    world = story.world
    calls = world.control(world.salesforce, "GET", "requests?after=0")
    count = len([1 for call in _list(calls) if "/services/data/" in call["path"]])
    shown = Table(title="What is there now", show_header=False)
    shown.add_row("Requests to the gateway", str(story.actions))
    for kind in ("customer", "invoice", "payment_link", "charge", "refund"):
        shown.add_row(f"{kind.replace('_', ' ').capitalize()}s at Stripe", str(len(world.stripe_objects(kind))))
    shown.add_row("Salesforce API calls", str(count))
    return shown


def _list(answer: Any) -> list[dict[str, Any]]:
    return answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list))


def main() -> int:
    """``gateway demo``. Returns the exit status."""
    console = Console(highlight=False)
    if missing := incomplete():
        console.print(f"[red]{escape(missing)}[/]", soft_wrap=True)
        return 2
    started = time.monotonic()
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="gateway-demo-") as name:
        console.print("[bold]Salesforce → gateway → Stripe, on loopback, without any account[/]")
        world = World(Path(name))
        try:
            world.start()
            story = Story(world, console)
            _tell(story, console)
            console.print(_summary(story))
        except Exception as exc:
            console.print(f"[red]Not as promised:[/] {escape(str(exc))}", soft_wrap=True)
            _logs(world, console)
            return 1
        finally:
            world.stop()
    console.print(f"[green]As promised[/], in {time.monotonic() - started:.1f} s. Look around yourself: make sandbox")
    return 0


def _tell(story: Story, console: Console) -> None:
    chapters = story.chapters()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("", total=len(chapters))
        for number, (title, chapter) in enumerate(chapters, 1):
            progress.update(task, description=title)
            saw = chapter()
            console.print(f"[bold cyan]{number}. {title}[/]")
            for line in saw.splitlines():
                console.print(f"   {escape(line)}", soft_wrap=True)
            progress.advance(task)


def _logs(world: World, console: Console) -> None:
    for log in sorted(world.folder.rglob("*.log")):
        console.print(f"[dim]{escape(log.name)}:[/]")
        console.print(log.read_text(errors="replace")[-1500:], markup=False)
