"""dead list, dead replay: jobs that gave up, and rows Salesforce refused for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigFile,
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
    table,
    when,
)
from gateway.records import Json

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

app = typer.Typer(help="Dead letters: what a human must look at.", no_args_is_help=True)

ROW = "row:"  # rows are named row:<org>/<object>/<key>, jobs by their id
MOST = 10_000


@app.command("list")
@command
def list_(
    code: Annotated[str | None, typer.Option(help="Only those of this error code.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST)] = 50,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List dead letters, grouped by cause first."""
    loaded = load_config(config, as_json=as_json)
    with opened(loaded) as conn:
        groups, letters = _groups(conn), _letters(conn, code, limit)

    def render(console: Console) -> None:
        if not groups:
            console.print("[green]no dead letters[/]")
            return
        causes = table(">count", "what", "error code", "since", "for example", title="causes")
        for group in groups:
            example = escape((group["example"] or "")[:120])
            causes.add_row(str(group["count"]), group["kind"], group["error_code"] or "", group["since"] or "", example)
        console.print(causes)
        each = table("letter", "died", ">attempts", "error", title="\nletters")
        for letter in letters:
            error = escape(f"{letter['error_code']}: {letter['error']}")
            each.add_row(letter["id"], letter["died"] or "", str(letter["attempts"]), error)
        console.print(each)
        console.print("[dim]mend the cause, then: gateway dead replay --code CODE[/]")

    emit({"groups": groups, "letters": letters}, render, as_json=as_json)


@app.command()
@command
def replay(
    letters: Annotated[
        list[str] | None, typer.Argument(metavar="[LETTER]...", help="As `dead list` names them.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="All of this error code.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only tell which.")] = False,
    yes: Yes = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """
    Try dead letters again, at the end of their lanes; recorded in the audit log.

    Attempts stay counted: what had used up its budget gets one more, and is dead again if that fails. A job or row
    that waits for its next attempt may be named too: it makes it now, instead of then.
    """
    if sum((bool(letters), code is not None, everything)) != 1:
        raise Wrong("Name letters, or say --code CODE, or --all.")
    loaded = load_config(config, as_json=as_json)
    with opened(loaded) as conn:
        chosen = letters or [letter["id"] for letter in _letters(conn, code, MOST)]
    if not chosen:
        raise Missing("There are no such dead letters.")
    if not dry_run:
        confirm(f"Replay {len(chosen)} dead letters?", yes=yes)
        with opened(loaded, readonly=False) as conn:
            done = [letter for letter in chosen if _replay(conn, letter)]
        if letters and len(done) < len(chosen):
            raise Missing(
                f"Neither dead nor waiting for another attempt: {', '.join(sorted(set(chosen) - set(done)))}."
            )
        chosen = done
    verb = "would replay" if dry_run else "replayed"
    shown = {"replayed": [] if dry_run else chosen, "would_replay": chosen if dry_run else []}
    emit(shown, lambda console: console.print(f"{verb} {len(chosen)}", *chosen[:20], sep="\n  "), as_json=as_json)


def _groups(conn: Connection) -> list[dict[str, Json]]:
    from gateway.cli import queries
    from gateway.engine.jobs import dead_groups

    jobs = [
        {"kind": g.kind, "error_code": g.error_code, "count": g.count, "since": when(g.since), "example": g.example}
        for g in dead_groups(conn)
    ]
    return jobs + [{"kind": "write-back", "since": None, **group} for group in queries.dead_row_groups(conn)]


def _letters(conn: Connection, code: str | None, limit: int) -> list[dict[str, Json]]:
    from gateway.cli import queries
    from gateway.engine.jobs import dead_letters

    jobs = [
        {"id": x.id, "kind": x.kind, "lane": x.lane, "attempts": x.attempts, "died": when(x.died),
         "error_code": x.error_code, "error": x.error}
        for x in dead_letters(conn, code, limit=limit)
    ]  # fmt: skip
    rows = [
        {"id": f"{ROW}{row['org']}/{row['sobject']}/{row['key']}", "kind": "write-back", "lane": f"sf:{row['org']}",
         "attempts": row["attempts"], "died": None, "error_code": row["error_code"], "error": row["error"]}
        for row in queries.dead_rows(conn, code, limit)
    ]  # fmt: skip
    return (jobs + rows)[:limit]


def _replay(conn: Connection, letter: str) -> bool:
    from gateway import audit
    from gateway.engine.clock import now

    at = now(conn)
    revive = _revive_row if letter.startswith(ROW) else _revive_job
    revived = revive(conn, letter, at)
    if revived is None:
        return False
    org, attempts = revived
    detail = {} if attempts is None else {"attempts": attempts}
    audit.record(conn, org=org, actor=actor(), act="dead.replayed", ref=letter, detail=detail, at=at)
    return True


def _revive_job(conn: Connection, letter: str, _at: float) -> tuple[str, int | None] | None:
    """The org whose chain it belongs to, and the attempts it had used."""
    from gateway.engine import jobs, ledger

    attempts = jobs.replay(conn, letter)
    if attempts is None:
        return None
    row = ledger.by_id(conn, letter)
    return (row.org if row is not None else ""), attempts


def _revive_row(conn: Connection, letter: str, at: float) -> tuple[str, int | None] | None:
    from gateway.engine import mirror
    from gateway.engine.entering import Job
    from gateway.engine.jobs import stir

    org, _, rest = letter.removeprefix(ROW).partition("/")
    sobject, _, key = rest.partition("/")
    if not mirror.replay(conn, org, sobject, key, at):
        return None
    stir(conn, Job(f"sender:{org}", "sender", f"sf:{org}", scope=f"salesforce:{org}"), at)
    return org, None
