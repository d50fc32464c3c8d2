"""salesforce preflight, setup, external-service: what an administrator does once, with the values filled in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
    Exit,
    Impossible,
    Wrong,
    command,
    emit,
    escape,
    load_config,
    problems_told,
    status,
    table,
    writing,
)
from gateway.cli.salesforce_package import PROJECT
from gateway.cli.salesforce_setup import CLIENT_APP, CREDENTIALS

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.cli.salesforce_preflight import Preflight, Verdict
    from gateway.config import Config, Org, Server

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


@app.command()
@command
def setup(
    org: OrgName,
    out: Annotated[Path, typer.Option(help="Folder to write into; becomes a project that sf can deploy.")],
    certificate: Annotated[str | None, typer.Option(help="Unique name of the org's signing certificate.")] = None,
    contact_email: Annotated[str | None, typer.Option(help="Of the external client app.")] = None,
    login_certificate: Annotated[Path | None, typer.Option(help="Of the gateway's login key (PEM).")] = None,
    permission_set_id: Annotated[str | None, typer.Option(help="Of Stripe_Gateway_Integration, 0PS…")] = None,
    literal_org_id: Annotated[bool, typer.Option(help="Where formulas in claims or headers are not resolved.")] = False,
    metadata: Metadata = PROJECT,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """
    Write the credentials, and the external client app, of one org, and print the path to click. Nothing secret.

    Of the configuration it needs [server] and the org, without the consumer key and without any Stripe key.

    The app is written when --contact-email, --login-certificate and --permission-set-id are given.
    """
    from gateway.cli.salesforce_path import steps
    from gateway.cli.salesforce_setup import client_app, render, values

    server, known = _unfinished(config, org, as_json=as_json)
    told = values(server, org, known, certificate, literal_org_id=literal_org_id)
    if contact_email and login_certificate and permission_set_id:
        told = replace(told, client_app=client_app(known, contact_email, login_certificate, permission_set_id))
    elif contact_email or login_certificate or permission_set_id:
        raise Wrong("The app needs --contact-email, --login-certificate and --permission-set-id, all three.")
    files = render(metadata, told)
    with writing(out):
        _write(out, files)
    path = list(steps(known, told, out))
    emit(
        {"folder": str(out), "files": sorted(files), "steps": path},
        lambda console: _walk(console, out, sorted(files), path),
        as_json=as_json,
    )


@app.command("external-service")
@command
def external_service(
    out: Annotated[Path, typer.Option(help="Package directory to write into.")],
    named_credential: Annotated[str, typer.Option(help="What its calls go through.")] = "Stripe_Gateway",
    with_refunds: Annotated[bool, typer.Option("--with-refunds", help="No permission is asked for them.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Write the registration that makes the actions ones of Flow's, without Apex (External Services).

    Refunds are left out: Salesforce asks no permission for what an external service does, so with them every flow of
    whoever may call the gateway at all can refund.
    """
    from gateway.cli.salesforce_registration import FILE, registration

    path = out / FILE
    with writing(out):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(registration(named_credential, refunds=with_refunds), encoding="utf-8")
    emit({"file": str(path)}, lambda console: console.print(escape(str(path))), as_json=as_json)


def _write(out: Path, files: Mapping[str, str]) -> None:
    """All or nothing; a file that was changed by hand is not written over."""
    changed = [
        name for name, text in files.items() if (out / name).exists() and (out / name).read_text("utf-8") != text
    ]
    if changed:
        raise Impossible(f"{out / changed[0]} is there and differs: move it away, or choose another folder.")
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    for name in (CREDENTIALS, CLIENT_APP):
        (out / name).mkdir(exist_ok=True)


def _walk(console: Console, out: Path, files: list[str], path: list[str]) -> None:
    console.print("\n".join(escape(str(out / name)) for name in files), soft_wrap=True)
    for number, step in enumerate(path, 1):
        console.print(f"\n{number}. {escape(step)}", soft_wrap=True)


def _unfinished(path: Path, name: str, *, as_json: bool) -> tuple[Server, Org]:
    from gateway.config import load_org

    with problems_told(as_json=as_json):
        return load_org(path, name, os.environ)


def _org(config: Config, name: str) -> Org:
    if name not in config.orgs:
        raise Wrong(f"There is no org {name}; configured are {', '.join(config.orgs)}.")
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
