"""Keys change without a restart, and a file that is not fit changes nothing and is told in the log."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.sandbox.identity import KID, ORG, REP
from gateway.sandbox.processes import free_port
from gateway.sandbox.stripe.world import StripeWorld
from gateway.web.auth import Unauthenticated
from tests.scenarios.lab import MACHINE, Lab, ask
from tests.support.upstreams import rsa_key

NEW, OTHER = "sk_test_new0000000000000000", "sk_test_other00000000000000"


class Rolled(Lab):
    """Its Stripe knows another key of the account, and can forget the first."""

    def _stripe_world(self, url: str) -> StripeWorld:
        accounts = json.loads(self.identity.write_stripe(self.folder).read_text())["accounts"]
        accounts[0]["keys"].append(NEW)
        self.world = StripeWorld.of([*accounts, {"id": "acct_1Other", "keys": [OTHER]}], public_url=url)
        return self.world

    def change(self, old: str, new: str) -> None:
        text = self.config_file.read_text()
        assert old in text
        self.config_file.write_text(text.replace(old, new))


@pytest.fixture
def lab(tmp_path: Path, sqlite_url: str) -> Iterator[Rolled]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = Rolled(folder, sqlite_url)
    yield made
    made.close()


def test_a_new_stripe_key_is_used_from_the_next_call_on(lab: Rolled) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")
            lab.change(lab.identity.stripe_key, NEW)
            with capture_logs() as logs:
                taken = await gateway.reload()
            lab.world.doorman.keys.pop(lab.identity.stripe_key)
            answer = await ask(gateway, "send-invoice", lab.invoice_members(), key="i", caller=MACHINE)

            assert taken
            assert answer.envelope["success"], answer.envelope
            [event] = [each for each in logs if each["event"] == "configuration.keys_taken"]
            assert (event["entities"], event["needs_restart"]) == (["us"], [])

    asyncio.run(story())


def test_a_new_signing_key_is_known_and_the_removed_one_is_not(lab: Rolled) -> None:
    pem = (
        rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    async def story() -> None:
        async with lab.gateway() as gateway:
            await known(gateway, lab.identity.calls.private)
            lab.change(json.dumps(lab.identity.calls.public), json.dumps(pem.decode()))
            assert await gateway.reload()

            await known(gateway, rsa_key())
            with pytest.raises(Unauthenticated):
                await known(gateway, lab.identity.calls.private)

    asyncio.run(story())


async def known(gateway: Gateway, key: object) -> None:
    """Raises Unauthenticated where the door does not know the key."""
    now = int(time.time())
    claims = {"iss": ORG, "sub": REP, "aud": "stripe-gateway", "iat": now, "exp": now + 60}
    token = jwt.encode(claims, key, "RS256", headers={"kid": KID})  # type: ignore[arg-type]  # PEM or key
    await gateway.authenticator.authenticate([(b"authorization", f"Bearer {token}".encode())])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[entities.us]", "[entities.us", "is not TOML"),
        ('mode = "test"', 'mode = "tset"', "mode"),
        ("acct_1SandboxNorthwind", "acct_1SandboxNorthwind", "belongs to acct_1Other"),
    ],
)
def test_what_is_not_fit_changes_nothing_and_is_told(lab: Rolled, old: str, new: str, told: str) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            before = gateway.tools.config
            lab.change(lab.identity.stripe_key, OTHER)
            lab.change(old, new)
            with capture_logs() as logs:
                taken = await gateway.reload()
            answer = await ask(gateway, "create-customer", {"record_id": lab.account}, key="c")

            assert not taken
            assert gateway.tools.config is before
            assert answer.envelope["success"]
            [event] = [each for each in logs if each["event"] == "configuration.refused"]
            assert event["log_level"] == "error"
            assert told in " ".join(event["problems"])

    asyncio.run(story())


def test_what_is_no_key_waits_for_a_restart_and_is_named(lab: Rolled) -> None:
    async def story() -> None:
        async with lab.gateway() as gateway:
            lab.change("grace_seconds = 10", "grace_seconds = 11")
            lab.change("America/New_York", "Europe/Berlin")
            with capture_logs() as logs:
                assert await gateway.reload()

            [event] = [each for each in logs if each["event"] == "configuration.keys_taken"]
            assert event["needs_restart"] == ["server", "entities"]
            assert gateway.tools.entity("us").time_zone == "America/New_York"

    asyncio.run(story())


def test_a_served_process_reloads_on_sighup_and_lives_on(lab: Rolled) -> None:
    port = free_port()
    lab.change("port = 0", f"port = {port}")
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(lab.config_file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    told: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: told.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        wait(told, "gateway.started")
        lab.change("[entities.us]", "[entities.us")
        process.send_signal(signal.SIGHUP)
        wait(told, "configuration.refused")
        lab.change("[entities.us", "[entities.us]")
        process.send_signal(signal.SIGHUP)
        wait(told, "configuration.keys_taken")

        assert requests.get(f"http://127.0.0.1:{port}/livez", timeout=10).text == "ok\n"
    finally:
        process.terminate()
        process.wait(30)
        reader.join(10)
        process.stderr.close()
    assert any("gateway.stopped" in line for line in told)


def wait(told: list[str], event: str) -> None:
    end = time.monotonic() + 30
    while not any(event in line for line in list(told)):
        assert time.monotonic() < end, told
        time.sleep(0.05)
