"""db migrate, db check."""

from __future__ import annotations

import typer

from gateway.cli.common import DEFAULT_CONFIG, AsJson, ConfigFile, Exit, command, emit, load_config

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.command()
@command
def migrate(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Bring the database to the schema of this version; safe to repeat."""
    from gateway.engine import migrations
    from gateway.engine.database import StoreUnavailable

    url = load_config(config, as_json=as_json).database.url
    try:
        before: str | None = migrations.current(url)
    except StoreUnavailable:
        before = None
    migrations.migrate(url)
    after = migrations.current(url)
    text = f"migrated from {before or 'nothing'} to {after}" if before != after else f"already at {after}"
    emit({"before": before, "after": after}, lambda console: console.print(text), as_json=as_json)


@app.command()
@command
def check(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Tell whether the database is reachable and at the revision this version needs. Exit code 1 if it is not."""
    from gateway.engine import migrations

    loaded = load_config(config, as_json=as_json)
    current = migrations.current(loaded.database.url)
    fine = current == migrations.HEAD
    advice = "up to date" if fine else "run: gateway db migrate"
    shown = {"database": loaded.database.shown, "current": current, "needed": migrations.HEAD, "ok": fine}
    text = f"{loaded.database.shown}: at {current or 'nothing'}, needed {migrations.HEAD}: {advice}"
    emit(shown, lambda console: console.print(text), as_json=as_json)
    raise typer.Exit(int(Exit.OK if fine else Exit.FOUND))
