"""config check, config show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gateway.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
    command,
    emit,
    load_config,
    print_json,
    problem_json,
    show_problems,
)

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="The configuration file.", no_args_is_help=True)


@app.command()
@command
def check(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Report every problem at once, as file:line with a suggestion. Exit code 2 if there is one."""
    loaded = load_config(config, as_json=as_json)

    def render(console: Console) -> None:
        show_problems(map(str, loaded.warnings), "yellow")
        orgs, entities = ", ".join(loaded.orgs), ", ".join(loaded.entities)
        console.print(f"[green]{config} is fine[/]: orgs {orgs}; entities {entities}; {loaded.database.shown}")

    warnings = [problem_json(problem) for problem in loaded.warnings]
    emit({"ok": True, "problems": [], "warnings": warnings}, render, as_json=as_json)


@app.command()
@command
def show(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Print the configuration as it takes effect, defaults included, secrets hidden (JSON, asked for or not)."""
    from gateway.config import render_effective

    print_json(render_effective(load_config(config, as_json=as_json)))
