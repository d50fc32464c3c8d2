"""The simulator as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests


@pytest.mark.parametrize("configured", [False, True])
def test_it_announces_its_address_serves_and_stops(tmp_path: Path, configured: bool) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"accounts": [{"id": "acct_x", "keys": ["sk_test_x"]}]}))
    command = [sys.executable, "-m", "gateway.sandbox.stripe", "--port", "0"]
    command += ["--config", str(config)] if configured else []
    key, account = ("sk_test_x", "acct_x") if configured else ("sk_test_sandbox", "acct_sandbox")

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().removeprefix("ready ").strip()
        answer = requests.get(f"{url}/v1/account", headers={"Authorization": f"Bearer {key}"}, timeout=5)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)

        assert answer.json()["id"] == account
        assert process.stderr.read() == ""
