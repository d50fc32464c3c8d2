"""pause, resume, paused: stop what an org, an entity or an action would begin, and let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
    Missing,
    Wrong,
    actor,
    command,
    emit,
    escape,
    load_config,
    opened,
    table,
    when,
)
from gateway.records import Json

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.config import Config

LONGEST = 200  # characters of a reason: it is shown to whoever asks for an action

OrgName = Annotated[str | None, typer.Option("--org", help="Name of an org in the configuration.")]
EntityName = Annotated[str | None, typer.Option("--entity", help="Name of an entity in the configuration.")]
ActionName = Annotated[str | None, typer.Option("--action", help="send-invoice, refund-payment …")]


@command
def pause(
    org: OrgName = None,
    entity: EntityName = None,
    action: ActionName = None,
    reason: Annotated[str | None, typer.Option(help="Shown to whoever asks for an action meanwhile.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """
    Begin nothing new at Stripe for an org, an entity or an action, until it is resumed.

    Every running gateway obeys within seconds. What has begun goes to its end; requests are taken and wait, and do
    not expire.
    """
    from gateway.pipeline import pausing

    loaded = load_config(config, as_json=as_json)
    scope = _scope(loaded, org, entity, action)
    if reason is not None and (len(reason) > LONGEST or not reason.isprintable() or not reason.strip()):
        raise Wrong(f"--reason is one line of at most {LONGEST} characters.")
    with opened(loaded, readonly=False) as conn:
        pausing.begin(conn, scope, actor=actor(), reason=reason and reason.strip())
    emit(
        {"paused": _named(loaded, scope)},
        lambda console: console.print(f"{escape(_title(loaded, scope))} is paused; gateway resume lets it go on."),
        as_json=as_json,
    )


@command
def resume(
    org: OrgName = None,
    entity: EntityName = None,
    action: ActionName = None,
    reason: Annotated[str | None, typer.Option(help="Goes into the audit log.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Let what was paused go on, at once. The time an action has to begin in counts from now."""
    from gateway.pipeline import pausing

    loaded = load_config(config, as_json=as_json)
    scope = _scope(loaded, org, entity, action, configured=False)
    with opened(loaded, readonly=False) as conn:
        released = pausing.end(conn, scope, actor=actor(), reason=reason)
    if released is None:
        raise Missing(f"{_title(loaded, scope)} is not paused: gateway paused shows what is.")
    emit(
        {"resumed": _named(loaded, scope), "released": released},
        lambda console: console.print(f"{escape(_title(loaded, scope))} goes on: {released} that waited."),
        as_json=as_json,
    )


@command
def paused(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List what is paused, since when, by whom and why."""
    from gateway.cli import queries

    loaded = load_config(config, as_json=as_json)
    with opened(loaded) as conn:
        found = queries.paused(conn)

    def render(console: Console) -> None:
        shown = table("paused", "since", "by", ">waiting", "reason")
        for each in found:
            cells = (when(each["since"]) or "", each["actor"], str(each["held"]), escape(each["reason"] or ""))
            shown.add_row(escape(_title(loaded, each["scope"])), *cells)
        console.print(shown if found else "nothing is paused")

    listed = [{**_named(loaded, each["scope"]), **each, "since": when(each["since"])} for each in found]
    emit({"paused": listed}, render, as_json=as_json)


def _scope(loaded: Config, org: str | None, entity: str | None, action: str | None, *, configured: bool = True) -> str:
    """The one thing that was named; unless ``configured``, also one that has left the configuration (an org's id)."""
    from gateway.actions import registry

    given = [(kind, name) for kind, name in (("org", org), ("entity", entity), ("action", action)) if name is not None]
    if len(given) != 1:
        raise Wrong("Name one of --org, --entity and --action.")
    [(kind, name)] = given
    known = {"org": _orgs(loaded), "entity": {x: x for x in loaded.entities}, "action": {x: x for x in registry()}}[
        kind
    ]
    target = known.get(name)
    if target is None and configured:
        raise Wrong(f"There is no {kind} {name!r}: {', '.join(sorted(known))}.")
    return f"{kind}:{target or name}"


def _orgs(loaded: Config) -> dict[str, str]:
    return {name: org.id for name, org in loaded.orgs.items()}


def _named(loaded: Config, scope: str) -> dict[str, Json]:
    kind, _, target = scope.partition(":")
    names = {org_id: name for name, org_id in _orgs(loaded).items()}
    return {"scope": scope, "kind": kind, "name": names.get(target, target) if kind == "org" else target}


def _title(loaded: Config, scope: str) -> str:
    named = _named(loaded, scope)
    return f"{named['kind']} {named['name']}"
