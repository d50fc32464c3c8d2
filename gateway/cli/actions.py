"""actions list, show, trace, resolve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
    Impossible,
    Missing,
    Wrong,
    Yes,
    actor,
    command,
    confirm,
    emit,
    escape,
    load_config,
    opened,
    status,
    table,
    when,
)
from gateway.records import Json, Status

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.config import Config

app = typer.Typer(help="What Salesforce asked for, and what became of it.", no_args_is_help=True)

ActionId = Annotated[str, typer.Argument(metavar="ACTION", help="act_…")]
SHOWN = ("id", "name", "status", "org", "entity", "sobject", "record_id", "caller_sub", "caller_kind", "request_key",
         "stripe_id", "error_code", "request_id", "traceparent", "parent")  # fmt: skip
TIMES = ("accepted", "planned", "ended", "expires")


@app.command("list")
@command
def list_(
    org: Annotated[str | None, typer.Option(help="Name of an org in the configuration.")] = None,
    with_status: Annotated[Status | None, typer.Option("--status")] = None,
    name: Annotated[str | None, typer.Option(help="send-invoice, refund-payment …")] = None,
    record: Annotated[str | None, typer.Option(help="Salesforce record id.")] = None,
    before: Annotated[int | None, typer.Option(help="Go on from this `seq` (the next page).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List actions, the newest first."""
    from gateway.cli import queries

    if name is not None:
        _check_name(name)
    loaded = load_config(config, as_json=as_json)
    names = _org_names(loaded)
    wanted = queries.Wanted(
        orgs=[_org_id(loaded, org)] if org else list(names) if record else [],
        status=with_status,
        name=name,
        record=_record(record) if record else None,
        before=before,
        limit=limit,
    )
    with opened(loaded) as conn:
        found, circuits, paused = queries.actions(conn, wanted), queries.circuits(conn), queries.paused(conn)

    def render(console: Console) -> None:
        for circuit in circuits:
            text = f"{circuit['scope']} is not available since {when(circuit['since'])}, its actions wait: "
            console.print(f"[bold red]{escape(text + circuit['error'])}[/]")
        for each in paused:
            text = f"{each['scope']} is paused by {each['actor']} since {when(each['since'])}: {each['reason'] or ''}"
            console.print(f"[bold yellow]{escape(text)}[/]")
        shown = table("accepted", "action", "what", "org", "record", "status", ">amount", "stripe", "error")
        for row in found:
            cells = (when(row["accepted"]), row["id"], row["name"], names.get(row["org"], row["org"]), row["record_id"])
            shown.add_row(*cells, status(row["status"]), _amount(row), row["stripe_id"] or "", row["error_code"] or "")
        console.print(shown if found else "no actions")
        if len(found) == limit:
            console.print(f"[dim]older ones: --before {found[-1]['seq']}[/]")

    listed = [{**each, "since": when(each["since"]), "next_probe": when(each["next_probe"])} for each in circuits]
    stopped = [{**each, "since": when(each["since"])} for each in paused]
    emit({"actions": [_timed(row) for row in found], "circuits": listed, "paused": stopped}, render, as_json=as_json)


@app.command()
@command
def show(action: ActionId, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show one action: who asked for what, its state and its answer."""
    found = _found(load_config(config, as_json=as_json), action)

    def render(console: Console) -> None:
        _facts(console, found)
        if envelope := found["envelope"]:
            console.print(f"\n[bold]answer[/] {escape(envelope.get('user_message') or '')} {envelope.get('url') or ''}")

    emit(_timed(found), render, as_json=as_json)


@app.command()
@command
def trace(action: ActionId, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show everything that happened: steps with Stripe's request ids, attempts, write-back, audit entries."""
    from gateway.cli import queries

    loaded = load_config(config, as_json=as_json)
    found = _found(loaded, action)
    with opened(loaded) as conn:
        rows = queries.write_backs(conn, found["org"], found["record_id"]) if found["record_id"] else []
        audited = queries.history(conn, action)
    for entry in (*found["steps"], *audited):
        entry.update({name: when(entry[name]) for name in ("sent", "ended", "at") if name in entry})

    def render(console: Console) -> None:
        _facts(console, found)
        _render_trace(console, found["steps"], rows, audited)

    emit(_timed(found) | {"write_back": rows, "audit": audited}, render, as_json=as_json)


@app.command()
@command
def resolve(
    action: ActionId,
    happened: Annotated[bool, typer.Option("--happened/--did-not-happen", help="What Stripe's dashboard shows.")],
    reason: Annotated[str, typer.Option(help="How you know; goes into the audit log.")],
    yes: Yes = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Tell whether an action of unknown outcome took place: Stripe is asked once more, and the gateway goes on."""
    loaded = load_config(config, as_json=as_json)
    found = _found(loaded, action)
    if found["status"] != Status.UNKNOWN:
        raise Impossible(f"{action} is {found['status']}; only an action of unknown outcome can be resolved.")
    words = "happened" if happened else "did not happen"
    confirm(f"{found['name']} {_amount(found)} on {found['record_id']} {words} at Stripe?", yes=yes)
    from gateway.app import resolve as run

    run(loaded, action, happened=happened, reason=reason, actor=actor())
    told = (
        f"{action}: recorded that it {words}. The gateway asks Stripe once more and goes on within seconds: "
        f"gateway actions show {action}"
    )
    emit({"action_id": action, "happened": happened}, lambda console: console.print(told), as_json=as_json)


def _found(loaded: Config, action_id: str) -> dict[str, Json]:
    from gateway.cli import queries

    with opened(loaded) as conn:
        found = queries.one(conn, action_id)
    if found is None:
        raise Missing(f"There is no action {action_id}: gateway actions list shows what there is.")
    return found


def _org_names(loaded: Config) -> dict[str, str]:
    return {org.id: name for name, org in loaded.orgs.items()}


def _org_id(loaded: Config, name: str) -> str:
    if name not in loaded.orgs:
        raise Wrong(f"There is no org {name!r} in the configuration: {', '.join(loaded.orgs)}.")
    return loaded.orgs[name].id


def _record(text: str) -> str:
    from gateway.errors import Rejected
    from gateway.ids import salesforce_id

    try:
        return salesforce_id(text)
    except Rejected as exc:
        raise Wrong(f"--record {text}: {exc.message}") from exc


def _check_name(name: str) -> None:
    from gateway import actions

    if name not in actions.registry():
        raise Wrong(f"There is no action {name!r}: {', '.join(sorted(actions.registry()))}.")


def _amount(row: dict[str, Json]) -> str:
    from gateway.money import Money

    if row["amount_minor"] is None or not row["currency"]:
        answer = row["envelope"] or {}  # a repeat has no amount of its own
        return f"{answer.get('amount') or ''} {answer.get('currency') or ''}".strip()
    return f"{Money(row['amount_minor'], row['currency'].lower()).text} {row['currency'].upper()}"


def _timed(row: dict[str, Json]) -> dict[str, Json]:
    return row | {name: when(row[name]) for name in TIMES}


def _facts(console: Console, found: dict[str, Json]) -> None:
    grid = table("", "", title=found["id"])
    grid.show_header = False
    values = {**{name: found[name] for name in SHOWN}, "amount": _amount(found), **{n: when(found[n]) for n in TIMES}}
    if found["ended"]:
        del values["expires"]  # of its beginning, which is past
    for name, value in values.items():
        if value:
            grid.add_row(f"[dim]{name}[/]", status(value) if name == "status" else escape(str(value)))
    if job := found["job"]:
        grid.add_row(
            "[dim]job[/]", f"{status(job['state'])} after {job['attempts']} attempts {job['error_code'] or ''}"
        )
        if job["paused_by"]:
            grid.add_row("", escape(f"paused by the operator ({job['paused_by']}): gateway resume lets it go on"))
        if job["error"]:
            grid.add_row("", escape(job["error"]))
    console.print(grid)


def _render_trace(console: Console, steps: list[Json], rows: list[Json], audited: list[Json]) -> None:
    shown = table(">n", "step", "state", "sent", ">attempts", "stripe", "request id", "error", title="\nsteps")
    for s in steps:
        name = s["name"] if s["generation"] == 1 else f"{s['name']} (generation {s['generation']})"
        cells = (s["stripe_id"] or "", s["request_id"] or "", s["error_code"] or "")
        shown.add_row(str(s["n"]), name, status(s["state"]), s["sent"], str(s["attempts"]), *cells)
    console.print(shown)
    written = table("object", "key", "state", ">version", ">written", "error", title="\nwrite-back of the record")
    for r in rows:
        error = escape(f"{r['error_code'] or ''} {r['error'] or ''}".strip())
        written.add_row(r["sobject"], r["key"], status(r["state"]), str(r["version"]), str(r["written"]), error)
    console.print(written)
    entries = table("at", "who", "what", "detail", title="\naudit")
    for entry in audited:
        entries.add_row(entry["at"], entry["actor"], entry["act"], escape(str(entry["detail"] or "")))
    console.print(entries)
