"""doctor: ask every upstream the harmless questions that the first invoice would otherwise ask."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
    Exit,
    Wrong,
    command,
    emit,
    escape,
    load_config,
    opened,
    status,
    table,
)
from gateway.cli.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.config import Config


@command
def doctor(
    only: Annotated[list[str] | None, typer.Option("--only", help="Name of an entity or org; repeatable.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """
    Check keys, scopes, logins, permissions, fields, clocks and limits; name the fix of whatever is wrong.

    Reads, and changes of objects that do not exist; nothing is made or changed anywhere. Exit code 1 if a check fails.
    """
    loaded = load_config(config, as_json=as_json)
    if unknown := set(only or ()) - set(loaded.orgs) - set(loaded.entities):
        raise Wrong(f"There is no entity or org {', '.join(sorted(unknown))} in {config}.")
    findings = asyncio.run(_all(loaded, set(only or ()) or {*loaded.orgs, *loaded.entities}))
    failed = any(finding.level == "fail" for finding in findings)

    emit(
        {"ok": not failed, "findings": [finding.as_json() for finding in findings]},
        lambda console: _render(console, findings),
        as_json=as_json,
    )
    raise typer.Exit(int(Exit.FOUND if failed else Exit.OK))


async def _all(config: Config, names: set[str]) -> list[Finding]:
    from gateway.cli import doctor_salesforce, doctor_stripe

    entities = {name: entity for name, entity in config.entities.items() if name in names}
    orgs = {name: org for name, org in config.orgs.items() if name in names}
    local = _local(config)
    seen = {} if any(finding.level == "fail" and finding.subject == "database" for finding in local) else _seen(config)
    stripe, salesforce = await asyncio.gather(
        doctor_stripe.probe(config, entities), doctor_salesforce.probe(orgs, config.mappings, seen)
    )
    return [*local, *stripe, *salesforce]


def _seen(config: Config) -> dict[str, float]:
    """When each org id was first met."""
    from gateway.engine.settings import settings_like
    from gateway.pipeline.outbox import FIRST_SEEN

    with opened(config) as conn:
        return {org: float(at) for org, at in settings_like(conn, FIRST_SEEN).items()}


def _local(config: Config) -> list[Finding]:
    from gateway.engine import migrations
    from gateway.errors import GatewayError

    fix = "see `gateway config check`"
    findings = [warn("configuration", "file", str(problem), fix) for problem in config.warnings]
    try:
        current = migrations.current(config.database.url)
    except GatewayError as exc:
        fix = "start the database, check [database] url; a new one is made by `gateway db migrate`"
        return [*findings, fail("database", "reachable", exc.message, fix)]
    if current != migrations.HEAD:
        text = f"{config.database.shown} is at revision {current or 'none'}, needed is {migrations.HEAD}"
        return [*findings, fail("database", "schema", text, "run `gateway db migrate`")]
    return [
        *findings,
        ok("database", "schema", f"{config.database.shown} is at revision {current}"),
        *_circuits(config),
        *_paused(config),
    ]


def _circuits(config: Config) -> list[Finding]:
    """Upstreams the running gateway has given a rest, and why."""
    from gateway.engine.alarms import ALARM_SECONDS
    from gateway.engine.circuit import open_circuits
    from gateway.engine.clock import now

    with opened(config) as conn:
        found, at = open_circuits(conn), now(conn)
    if not found:
        return [ok("circuits", "open", "none")]
    fix = "mend the cause; it closes by itself at the next probe, at most a minute later"
    return [
        (fail if at - each.since >= ALARM_SECONDS else warn)(
            "circuits", each.scope, f"open for {at - each.since:.0f} s: {each.error_code}: {each.error}", fix
        )
        for each in found
    ]


def _paused(config: Config) -> list[Finding]:
    """What the operator has stopped: meant, but easily forgotten."""
    from gateway.cli import queries

    with opened(config) as conn:
        found = queries.paused(conn)
    return [
        warn("paused", each["scope"], f"by {each['actor']}: {each['reason'] or 'no reason'}; {each['held']} wait",
             "`gateway resume` lets it go on")
        for each in found
    ] or [ok("paused", "by the operator", "nothing")]  # fmt: skip


def _render(console: Console, findings: list[Finding]) -> None:
    for subject, group in groupby(findings, key=lambda finding: finding.subject):
        shown = table("", "", "", title=f"\n{subject}")
        shown.show_header = False
        for finding in group:
            text = escape(finding.text) + (f"\n[bold]→ {escape(finding.fix)}[/]" if finding.fix else "")
            shown.add_row(status(finding.level), finding.check, text)
        console.print(shown)
    counts = {level: sum(finding.level == level for finding in findings) for level in ("ok", "warn", "fail")}
    console.print(f"\n{counts['ok']} ok, {counts['warn']} warnings, {counts['fail']} failures")
