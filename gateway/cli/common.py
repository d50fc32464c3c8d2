"""What every command shares: options, exit codes, output for people and for machines, errors in plain words."""

from __future__ import annotations

import contextlib
import functools
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, ParamSpec, TypeVar

import typer

from gateway.errors import GatewayError, Misconfigured, Rejected
from gateway.records import Json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from sqlalchemy import Connection

    from gateway.config import Config

P = ParamSpec("P")
R = TypeVar("R")

Render = Callable[["Console"], None]


class Exit(IntEnum):
    """What a script may rely on."""

    OK = 0
    FOUND = 1  # something was found wrong
    USAGE = 2  # configuration or usage
    MISSING = 3  # no such action, letter …
    UNAVAILABLE = 4  # database or upstream away: try again
    REFUSED = 5  # not possible in this state


class Wrong(Exception):
    """It was asked for in a way that makes no sense."""


class Missing(Exception):
    """Nothing of that name."""


class Impossible(Exception):
    """It exists, but not in a state in which this can be done."""


ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="Configuration file.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DEFAULT_CONFIG = Path("gateway.toml")

STATUS_STYLES = {
    "succeeded": "green", "ok": "green", "done": "green", "clean": "green", "unknown": "bold yellow", "warn": "yellow",
    "failed": "red", "fail": "bold red", "dead": "bold red", "rejected": "red", "pending": "cyan", "queued": "cyan",
    "awaiting_approval": "magenta", "cancelled": "dim", "uncertain": "yellow", "parked": "yellow", "dirty": "cyan",
}  # fmt: skip


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what can go wrong into a message and an exit code; nobody reads a traceback to mend a configuration."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        as_json = bool(kwargs.get("as_json"))
        try:
            return function(*args, **kwargs)
        except Wrong as exc:
            stop(Exit.USAGE, "usage", str(exc), as_json=as_json)
        except Missing as exc:
            stop(Exit.MISSING, "not_found", str(exc), as_json=as_json)
        except Impossible as exc:
            stop(Exit.REFUSED, "not_possible", str(exc), as_json=as_json)
        except Misconfigured as exc:
            stop(Exit.USAGE, exc.code, exc.message, as_json=as_json)
        except Rejected as exc:
            stop(Exit.REFUSED, exc.code, exc.message, as_json=as_json)
        except GatewayError as exc:
            stop(Exit.UNAVAILABLE, exc.code, exc.message, as_json=as_json)

    return run


def stop(code: Exit, name: str, message: str, *, as_json: bool = False) -> NoReturn:
    """End with a message: on standard error, and as JSON on standard output when asked for."""
    if as_json:
        print_json({"error": {"code": name, "message": message}})
    else:
        _console(stderr=True, soft_wrap=True).print(f"[bold red]{escape(name)}[/]: {escape(message)}")
    raise typer.Exit(int(code))


def load_config(path: Path, *, as_json: bool = False) -> Config:
    """The configuration, or every problem in it and exit code 2."""
    from gateway.config import load

    with problems_told(as_json=as_json):
        return load(path, os.environ)


@contextlib.contextmanager
def problems_told(*, as_json: bool) -> Iterator[None]:
    """Every problem of a configuration that is read inside, and exit code 2."""
    from gateway.config import ConfigProblems

    try:
        yield
    except ConfigProblems as exc:
        if as_json:
            print_json({"problems": [problem_json(problem) for problem in exc.problems]})
        else:
            show_problems(map(str, exc.problems), "red")
        raise typer.Exit(int(Exit.USAGE)) from None


@contextlib.contextmanager
def opened(loaded: Config, *, readonly: bool = True) -> Iterator[Connection]:
    """One transaction on the configured database; raises Misconfigured when its schema is not this version's."""
    from gateway.engine.database import transaction
    from gateway.engine.migrations import require_current

    require_current(loaded.database.url)
    with transaction(loaded.database.url, readonly=readonly) as conn:
        yield conn


@contextlib.contextmanager
def writing(out: Path) -> Iterator[None]:
    """Files are written below ``out``; raises Wrong where that cannot be done."""
    try:
        yield
    except OSError as exc:
        raise Wrong(f"{exc.filename or out} cannot be written ({exc.strerror}): choose another folder.") from exc


def problem_json(problem: object) -> Json:
    return {name: getattr(problem, name) for name in ("file", "line", "key", "message", "suggestion")}


def show_problems(problems: Iterable[str], style: str) -> None:
    console = _console(stderr=True, soft_wrap=True)
    for problem in problems:
        place, _, text = problem.partition(": ")
        console.print(f"[{style}]{escape(place)}[/]: {escape(text)}")


def emit(value: Json, render: Render, *, as_json: bool) -> None:
    """The same answer for a machine or for a person."""
    if as_json:
        print_json(value)
    else:
        console = _console()
        # Piped into a file or a pager nobody has told a width: tables keep their columns instead of folding at 80.
        render(console if console.is_terminal else _console(width=max(200, console.width)))


def escape(text: str) -> str:
    """The text, with nothing in it taken for markup."""
    from rich.markup import escape as escaped

    return escaped(text)


def _console(*, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> Console:
    # rich is imported where something is shown: `serve` shows nothing and would carry it for ever.
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False)


def print_json(value: Json) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def table(*columns: str, title: str | None = None) -> Table:
    """Columns whose name begins with ``>`` hold numbers."""
    from rich.table import Table

    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return made


def status(word: str | None) -> str:
    """A status in its colour."""
    return f"[{STATUS_STYLES.get(word or '', 'default')}]{escape(word or '')}[/]"


def when(seconds: float | None) -> str | None:
    """ISO 8601, UTC, seconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def actor() -> str:
    """Who is written into the audit log for what the command line does."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user that /etc/passwd does not know
        return f"cli:uid:{os.getuid()}"


def confirm(question: str, *, yes: bool) -> None:
    """Ask unless told not to; a script without ``--yes`` is refused rather than left hanging."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Impossible(f"{question} Say so with --yes.")
    typer.confirm(question, abort=True)
