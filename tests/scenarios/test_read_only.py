"""The server needs to write nowhere but into the folder of its database: its own tree may be read-only."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

import gateway
from gateway.sandbox.processes import free_port
from tests.scenarios.lab import PATIENCE, Lab
from tests.scenarios.test_http import Caller

# What root may do to files that are not his to write is taken from it: the test means the same in a container.
BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@dataclass(frozen=True)
class Installed:
    """A copy of the program that nobody may write to, beside a configuration that nobody may write to."""

    tree: Path
    lab: Lab
    data: Path
    port: int

    def command(self, *arguments: str) -> list[str]:
        return [*BOUND, sys.executable, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_"))}
        return {**kept, "HOME": "/nonexistent", "TMPDIR": str(self.tree)}

    def files(self) -> set[Path]:
        return {path for folder in (self.tree, self.lab.folder) for path in folder.rglob("*")}


def _modes(root: Path, *, writable: bool) -> None:
    for path in [root, *root.rglob("*")]:
        bits = 0o200 if writable else 0
        path.chmod((0o555 if path.is_dir() else 0o400) | bits)


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    tree, world, data = tmp_path / "tree", tmp_path / "world", tmp_path / "data"
    shutil.copytree(Path(gateway.__file__).parent, tree / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    world.mkdir()
    data.mkdir()
    lab = Lab(world, f"sqlite:///{data}/gateway.db")
    lab.configure(server={"port": (port := free_port())})
    _modes(tree, writable=False)
    _modes(world, writable=False)
    yield Installed(tree, lab, data, port)
    lab.close()
    _modes(tree, writable=True)
    _modes(world, writable=True)


def ready(url: str, process: subprocess.Popen[str]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{url}/readyz", timeout=5).status_code == 200:
                return True
        time.sleep(0.1)
    return False


def test_it_serves_from_a_tree_it_cannot_write_to(installed: Installed) -> None:
    lab, before = installed.lab, installed.files()
    tries = "import gateway, pathlib; print(gateway.__file__); pathlib.Path(gateway.__file__).with_name('x').touch()"
    attempt = subprocess.run(
        installed.command("-c", tries), cwd=installed.tree, env=installed.environment,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert attempt.stdout.strip() == f"{installed.tree}/gateway/__init__.py"
    assert "PermissionError" in attempt.stderr

    serve = installed.command("-m", "gateway", "serve", "--config", str(lab.config_file))
    with subprocess.Popen(
        serve, cwd=installed.tree, env=installed.environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        url = f"http://127.0.0.1:{installed.port}"
        up = ready(url, process)
        done = Caller(lab, url)("POST", "/v1/actions/send-invoice", {"record_id": lab.fleet}, Prefer="wait=60").json()
        process.terminate()
        output, _ = process.communicate(timeout=60)

    assert up, output
    assert done["success"], done
    assert process.returncode in {0, -15}, output
    assert "Traceback" not in output
    assert installed.files() == before
    assert {path.name.partition(".")[0] for path in installed.data.iterdir()} == {"gateway"}
