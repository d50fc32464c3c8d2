"""salesforce preflight, setup, external-service: what an administrator does once, with the values filled in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
    Exit,
    command,
    emit,
    escape,
    load_config,
    status,
    table,
)
from gateway.cli.salesforce_package import PROJECT
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.cli.salesforce_preflight import Preflight, Verdict
    from gateway.config import Config, Org

app = typer.Typer(help="The Salesforce side: what fits an org, credentials, External Services.", no_args_is_help=True)

OrgName = Annotated[str, typer.Option("--org", help="Name of the org in the configuration.")]
Metadata = Annotated[Path, typer.Option(help="Where salesforce_metadata lies.", show_default=False)]

# Names that describe does not tell.
_UNSEEN = "Apex classes, flows, permission sets, buttons and pages are not told by describe: `--dry-run` looks at them."


@app.command()
@command
def preflight(
    org: OrgName, metadata: Metadata = PROJECT, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False
) -> None:
    """
    Which folders of salesforce_metadata fit an org, which of our names it has already, and whether they are ours.

    Reads describe as the configured user, who sees what they may see; changes nothing. Exit code 1 if a name is taken
    or main does not fit.
    """
    from gateway.cli.salesforce_package import folders
    from gateway.cli.salesforce_preflight import preflight as ask

    known = _org(load_config(config, as_json=as_json), org)
    found = asyncio.run(ask(org, known, folders(metadata)))
    emit(found.as_json(), lambda console: _render(console, found), as_json=as_json)
    raise typer.Exit(int(Exit.OK if found.ok else Exit.FOUND))


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


def _org(config: Config, name: str) -> Org:
    if name not in config.orgs:
        raise Misconfigured("unknown_org", f"There is no org {name}; configured are {', '.join(config.orgs)}.")
    return config.orgs[name]


def _render(console: Console, found: Preflight) -> None:
    kind = "sandbox" if found.sandbox else "production"
    console.print(
        f"org {found.org} ({kind}), as {escape(found.user)}: {', '.join(found.features) or 'no extra features'}"
    )
    shown = table("folder", "fits", "state", "")
    for each in found.folders:
        word = {True: "ok", False: "fail", None: "warn"}[each.fits]
        shown.add_row(each.folder, status(word), escape(each.state), escape("\n".join(_told(each))))
    console.print(shown)
    console.print(_UNSEEN)


def _told(verdict: Verdict) -> list[str]:
    lines = [f"needs {verdict.needs}"] if verdict.needs else []
    if verdict.missing and verdict.present:
        more = f" and {len(verdict.missing) - 3} more" if len(verdict.missing) > 3 else ""
        lines.append(f"not there, or hidden: {', '.join(verdict.missing[:3])}{more}")
    lines += [f"older release: {each}" for each in verdict.older]
    lines += [f"taken: {each}; rename yours first, ours would change it" for each in verdict.taken]
    return lines
