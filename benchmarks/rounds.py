"""Interleaved rounds: every variant in every round, so that a slow minute of the machine hits all of them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.variants import Variant

CONCURRENCIES = (1, 16)


@dataclass(frozen=True)
class Sample:
    """One variant in one round. Milliseconds; CPU of the server process per action, write-back included."""

    rps: float
    p50: float
    p99: float
    cpu: float


Samples = dict[tuple[str, int], list[Sample]]


def measure(variant: Variant, concurrency: int, seconds: float) -> Sample:
    before = variant.server.cpu()
    result = variant.load(concurrency, seconds=seconds)
    variant.drain()
    cpu = 1000 * (variant.server.cpu() - before) / len(result.times)
    return Sample(result.rps, result.at(0.5), result.at(0.99), cpu)


def interleaved(variants: Sequence[Variant], rounds: int, seconds: float) -> Samples:
    samples: Samples = {}
    for number in range(rounds):
        for concurrency in CONCURRENCIES:
            # The order turns round by round, so that nobody always comes after the heaviest.
            turned = [*variants[number % len(variants) :], *variants[: number % len(variants)]]
            for variant in turned:
                samples.setdefault((variant.name, concurrency), []).append(measure(variant, concurrency, seconds))
    return samples


def typical(samples: Samples, name: str, concurrency: int) -> Sample:
    """The median of each figure over the rounds."""
    found = samples[name, concurrency]
    return Sample(*(median(getattr(sample, figure) for sample in found) for figure in Sample.__dataclass_fields__))


def ratio(samples: Samples, figure: str, name: str, base: str, concurrency: int) -> float:
    """The median over the rounds of ``name`` divided by ``base`` in the same round."""
    pairs = zip(samples[name, concurrency], samples[base, concurrency], strict=True)
    return float(median(getattr(ours, figure) / getattr(theirs, figure) for ours, theirs in pairs))
