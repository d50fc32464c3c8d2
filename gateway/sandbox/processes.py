"""Child processes of the sandbox: started on loopback, waited for, killed on purpose, never left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

START_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class NotStarted(RuntimeError):
    """A child did not come up; the message carries the end of its log."""


@dataclass
class Child:
    """One process; its output goes to ``log``."""

    name: str
    command: Sequence[str]
    url: str
    ready: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until ``ready`` answers 200."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start, and leave it to `wait_ready` to see it come up."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(  # noqa: S603 - our own module, arguments made here
                [sys.executable, "-m", *self.command],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.environment},
                preexec_fn=_die_with_parent if _outlives_this_thread() else None,
            )

    def wait_ready(self) -> None:
        """Raises NotStarted when the process ends or takes too long."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process is None or self.process.poll() is not None:
                break
            try:
                if requests.get(self.url + self.ready, timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
        self.kill()
        raise NotStarted(f"{self.name} did not start:\n{tail}")

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self, grace: float = 20.0) -> int | None:
        """SIGTERM; SIGKILL after ``grace``. Returns the exit status."""
        return self._end(signal.SIGTERM, grace)

    def freeze(self) -> None:
        """SIGSTOP: the process hangs, its connections stay."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals, grace: float = 10.0) -> int | None:
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        return self.process.returncode


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program the way Ctrl-C does, so that children and folders go with it."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outlives_this_thread() -> bool:
    # Linux sends the signal when the thread that forked ends, not the process: only the main thread lives as long.
    return _LIBC is not None and threading.current_thread() is threading.main_thread()


def _die_with_parent() -> None:
    """Runs in the child: also a parent that is killed outright leaves nothing running."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
