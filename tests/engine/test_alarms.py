"""An open circuit is told once, becomes an alarm after five minutes, and its end is told too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from structlog.testing import capture_logs

from gateway.engine.alarms import Alarms
from gateway.engine.circuit import close_circuit, open_circuit
from gateway.engine.clock import SystemClock
from tests.support.engine import opened

US = "stripe:us"


def watched(url: str, *story: Callable[[Any], object] | float) -> tuple[Alarms, list[list[dict[str, Any]]]]:
    """Commits and seconds that pass, a look after each; what each look logged."""

    async def main() -> tuple[Alarms, list[list[dict[str, Any]]]]:
        clock = SystemClock()
        async with opened(url, clock=clock) as store:
            alarms, told = Alarms(store), []
            for happens in story:
                if callable(happens):
                    await store.write(happens)
                else:
                    clock.offset += happens
                with capture_logs() as logs:
                    await alarms.look()
                told.append(logs)
            return alarms, told

    return asyncio.run(main())


def opens(conn: Any) -> None:
    open_circuit(conn, US, "stripe_unreachable", "Stripe cannot be reached.")


def closes(conn: Any) -> None:
    close_circuit(conn, US)


def test_a_circuit_is_told_once_and_raises_one_alarm_after_five_minutes(database_url: str) -> None:
    alarms, told = watched(database_url, opens, 200, 101, opens, 300)

    assert [[(each["event"], each["log_level"]) for each in logs] for logs in told] == [
        [("circuit.opened", "warning")],
        [],
        [("circuit.alarm", "error")],
        [],
        [],
    ]
    assert told[2][0]["scope"] == US
    assert told[2][0]["error_code"] == "stripe_unreachable"
    assert alarms.raised == 1
    assert alarms.seconds[US] > 600


def test_what_closes_in_time_raises_none_and_the_next_one_counts_anew(database_url: str) -> None:
    alarms, told = watched(database_url, opens, 200, closes, opens, 200)

    assert [each["event"] for logs in told for each in logs] == ["circuit.opened", "circuit.closed", "circuit.opened"]
    assert alarms.raised == 0
    assert alarms.open[0].scope == US


def test_with_nothing_open_it_says_nothing(database_url: str) -> None:
    alarms, told = watched(database_url, 0.0, 600.0)

    assert told == [[], []]
    assert (alarms.open, alarms.seconds) == ((), {})
