"""The operator's command line. One file per group; what takes long to import is imported inside the commands."""

from __future__ import annotations

import typer

from gateway.cli import actions, audit, config, db, dead, doctor, health, keys, pause, salesforce, server, token

HELP = """
Salesforce-triggered action gateway for Stripe.

Every command that answers something takes [bold]--json[/bold] for machines. Exit codes: 0 done · 1 something was
found wrong · 2 wrong configuration or usage · 3 no such thing · 4 database or upstream away, try again · 5 refused in
this state.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_show_locals=False)

for command in (server.serve, server.demo, server.sandbox, doctor.doctor, health.health, server.version):
    app.command()(command)
for command in (pause.pause, pause.resume, pause.paused):
    app.command()(command)

for name, group in {
    "actions": actions.app,
    "audit": audit.app,
    "config": config.app,
    "db": db.app,
    "dead": dead.app,
    "keys": keys.app,
    "salesforce": salesforce.app,
    "token": token.app,
}.items():
    app.add_typer(group, name=name)
