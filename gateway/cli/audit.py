"""audit verify."""

from __future__ import annotations

import typer
from rich.console import Console

from gateway.cli.common import DEFAULT_CONFIG, AsJson, ConfigFile, Exit, command, emit, load_config

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.command()
@command
def verify(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check the chain and its signed heads: rows edited, removed or reordered. Exit code 1 if so."""
    from gateway import audit
    from gateway.engine.database import transaction

    loaded = load_config(config, as_json=as_json)
    with transaction(loaded.database.url, readonly=True) as conn:
        problems = audit.verify(conn, loaded.audit.signing_key.reveal())

    def render(console: Console) -> None:
        for problem in problems:
            console.print(f"[red]{problem}[/]")
        console.print("[red]the audit log was changed[/]" if problems else "[green]the audit log is intact[/]")

    emit({"ok": not problems, "problems": [str(problem) for problem in problems]}, render, as_json=as_json)
    raise typer.Exit(int(Exit.FOUND if problems else Exit.OK))
