"""``gateway sandbox`` as a process: it says where everything is, and nothing of it is left when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.sandbox.salesforce.world import BadWorldError, SalesforceWorld
from gateway.sandbox.world import incomplete


def processes_of(folder: Path) -> list[int]:
    """Whoever was started with a path in that folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sandbox, up, on a terminal of 80 columns; and what it printed."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "80", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "gateway", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = [""]
        while not told[-1].startswith("Command line:"):
            told.append(process.stdout.readline())
            assert told[-1], "the sandbox ended before it was up"
        yield process, "".join(told)
        process.kill()


def gone(folder: Path) -> bool:
    end = time.monotonic() + 30
    while processes_of(folder) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes_of(folder)


def after(words: str, told: str) -> str:
    [line] = [line.removeprefix(words) for line in told.splitlines() if line.startswith(words)]
    return line


def shell(line: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}  # nothing is activated
    return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)


def test_the_printed_lines_work_as_they_are_copied(running: tuple[subprocess.Popen[str], str]) -> None:
    _, told = running

    answer = json.loads(shell(after("First call: ", told)).stdout)
    listed = shell(after("Command line: ", told))

    assert (answer["success"], answer["status"]) == (True, "succeeded"), answer
    assert answer["action_id"] in listed.stdout


def test_a_process_that_ends_by_itself_is_named_with_its_log(
    tmp_path: Path, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, _ = running
    [stripe] = [pid for pid in processes_of(tmp_path) if b"gateway.sandbox.stripe" in cmdline(pid)]

    os.kill(stripe, signal.SIGKILL)

    assert process.stdout is not None
    told = process.stdout.read()
    assert process.wait(60) == 1
    assert "The process stripe has ended (exit status -9); its log: " in told
    assert "private keys" in told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_leaves_no_process_and_no_folder(
    tmp_path: Path, running: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, told = running
    config = Path(after("Command line: ", told).partition("--config ")[2])
    assert config.is_file()
    assert config.stat().st_mode & 0o077 == 0
    assert len(processes_of(tmp_path)) == 3

    process.send_signal(number)

    assert process.wait(60) == 128 + number
    assert gone(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_killed_outright_it_leaves_no_process(tmp_path: Path, running: tuple[subprocess.Popen[str], str]) -> None:
    process, _ = running

    process.kill()

    assert gone(tmp_path)


def test_without_the_metadata_it_says_what_to_do(tmp_path: Path) -> None:
    told = incomplete(tmp_path / "salesforce_metadata")

    assert told is not None
    assert "from a checkout" in told
    assert incomplete() is None


def test_a_simulated_org_without_its_metadata_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "world.json"
    config.write_text('{"org_id": "00DSB00000000012AA", "users": [], "app": {"consumer_key": "x", "public_key": "x"}}')
    SalesforceWorld.load(config)
    text = config.read_text().replace("{", f'{{"metadata": "{tmp_path}/nowhere", ', 1)
    config.write_text(text)

    with pytest.raises(BadWorldError, match="run it from a checkout"):
        SalesforceWorld.load(config)
