"""audit verify."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import DEFAULT_CONFIG, AsJson, ConfigFile, Exit, Wrong, command, emit, load_config, opened

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.command()
@command
def verify(
    head: Annotated[
        list[str] | None, typer.Option(metavar="ORG:PLACE:LINK", help="A head from the log; repeatable.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """
    Check the chain and its signed heads: rows edited, removed or reordered. Exit code 1 if so.

    With a head that the gateway logged (`audit.head`) it also shows that rows were cut off and the chain signed anew.
    """
    from gateway import audit

    try:
        logged = [audit.Head.parse(text) for text in head or ()]
    except ValueError:
        raise Wrong("--head takes ORG:PLACE:LINK, as the gateway's log has it after `audit.head`.") from None
    loaded = load_config(config, as_json=as_json)
    with opened(loaded) as conn:
        problems = audit.verify(conn, audit.public_key(loaded.audit.signing_key.reveal()), logged)

    def render(console: Console) -> None:
        for problem in problems:
            console.print(f"[red]org {problem.org}, entry {problem.place}: {problem.what}[/]")
        console.print("[red]the audit log was changed[/]" if problems else "[green]the audit log is intact[/]")

    emit({"ok": not problems, "problems": [asdict(problem) for problem in problems]}, render, as_json=as_json)
    raise typer.Exit(int(Exit.FOUND if problems else Exit.OK))
