"""The world of the Stripe simulator: its accounts, its clock, what is due later, and the knobs a test can turn."""

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.control import Controls
from gateway.sandbox.faults import Faults
from gateway.sandbox.stripe.access import AccountSpec, Doorman
from gateway.sandbox.stripe.idempotency import IdempotencyKeys
from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.limits import RateLimits
from gateway.sandbox.stripe.tables import Row
from gateway.sandbox.stripe.trouble import APP_KINDS


@dataclass
class Settings:
    """Switches of ``POST /_control/settings``."""

    lines_per_invoice: int = 250
    lines_per_call: int = 250
    search_lag: float = 60.0
    next_refunds: list[str] = field(default_factory=list)
    auto_finalize_after: float = 3600.0


@dataclass
class StripeWorld:
    """``public_url`` is where people reach the pages; set it once the port is known."""

    accounts: Mapping[str, AccountSpec]
    public_url: str = "http://127.0.0.1"
    defaults: Settings = field(default_factory=Settings)
    limits: RateLimits = field(default_factory=RateLimits)
    controls: Controls = field(default_factory=lambda: Controls(faults=Faults(APP_KINDS), delay_in_app=True))
    ledgers: dict[tuple[str, bool], Ledger] = field(default_factory=dict)
    keys: dict[tuple[str, bool], IdempotencyKeys] = field(default_factory=dict)
    listeners: list[Callable[[Ledger, Row], None]] = field(default_factory=list)
    born: list[Callable[[], None]] = field(default_factory=list)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.doorman = Doorman.of(self.accounts)
        self.controls.objects = self.rows_of
        self.controls.reset = self.reset
        self.clock.moved.append(self.tick)
        self.reset()

    @classmethod
    def of(
        cls, accounts: Iterable[AccountSpec | Mapping[str, Any]], public_url: str = "http://127.0.0.1"
    ) -> "StripeWorld":
        specs = [spec if isinstance(spec, AccountSpec) else AccountSpec.from_json(spec) for spec in accounts]
        return cls({spec.id: spec for spec in specs}, public_url=public_url)

    @property
    def clock(self) -> SandboxClock:
        return self.controls.clock

    def ledger(self, account: str, livemode: bool) -> Ledger:
        found = self.ledgers.get((account, livemode))
        if found is None:
            spec = self.accounts[account]
            found = Ledger(
                account, livemode, spec.country, spec.currency, spec.name, self.clock.now, announce=self.announce
            )
            self.ledgers[(account, livemode)] = found
        return found

    def idempotency(self, account: str, livemode: bool) -> IdempotencyKeys:
        return self.keys.setdefault((account, livemode), IdempotencyKeys(self.clock.now))

    def announce(self, ledger: Ledger, event: Row) -> None:
        for listener in self.listeners:
            listener(ledger, event)

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.clock.now() + seconds, next(self._order), what))

    def tick(self) -> None:
        """Do what has become due; called on every request and whenever the clock moves."""
        while self._due and self._due[0][0] <= self.clock.now():
            heapq.heappop(self._due)[2]()

    def rows_of(self, kind: str) -> list[Row] | None:
        """All rows of one kind in all accounts, for ``/_control/objects/{kind}``."""
        if kind == "mail":
            return [
                {**vars(mail), "account": ledger.account} for ledger in self.ledgers.values() for mail in ledger.mails
            ]
        tables = [ledger.tables[kind] for ledger in self.ledgers.values() if kind in ledger.tables]
        known = kind in Ledger("", False, "", "", "", self.clock.now).tables
        return [row for table in tables for row in table.rows.values()] if known else None

    def reset(self) -> None:
        self.ledgers.clear()
        self.keys.clear()
        self._due.clear()
        self.limits.on = False
        self.limits.buckets.clear()
        self.settings = replace(self.defaults, next_refunds=[])
        for spec in self.accounts.values():
            for key in spec.keys:
                self.ledger(spec.id, key.livemode)
        for callback in self.born:
            callback()
