"""
Webhook delivery: signed, at least once, in no promised order, retried with growing pauses (docs.stripe.com/webhooks).

Live mode tries for three days, test mode three times over a few hours. Tests can pause the courier, make it deliver
twice or in reverse, and send an event again.
"""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.resources.events import matches, register
from gateway.sandbox.stripe.tables import Row
from gateway.sandbox.stripe.world import StripeWorld

HOUR = 3600.0
PAUSES_LIVE = (5.0, 300.0, 1800.0, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 18 * HOUR, 22 * HOUR)
PAUSES_TEST = (60.0, 2 * HOUR)
TIMEOUT = 20.0
AT_ONCE = 16
IDLE = 0.05


@dataclass
class Delivery:
    """One event on its way to one endpoint."""

    ledger: Ledger
    endpoint: str
    event: Row
    due: float
    attempts: int = 0
    statuses: list[int] = field(default_factory=list)
    account: str | None = None

    def view(self) -> Row:
        return {
            "endpoint": self.endpoint,
            "event": self.event["id"],
            "type": self.event["type"],
            "attempts": self.attempts,
            "statuses": self.statuses,
            "due": self.due,
        }


@dataclass
class Courier:
    """``failed`` holds what was given up; ``delivered`` counts."""

    world: StripeWorld
    waiting: list[Delivery] = field(default_factory=list)
    failed: list[Delivery] = field(default_factory=list)
    delivered: int = 0
    paused: bool = False
    duplicate: bool = False
    reverse: bool = False

    def take(self, ledger: Ledger, event: Row) -> None:
        for owner, endpoint, account in self.endpoints_for(ledger, event):
            if endpoint["status"] == "enabled" and any(matches(event["type"], e) for e in endpoint["enabled_events"]):
                event["pending_webhooks"] += 1
                self.waiting.append(Delivery(owner, endpoint["id"], event, self.world.clock.now(), account=account))

    def endpoints_for(self, ledger: Ledger, event: Row) -> list[tuple[Ledger, Row, str | None]]:
        """The account's own endpoints, and the Connect endpoints of platforms it is connected to."""
        own = ledger.table("webhook_endpoint").rows.values()
        found: list[tuple[Ledger, Row, str | None]] = [
            (ledger, row, None) for row in own if row["id"] not in ledger.connect_endpoints
        ]
        for spec in self.world.accounts.values():
            if ledger.account in spec.connected:
                platform = self.world.ledger(spec.id, ledger.livemode)
                rows = platform.table("webhook_endpoint").rows
                found += [(platform, rows[i], ledger.account) for i in platform.connect_endpoints if i in rows]
        return found

    async def run(self) -> None:
        """Until cancelled."""
        busy: set[asyncio.Task[None]] = set()
        while True:
            self.world.tick()
            for delivery in self.due()[: AT_ONCE - len(busy)]:
                self.waiting.remove(delivery)
                task = asyncio.create_task(self.attempt(delivery))
                busy.add(task)
                task.add_done_callback(busy.discard)
            await asyncio.sleep(IDLE)

    def due(self) -> list[Delivery]:
        if self.paused:
            return []
        now = self.world.clock.now()
        ready = [delivery for delivery in self.waiting if delivery.due <= now]
        return ready[::-1] if self.reverse else ready

    async def attempt(self, delivery: Delivery) -> None:
        endpoint = delivery.ledger.find("webhook_endpoint", delivery.endpoint)
        if endpoint is None or endpoint["status"] != "enabled":
            return
        body = json.dumps(self.payload(delivery, endpoint), separators=(",", ":"), ensure_ascii=False).encode()
        secret = delivery.ledger.webhook_secrets[delivery.endpoint]
        for _ in range(2 if self.duplicate else 1):
            header = signature(body, secret, int(self.world.clock.now()))
            delivery.attempts += 1
            delivery.statuses.append(await send(endpoint["url"], body, header))
        self.conclude(delivery)

    @staticmethod
    def payload(delivery: Delivery, endpoint: Row) -> Row:
        version = {"api_version": endpoint["api_version"]} if endpoint["api_version"] else {}
        account = {"account": delivery.account} if delivery.account else {}
        return {**delivery.event, **version, **account}

    def conclude(self, delivery: Delivery) -> None:
        if any(200 <= status < 300 for status in delivery.statuses[-2:]):
            delivery.event["pending_webhooks"] -= 1
            self.delivered += 1
            return
        pauses = PAUSES_LIVE if delivery.ledger.livemode else PAUSES_TEST
        if delivery.attempts > len(pauses):
            self.failed.append(delivery)
            return
        delivery.due = self.world.clock.now() + pauses[delivery.attempts - 1]
        self.waiting.append(delivery)

    def resend(self, event: Row, ledger: Ledger) -> None:
        self.take(ledger, event)

    def begin(self) -> None:
        """Forget all, then register the config file's endpoints: url, secret, enabled_events?, livemode?, connect?."""
        self.waiting, self.failed, self.delivered = [], [], 0
        self.paused = self.duplicate = self.reverse = False
        for spec in self.world.accounts.values():
            for given in spec.webhooks:
                params = {"enabled_events": ["*"], **given}
                register(self.world.ledger(spec.id, bool(params.pop("livemode", False))), params)


def signature(body: bytes, secret: str, at: int) -> str:
    """``t=…,v1=…`` over ``t.body`` (docs.stripe.com/webhooks/signature)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


async def send(url: str, body: bytes, header: str) -> int:
    """The status of the answer; 0 when there was none. Plain HTTP: the sandbox lives on loopback."""
    target = urlsplit(url)
    path = f"{target.path or '/'}{'?' + target.query if target.query else ''}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nStripe-Signature: {header}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection(target.hostname, target.port or 80)
            try:
                writer.write(head.encode() + body)
                await writer.drain()
                line = await reader.readline()
                await reader.read()
            finally:
                writer.close()
        return int(line.split()[1])
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0
