"""salesforce preflight, setup, external-service: what an administrator does once, with the values filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import AsJson, command, emit, escape

app = typer.Typer(help="The Salesforce side: what fits an org, credentials, External Services.", no_args_is_help=True)


@app.command("external-service")
@command
def external_service(
    out: Annotated[Path, typer.Option(help="Package directory to write into.")],
    named_credential: Annotated[str, typer.Option(help="What its calls go through.")] = "Stripe_Gateway",
    as_json: AsJson = False,
) -> None:
    """Write the registration that makes every action one of Flow's, without Apex (External Services)."""
    from gateway.cli.salesforce_registration import FILE, registration

    path = out / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(registration(named_credential), encoding="utf-8")
    emit({"file": str(path)}, lambda console: console.print(escape(str(path))), as_json=as_json)
