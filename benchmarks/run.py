"""
Measure the gateway against the same work without durability: ``python -m benchmarks.run [--quick]``.

All ratios are taken inside one run, round by round, because a machine's speed drifts by a third between minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import crash, growth, report, salesforce_calls, servers, variants
from benchmarks.report import Figure, Section
from benchmarks.rounds import Samples, interleaved, measure, ratio, typical
from benchmarks.variants import Variant
from benchmarks.world import World
from tests.support.postgres import DURABLE, PostgresMissing, server


@dataclass(frozen=True)
class Settings:
    rounds: int
    seconds: float
    actions: int  # for memory and database size
    rows: int  # finished actions of the grown database
    outcomes: int
    steady_seconds: int


FULL = Settings(rounds=5, seconds=4, actions=10_000, rows=1_000_000, outcomes=1000, steady_seconds=60)
QUICK = Settings(rounds=2, seconds=3, actions=1_000, rows=20_000, outcomes=200, steady_seconds=10)
LIMITS = {"sqlite": (0.65, 4.0), "postgres": (0.5, 7.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute or two; numbers are rough")
    parser.add_argument("--only", choices=["rounds", "size", "growth", "crash", "calls"], action="append")
    arguments = parser.parse_args()
    settings = QUICK if arguments.quick else FULL
    parts = arguments.only or ["rounds", "size", "calls", "crash", "growth"]
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, contextlib.ExitStack() as stack:
        sections = list(_sections(parts, settings, Path(folder), stack))
    report.show(sections)
    if not arguments.only and not arguments.quick:
        print(f"written to {report.write(sections, _words(settings), NOTES)}")


NOTES = """\
The floor is `benchmarks/floor.py`: the same four calls by `raw_request_async`, the same token check, one Salesforce
write in a thread, nothing stored. The other is `benchmarks/floor_threads.py`: stripe-python as its README shows it.
Every upstream call takes 20 ms. Known customer, three lines and the recipient in the body, automation principal, no
Salesforce read, rate limits off. CPU is that of the server process alone; PostgreSQL's own is not in it. PostgreSQL
runs with fsync on, on the same machine."""


def _words(settings: Settings) -> str:
    return (
        f"{settings.rounds} interleaved rounds of {settings.seconds:g} s per variant and concurrency; "
        f"{settings.actions:,} actions for memory and size; {settings.rows:,} finished actions for growth. "
        "`make bench` repeats it."
    )


def _sections(parts: list[str], settings: Settings, folder: Path, stack: contextlib.ExitStack) -> Iterator[Section]:
    upstream = _started(stack, servers.upstream(folder))
    world = World(folder, upstream.url)
    floor = _variant(stack, variants.floor("floor", world))
    threads = _variant(stack, variants.floor("floor_threads", world))
    gateways = [_variant(stack, each) for each in _gateways(world, folder, stack)]
    if "rounds" in parts:
        samples = interleaved([floor, *gateways, threads], settings.rounds, settings.seconds)
        yield "Speed", list(_speed(samples, gateways))
    if "size" in parts:
        yield f"After {settings.actions:,} actions", list(_size(floor, gateways, settings.actions))
    if "calls" in parts:
        yield "Salesforce calls", list(_calls(gateways[0], settings))
    if "crash" in parts:
        yield "kill -9 under load", list(_crashes(gateways, stack))
    if "growth" in parts:
        yield f"With {settings.rows:,} finished actions", list(_growth(world, settings, stack))


def _gateways(world: World, folder: Path, stack: contextlib.ExitStack) -> Iterator[Variant]:
    yield variants.gateway("sqlite", world, f"sqlite:///{folder}/gateway.db")
    try:
        postgres = stack.enter_context(server(None, DURABLE))
    except PostgresMissing as missing:
        print(f"PostgreSQL is left out: {missing}")
        return
    yield variants.gateway("postgres", world, stack.enter_context(postgres.database()))


def _started(stack: contextlib.ExitStack, started: servers.Server) -> servers.Server:
    stack.callback(started.stop)
    return started


def _variant(stack: contextlib.ExitStack, variant: Variant) -> Variant:
    stack.callback(lambda: variant.server.stop())
    return variant


def _speed(samples: Samples, gateways: list[Variant]) -> Iterator[Figure]:
    for concurrency in (1, 16):
        for name in ("floor", *(each.name for each in gateways), "floor_threads"):
            found = typical(samples, name, concurrency)
            yield Figure(f"{name}, {concurrency} at a time", found.rps, "/s", digits=1)
            yield Figure("    p50", found.p50, "ms", digits=1)
            yield Figure("    p99", found.p99, "ms", digits=1)
            yield Figure("    CPU per action", found.cpu, "ms")
    for gateway in gateways:
        share, cpu = LIMITS[gateway.name]
        name = gateway.name
        yield Figure(f"{name} / floor, 16 at a time", ratio(samples, "rps", name, "floor", 16), "×", ("≥", share))
        yield Figure(f"{name} / threads, 16 at a time", ratio(samples, "rps", name, "floor_threads", 16), "×", ("≥", 2))
        yield Figure(f"{name} / floor, 1 at a time", ratio(samples, "rps", name, "floor", 1), "×", ("≥", 0.93))
        own = typical(samples, name, 16).cpu - typical(samples, "floor", 16).cpu
        yield Figure(f"{name}: CPU per action beyond the floor's, 16 at a time", own, "ms", ("≤", cpu))
        yield Figure(f"{name} / floor, p99, 16 at a time", ratio(samples, "p99", name, "floor", 16), "×", ("≤", 2))


def _size(floor: Variant, gateways: list[Variant], actions: int) -> Iterator[Figure]:
    floor.load(16, count=max(0, actions - floor.sent))
    yield Figure("floor: memory", floor.server.rss(), "MiB", digits=0)
    for gateway in gateways:
        # What the rounds have done counts: every action of theirs is finished and written back.
        gateway.load(16, count=max(0, actions - gateway.sent))
        gateway.drain()
        memory = gateway.server.rss()
        yield Figure(f"{gateway.name}: memory", memory, "MiB", digits=0)
        yield Figure(f"{gateway.name} / floor, memory", memory / floor.server.rss(), "×", ("≤", 1.5))
        stored = (gateway.database_bytes() - gateway.empty) / gateway.sent / 1024
        yield Figure(f"{gateway.name}: database per finished action", stored, "KiB", ("≤", 8))


def _calls(gateway: Variant, settings: Settings) -> Iterator[Figure]:
    yield Figure("a single click", salesforce_calls.click(gateway), "", ("≤", 1), digits=0)
    calls, took = salesforce_calls.burst(gateway, settings.outcomes)
    name = f"a burst of {settings.outcomes:,} outcomes in {took:.0f} s"
    yield Figure(name, calls, "", ("≤", 20 * settings.outcomes / 1000), digits=0)
    steady = salesforce_calls.steady(gateway, seconds=settings.steady_seconds)
    yield Figure("per 1,000 outcomes at 5 a second", steady, "", ("≤", 100), digits=0)


def _crashes(gateways: list[Variant], stack: contextlib.ExitStack) -> Iterator[Figure]:
    for gateway in gateways:
        seconds, jobs = crash.recovery(gateway)
        yield Figure(f"{gateway.name}: {jobs} interrupted actions done after the restart", seconds, "s", ("≤", 2))
    if len(gateways) > 1:
        peer = _variant(stack, crash.peer_of(gateways[1]))
        seconds, jobs = crash.takeover(gateways[1], peer)
        yield Figure(f"postgres: {jobs} interrupted actions done by a peer after the kill", seconds, "s", ("≤", 2))


def _growth(world: World, settings: Settings, stack: contextlib.ExitStack) -> Iterator[Figure]:
    folder = world.folder
    grown = variants.gateway("sqlite-grown", world, f"sqlite:///{folder}/grown.db")
    grown.server.stop()
    assert grown.url is not None
    growth.seed(grown.url.removeprefix("sqlite:///"), settings.rows)
    grown.server = servers.gateway("sqlite-grown", folder / "sqlite-grown.toml", grown.server.port, folder)
    grown = _variant(stack, grown)
    fresh = _variant(stack, variants.gateway("sqlite-fresh", world, f"sqlite:///{folder}/fresh.db"))
    samples: Samples = {}
    for _ in range(settings.rounds):
        for variant in (fresh, grown):
            samples.setdefault((variant.name, 16), []).append(measure(variant, 16, settings.seconds))
    yield Figure("database", grown.database_bytes() / 2**30, "GiB")
    for figure in ("cpu", "p99"):
        found = ratio(samples, figure, grown.name, fresh.name, 16)
        yield Figure(f"{figure}, grown / empty", found, "×", ("≤", 1.1))


if __name__ == "__main__":
    main()
