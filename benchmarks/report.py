"""The table: what was measured, the goal, and whether it was met; printed and written to results/latest.md."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One line. ``goal`` is a bound on ``value``; None where there is nothing to meet."""

    name: str
    value: float
    unit: str = ""
    goal: tuple[str, float] | None = None
    digits: int = 2

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        sense, bound = self.goal
        return self.value <= bound if sense == "≤" else self.value >= bound

    @property
    def cells(self) -> tuple[str, str, str, str]:
        goal = f"{self.goal[0]} {self.goal[1]:g}{self.unit and ' ' + self.unit}" if self.goal else ""
        verdict = {True: "met", False: "missed", None: ""}[self.met]
        return self.name, f"{self.value:.{self.digits}f}{self.unit and ' ' + self.unit}", goal, verdict


Section = tuple[str, list[Figure]]


def show(sections: list[Section]) -> None:
    console = Console(width=None if Console().is_terminal else 120)
    for title, figures in sections:
        table = Table(title=title, title_justify="left", box=None, header_style="bold")
        for column in ("measure", "value", "goal", ""):
            table.add_column(column, justify="left" if column == "measure" else "right")
        for figure in figures:
            style = {True: "green", False: "red", None: ""}[figure.met]
            table.add_row(*figure.cells, style=style)
        console.print(table, "")


def write(sections: list[Section], settings: str, notes: str) -> Path:
    lines = ["# Benchmark", "", machine(), "", settings, ""]
    for title, figures in sections:
        lines += [f"## {title}", "", "| measure | value | goal | |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(figure.cells)} |" for figure in figures]
        lines.append("")
    lines += [notes, ""]
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latest.md"
    path.write_text("\n".join(lines))
    return path


def machine() -> str:
    cpu = next(
        (x.split(":")[1].strip() for x in _text("/proc/cpuinfo").splitlines() if x.startswith("model name")), "?"
    )
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{when}, commit {_commit()}. {os.cpu_count()} × {cpu}, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}; load average before the end {load:.1f}."
    )


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"
