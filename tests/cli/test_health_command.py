"""health: what a container's health check calls, with the very configuration the gateway runs with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.app import build
from gateway.config import load
from gateway.sandbox.processes import free_port
from gateway.sandbox.wire import Server
from tests.cli.conftest import Installation

ROOT = Path(__file__).parents[2]


@pytest.fixture
def served(migrated: Installation) -> Iterator[Installation]:
    """A gateway with the allow-list of the example, on a port of its own."""
    port, text = free_port(), migrated.file.read_text()
    example = (ROOT / "docs/examples/gateway.toml").read_text()
    [hosts] = [line for line in example.splitlines() if line.startswith("allowed_hosts")]
    migrated.file.write_text(text.replace("[server]", f"[server]\nport = {port}\n{hosts}"))
    with capture_logs(), Server(build(load(migrated.file, {})).app, port):  # or they stand in what the command prints
        yield migrated


def test_the_health_check_passes_with_the_example_s_host_names_and_another_port(served: Installation) -> None:
    lives, ready = served.json("health"), served.json("health", "--ready")

    assert served.run("health").exit_code == 0
    assert (lives["ok"], lives["answer"]) == (True, "ok")
    assert lives["url"].startswith("http://127.0.0.1:")
    assert json.loads(ready["answer"])["ready"] is True


def test_a_gateway_that_does_not_run_is_exit_code_1(installation: Installation) -> None:
    text = installation.file.read_text()
    installation.file.write_text(text.replace("[server]", f"[server]\nport = {free_port()}"))

    result = installation.run("health")

    assert result.exit_code == 1
    assert "no answer" in result.stdout


def test_a_port_that_changes_cannot_be_asked(installation: Installation) -> None:
    installation.file.write_text(installation.file.read_text().replace("[server]", "[server]\nport = 0"))

    result = installation.run("health")

    assert result.exit_code == 2
    assert "server.port" in result.stderr
