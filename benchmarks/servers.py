"""The processes of a benchmark: started, waited for, measured, stopped; never one that was not started here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


@dataclass
class Server:
    """A child process that answers HTTP."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """CPU seconds so far, children included (user + system)."""
        return cpu_seconds(self.process.pid)

    def rss(self) -> float:
        """Resident memory in MiB."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


def cpu_seconds(pid: int) -> float:
    process = psutil.Process(pid)
    times = [process.cpu_times(), *(child.cpu_times() for child in process.children(recursive=True))]
    return sum(float(t.user) + float(t.system) for t in times)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start(
    name: str, command: Sequence[str], port: int, ready: str, folder: Path, environ: Mapping[str, str] | None = None
) -> Server:
    """Start ``python -m <command>`` and wait until ``ready`` (a path) is answered with 200."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(name, port, process, log)
    wait_ready(server, ready)
    return server


def wait_ready(server: Server, path: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.process.poll() is not None:
            break
        if answers(server.url + path):
            return
        time.sleep(0.01)
    tail = server.log.read_text()[-2000:]
    raise RuntimeError(f"{server.name} did not come up:\n{tail}")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status < 500)
    except urllib.error.HTTPError as exc:
        return exc.code < 500
    except OSError:
        return False


def upstream(folder: Path, seconds: float = 0.02) -> Server:
    port = free_port()
    return start("upstream", ["benchmarks.upstream", str(port), str(seconds)], port, "/_counts", folder)


def floor(kind: str, public_key: Path, upstream_url: str, folder: Path) -> Server:
    """``kind``: the module, ``floor`` or ``floor_threads``."""
    port = free_port()
    environ = {"BENCH_PORT": str(port), "BENCH_UPSTREAM": upstream_url, "BENCH_PUBLIC_KEY": str(public_key)}
    return start(kind, [f"benchmarks.{kind}"], port, "/", folder, environ)


def gateway(name: str, config: Path, port: int, folder: Path) -> Server:
    return start(name, ["gateway", "serve", "--config", str(config)], port, "/readyz", folder)
