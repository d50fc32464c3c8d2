"""A whole world without accounts: Salesforce, Stripe and the gateway between them, each its own process on loopback."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Self

import jwt
import requests
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.sandbox.identity import KID, ORG, REP, Identity
from gateway.sandbox.processes import Child, NotStarted, ended_by_signals, free_port
from gateway.sandbox.salesforce.world import METADATA

FEATURES = ["quotes", "orders"]
FIRST = "Harbor Cycles fleet renewal"
# By its path: a shell finds `gateway` only where the environment is activated.
_PROGRAM = f"{shlex.quote(sys.executable)} -m gateway"


class World:
    """
    Start it, use it, stop it. ``database`` is a URL; default a SQLite file in ``folder``.

    ``gateways`` > 1 needs PostgreSQL; they share database and configuration and differ in their port.
    """

    def __init__(self, folder: Path, *, database: str | None = None, profile: str = "plain", gateways: int = 1) -> None:
        self.folder = folder
        self.identity = Identity()
        self.salesforce_url, self.stripe_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        ports = [free_port() for _ in range(gateways)]
        database = database or f"sqlite:///{folder / 'gateway.db'}"
        identity = self.identity
        stripe = identity.write_stripe(folder)
        salesforce = identity.write_salesforce(
            folder,
            gateway=f"http://127.0.0.1:{ports[0]}",
            audience=self.salesforce_url,
            profile=profile,
            features=FEATURES,
        )
        self.stripe = self._simulator("stripe", self.stripe_url, stripe)
        self.salesforce = self._simulator("salesforce", self.salesforce_url, salesforce)
        self.gateways = [self._gateway(port, database) for port in ports]

    def _simulator(self, name: str, url: str, config: Path) -> Child:
        port = url.rsplit(":", 1)[1]
        command = [f"gateway.sandbox.{name}", "--port", port, "--config", str(config)]
        return Child(name, command, url, "/_control/requests?after=999999999", self.folder / f"{name}.log")

    def _gateway(self, port: int, database: str) -> Child:
        folder = self.folder / f"gateway-{port}"
        folder.mkdir()
        config = self.identity.write_gateway(
            folder, port=port, stripe=self.stripe_url, salesforce=self.salesforce_url, database=database
        )
        if self.folder.joinpath("gateway.toml").exists():
            _share_keys(self.folder / "gateway.toml", config)
        else:
            copy = self.folder / "gateway.toml"
            copy.touch(0o600)
            copy.write_text(config.read_text())
        url = f"http://127.0.0.1:{port}"
        return Child("gateway", ["gateway", "serve", "--config", str(config)], url, "/readyz", folder / "gateway.log")

    @property
    def gateway(self) -> Child:
        """The first gateway."""
        return self.gateways[0]

    @property
    def config(self) -> Path:
        """Configuration of the first gateway, for the command line."""
        return Path(self.gateway.command[-1])

    def start(self) -> None:
        """Simulators first; raises NotStarted and leaves nothing running."""
        try:
            for children in ((self.stripe, self.salesforce), self.gateways):
                for child in children:
                    child.launch()
                for child in children:
                    child.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """All of it, in reverse."""
        for child in (*self.gateways, self.salesforce, self.stripe):
            child.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What a caller in Salesforce does.

    def token(self, sub: str = REP, *, seconds: int = 120) -> str:
        """A token as the org's named credential makes it: no jti, expiry as text."""
        now = int(time.time())
        claims = {"iss": ORG, "sub": sub, "aud": "stripe-gateway", "iat": now, "nbf": now, "exp": str(now + seconds)}
        return jwt.encode(claims, self.identity.calls.private, "RS256", headers={"kid": KID})

    def act(
        self, name: str, body: dict[str, Any], *, key: str | None = None, sub: str = REP, gateway: Child | None = None,
        prefer: str | None = None, timeout: float = 60.0,
    ) -> requests.Response:  # fmt: skip
        """POST /v1/actions/{name} the way Apex does; without ``key`` a fresh one is made."""
        headers = {"Authorization": f"Bearer {self.token(sub)}", "Idempotency-Key": key or str(uuid.uuid4())}
        if prefer:
            headers["Prefer"] = prefer
        base = (gateway or self.gateway).url
        return requests.post(f"{base}/v1/actions/{name}", json=body, headers=headers, timeout=timeout)

    def state(self, action_id: str, *, sub: str = REP, gateway: Child | None = None) -> dict[str, Any]:
        """GET /v1/actions/{id}."""
        base = (gateway or self.gateway).url
        headers = {"Authorization": f"Bearer {self.token(sub)}"}
        answer: dict[str, Any] = requests.get(f"{base}/v1/actions/{action_id}", headers=headers, timeout=30).json()
        return answer

    def click(self, sobject: str, record_id: str, name: str, members: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """A button of the record page: the org makes the callout, as Apex does. HTTP status and envelope."""
        url = f"{self.salesforce_url}/lightning/r/{sobject}/{record_id}/action/{name}"
        answer = requests.post(url, data={"user": REP, **members}, headers={"Accept": "application/json"}, timeout=30)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return int(told["status"]), told["body"]

    # What a test or the demo does to the simulators.

    def control(self, child: Child, method: str, path: str, body: object = None) -> Any:
        """The simulators' own /_control API."""
        answer = requests.request(method, f"{child.url}/_control/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def stripe_objects(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind at the Stripe simulator, e.g. ``invoice``."""
        found: list[dict[str, Any]] = _items(self.control(self.stripe, "GET", f"objects/{kind}"))
        return found

    def record(self, sobject: str, record_id: str) -> dict[str, Any]:
        """One record of the Salesforce simulator, whole."""
        rows = self.records(sobject)
        return next(row for row in rows if row["Id"][:15] == record_id[:15])

    def records(self, sobject: str) -> list[dict[str, Any]]:
        """Every record of an object."""
        found: list[dict[str, Any]] = _items(self.control(self.salesforce, "GET", f"objects/{sobject}"))
        return found


def _items(answer: Any) -> list[dict[str, Any]]:
    if isinstance(answer, list):
        return answer
    return next(value for value in answer.values() if isinstance(value, list))


def _share_keys(first: Path, second: Path) -> None:
    """Processes on one database seal with the same keys."""
    import tomlkit

    shared, config = tomlkit.parse(first.read_text()), tomlkit.parse(second.read_text())
    for section in ("sealing", "audit"):
        config[section] = shared[section]
    second.write_text(tomlkit.dumps(config))


def incomplete(metadata: Path = METADATA) -> str | None:
    """What is missing to run it: the org's objects and fields come with a checkout, not with the installed package."""
    if metadata.is_dir():
        return None
    return (
        f"The simulated org is made from the folder salesforce_metadata, and there is none at {metadata}. The demo and "
        "the sandbox run from a checkout of the project: make demo, make sandbox."
    )


def main() -> int:
    """``gateway sandbox``: leave the world running until Ctrl-C and say where everything is."""
    console = Console()
    if missing := incomplete():
        console.print(f"[red]{escape(missing)}[/]", soft_wrap=True)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="gateway-sandbox-"))
    ended = ""
    try:
        with ended_by_signals(), World(folder) as world:
            _show(console, world)
            ended = _until_one_ends(world)
    except KeyboardInterrupt:
        return 0
    except NotStarted as exc:
        ended = str(exc)
    finally:
        if not ended:
            shutil.rmtree(folder, ignore_errors=True)
    console.print(f"[red]{escape(ended)}[/]", soft_wrap=True)
    console.print(
        f"Logs, database and this sandbox's private keys stay in {folder}: remove it when you have looked.",
        soft_wrap=True,
    )
    return 1


def _until_one_ends(world: World) -> str:
    """Which, how, and where its log is."""
    children = (world.stripe, world.salesforce, *world.gateways)
    while (ended := next((child for child in children if not child.alive), None)) is None:
        time.sleep(0.5)
    status = ended.process.returncode if ended.process else None
    return f"The process {ended.name} has ended (exit status {status}); its log: {ended.log}"


def _show(console: Console, world: World) -> None:
    shown = Table(title="The sandbox is running (Ctrl-C ends it)", show_header=False)
    for what, url in (
        ("Salesforce: records and buttons", world.salesforce_url),
        ("Stripe: dashboard", f"{world.stripe_url}/dashboard"),
        ("Stripe: mailbox of the customers", f"{world.stripe_url}/mailbox"),
        ("Gateway", world.gateway.url),
        ("Gateway: metrics", f"{world.gateway.url}/metrics"),
    ):
        shown.add_row(what, url)
    console.print(shown)
    # Not in the table, which would cut them at the width of the terminal: they are there to be copied.
    console.print("First call:", first_call(world), soft_wrap=True, markup=False, highlight=False)
    line = f"{_PROGRAM} actions list --config {shlex.quote(str(world.config))}"
    console.print("Command line:", line, soft_wrap=True, markup=False, highlight=False)


def first_call(world: World) -> str:
    """A line for a shell: an invoice for a seeded opportunity, as the rep, with a token of the org's own key."""
    key = world.folder / "caller.key"
    if not key.exists():
        key.touch(0o600)
        key.write_text(world.identity.calls.private)
    mint = f"token mint --config {shlex.quote(str(world.config))} --key {shlex.quote(str(key))} --kid {KID} --sub {REP}"
    record = next(row["Id"] for row in world.records("Opportunity") if row["Name"] == FIRST)
    headers = " ".join(
        f"-H '{name}: {value}'"
        for name, value in (("Content-Type", "application/json"), ("Idempotency-Key", uuid.uuid4()))
    )
    return (
        f'TOKEN="$({_PROGRAM} {mint})" && curl -s {world.gateway.url}/v1/actions/send-invoice '
        f'-H "Authorization: Bearer $TOKEN" {headers} -d \'{{"record_id": "{record}"}}\''
    )
