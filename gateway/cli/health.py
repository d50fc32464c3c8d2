"""health: ask the gateway that runs with this configuration how it is; what a container's health check calls."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.common import DEFAULT_CONFIG, AsJson, ConfigFile, Exit, Wrong, command, emit, load_config

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - who listens everywhere is asked here


@command
def health(
    ready: Annotated[bool, typer.Option(help="Ask /readyz (takes work) instead of /livez (runs).")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds to wait.")] = 2.0,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Ask the gateway that runs on this machine whether it lives. Exit code 1 if not."""
    from http.client import HTTPConnection, HTTPException

    server = load_config(config, as_json=as_json).server
    if server.port == 0:
        raise Wrong("server.port is 0: a port that changes cannot be asked. Set one.")
    host, path = _ANY.get(server.host, server.host), "/readyz" if ready else "/livez"
    connection = HTTPConnection(host, server.port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        fine, said = answer.status == 200, answer.read(500).decode(errors="replace").strip()
    except (OSError, HTTPException) as exc:
        fine, said = False, f"no answer: {exc or type(exc).__name__}"
    finally:
        connection.close()
    url = f"http://{f'[{host}]' if ':' in host else host}:{server.port}{path}"
    emit({"ok": fine, "url": url, "answer": said}, lambda console: console.print(f"{url}: {said}"), as_json=as_json)
    raise typer.Exit(int(Exit.OK if fine else Exit.FOUND))
