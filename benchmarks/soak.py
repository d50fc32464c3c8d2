"""
`make soak`: what chance must not hide, played in full; writes results/soak.md.

Every fault at every call, death before and after every effect, many kills under load, long random interleavings.
`python -m benchmarks.soak crash faults` runs only these parts, and the file says so.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.report import RESULTS, machine

ROOT = Path(__file__).parent.parent
LONGEST = 3600  # seconds of one test


@dataclass(frozen=True)
class Part:
    """``counts``: what the part's tests tell that they have done, and in which words."""

    file: str
    title: str
    counts: dict[str, str]


PARTS = {
    "crash": Part(
        "tests/scenarios/test_crash.py",
        "death before and after every effect of every action",
        {"crashes": "deaths"},
    ),
    "faults": Part(
        "tests/scenarios/test_faults.py", "every kind of fault at every call of every action", {"faults": "faults"}
    ),
    "interleavings": Part(
        "tests/scenarios/test_interleavings.py",
        "random requests, repeats, crashes, faults, outages, clock jumps",
        {"examples": "runs", "steps": "steps each"},
    ),
    "kills": Part(
        "tests/scenarios/test_processes.py",
        "real processes, killed, frozen, terminated under load",
        {"kills": "kills under load"},
    ),
    "points": Part(
        "tests/scenarios/test_kills.py", "real processes, killed at every named point of one action", {"kills": "kills"}
    ),
}


@dataclass(frozen=True)
class Played:
    part: Part
    seconds: float
    tests: int
    failed: int
    counts: dict[str, int]

    @property
    def line(self) -> str:
        done = ", ".join(f"{self.counts.get(name, 0):,} {words}" for name, words in self.part.counts.items())
        verdict = f"{self.failed} failed" if self.failed else "all held"
        return f"| {self.part.title} | {done} | {self.tests} | {verdict} | {self.seconds / 60:.1f} min |"


def play(name: str, seed: int, workers: str, only: str) -> Played:
    """One part, in a pytest of its own."""
    part, report = PARTS[name], ROOT / "var" / f"soak-{name}.xml"
    report.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pytest", part.file, "-q", "-n", workers, f"--timeout={LONGEST}"]
    command += [f"--junitxml={report}", f"--hypothesis-seed={seed}", *(["-k", only] if only else [])]
    environment = {**os.environ, "GATEWAY_SOAK": "1", "GATEWAY_TEST_SEED": str(seed)}
    started = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    return read(part, report, time.monotonic() - started)


def read(part: Part, report: Path, seconds: float) -> Played:
    """What pytest wrote down of a part. The file is our own, so its XML is trusted."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = sum(case.find(verdict) is not None for case in cases for verdict in ("failure", "error"))
    counts: Counter[str] = Counter()
    for told in (x for case in cases for x in case.iter("property")):
        counts[str(told.get("name"))] += int(told.get("value") or 0)
    return Played(part, seconds, len(cases), failed, dict(counts))


def write(played: list[Played], seed: int, settings: str) -> Path:
    missing = [part.title for part in PARTS.values() if part not in [each.part for each in played]]
    lines = [
        "# Soak", "", machine(), "", f"Seed {seed}; {settings}", "",
        "| what | done | tests | result | took |", "|---|---|---|---|---|", *(each.line for each in played),
    ]  # fmt: skip
    if missing:
        lines += ["", f"Not run this time: {'; '.join(missing)}."]
    path = RESULTS / "soak.md"
    path.write_text("\n".join([*lines, ""]))
    return path


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}; default: all")
    asked.add_argument("--seed", type=int, default=random.randrange(1, 10**6))
    asked.add_argument("--workers", default="2", help="processes that run tests side by side")
    asked.add_argument("--only", default="", help="pytest's -k")
    options = asked.parse_args()
    only = f", only tests that match {options.only!r}" if options.only else ""
    played: list[Played] = []
    for name in options.parts:
        played.append(play(name, options.seed, options.workers, options.only))
        path = write(played, options.seed, f"workers: {options.workers}{only}.")  # what is done stands, should it stop
    print(path.read_text())
    return int(any(each.failed or not each.tests for each in played))


if __name__ == "__main__":
    sys.exit(main())
