"""
A PostgreSQL server of the test run's own: Debian's programs, a temporary folder, no fsync, loopback only.

All workers of one run share it: the first to come starts it, the last to leave stops it. A template holds the migrated
schema, so a test's database is a copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from gateway.engine.migrations import migrate

_PROGRAMS = ("/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin")
# fsync off: crashes of the machine are not tested, crashes of our processes are
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "deadlock_timeout": "200ms",
}
# What a measurement needs: as durable as an operator's server
DURABLE = {**_SETTINGS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_TEMPLATE = "gateway_template"


class PostgresMissing(Exception):
    """No server programs on this machine: install Debian's package postgresql (`make test` tries to)."""


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh, migrated database, dropped afterwards whoever still uses it."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        try:
            yield self.url(name)
        finally:
            with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
                conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def programs() -> Path:
    """Where the server programs are; raises PostgresMissing."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else [Path(place) for place in _PROGRAMS]
    for place in places:
        if (place / "initdb").exists() and (place / "pg_ctl").exists():
            return place
    raise PostgresMissing("no initdb and pg_ctl: apt-get install postgresql")


@contextlib.contextmanager
def server(shared: Path | None, settings: Mapping[str, str] = _SETTINGS) -> Iterator[Postgres]:
    """Start a server, or join the one that another worker of this run started in ``shared``."""
    programs()
    if shared is None:
        with tempfile.TemporaryDirectory(prefix="gateway-pg-", ignore_cleanup_errors=True) as name:
            yield _start(Path(name), settings)
            _stop(Path(name))
        return
    shared.mkdir(parents=True, exist_ok=True)
    users = shared / "users.json"
    with _locked(shared):
        state = json.loads(users.read_text()) if users.exists() else None
        if state is None:
            folder = Path(tempfile.mkdtemp(prefix="gateway-pg-"))
            state = {"port": _start(folder, settings).port, "folder": str(folder), "users": 0}
        users.write_text(json.dumps({**state, "users": state["users"] + 1}))
    try:
        yield Postgres(state["port"])
    finally:
        with _locked(shared):
            state = json.loads(users.read_text())
            state["users"] -= 1
            users.write_text(json.dumps(state))
            if state["users"] == 0:  # a worker that comes later starts another
                users.unlink()
                _stop(Path(state["folder"]))
                shutil.rmtree(state["folder"], ignore_errors=True)


@contextlib.contextmanager
def _locked(shared: Path) -> Iterator[None]:
    with (shared / "lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _start(folder: Path, chosen: Mapping[str, str]) -> Postgres:
    port = _free_port()
    _own(folder)
    settings = {**chosen, "port": str(port), "unix_socket_directories": str(folder)}
    _run(["initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"])
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    _run(["pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "-o", options, "start"])
    started = Postgres(port)
    with psycopg.connect(started.url("postgres"), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {_TEMPLATE}")
    migrate(started.url(_TEMPLATE))
    return started


def _stop(folder: Path) -> None:
    _run(["pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop"])


def _own(folder: Path) -> None:
    """The server refuses to run as root: give the folder to a system user that may."""
    if os.geteuid() == 0:
        user = _system_user()
        os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o700)


def _run(command: list[str]) -> None:
    program = [str(programs() / command[0]), *command[1:]]
    if os.geteuid() == 0:
        user = _system_user()
        program = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *program]
    # Not captured through pipes: the server would inherit them and keep them open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(program, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
        if done.returncode != 0:
            output.seek(0)
            raise RuntimeError(f"{command[0]} failed: {output.read().decode(errors='replace')[-2000:]}")


def _system_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresMissing("neither a user postgres nor nobody to run the server as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
