"""How many Salesforce calls outcomes cost: in a burst, at a steady pace, and for a single click."""

from __future__ import annotations

import json
import threading
import time
import urllib.request

from benchmarks.variants import Variant


def count(upstream: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{upstream}/_counts") as answer:
        counts: dict[str, int] = json.load(answer)
    return counts


def writes(upstream: str) -> int:
    return count(upstream).get("salesforce_write", 0)


def click(variant: Variant) -> int:
    """Calls for one outcome after a pause."""
    time.sleep(2)
    before = writes(variant.world.upstream)
    variant.load(1, count=1)
    variant.drain()
    return writes(variant.world.upstream) - before


def burst(variant: Variant, outcomes: int = 1000) -> tuple[int, float]:
    """Calls for ``outcomes`` as fast as they go, and the seconds they took."""
    before = writes(variant.world.upstream)
    took = variant.load(32, count=outcomes).seconds
    variant.drain()
    return writes(variant.world.upstream) - before, took


def steady(variant: Variant, per_second: int = 5, seconds: int = 40) -> float:
    """Calls per 1,000 outcomes that come evenly."""
    before, threads = writes(variant.world.upstream), []
    start = time.monotonic()
    for n in range(per_second * seconds):
        time.sleep(max(0.0, start + n / per_second - time.monotonic()))
        thread = threading.Thread(target=variant.load, args=(1,), kwargs={"count": 1})
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    variant.drain()
    return 1000 * (writes(variant.world.upstream) - before) / (per_second * seconds)
