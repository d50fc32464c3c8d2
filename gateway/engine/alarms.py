"""Says when a circuit opens and closes, and raises the alarm when it has been open too long."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from gateway.engine.circuit import Circuit, let_expire, open_circuits
from gateway.engine.clock import now
from gateway.engine.store import Store

ALARM_SECONDS = 300.0
log = structlog.get_logger("gateway.engine")


class Alarms:
    """One process's view of all circuits: each process tells its own log. ``raised`` counts alarms."""

    def __init__(self, store: Store) -> None:
        self.open: tuple[Circuit, ...] = ()
        self.raised = 0
        self._store = store
        self._alarmed: set[tuple[str, float]] = set()
        self._at = 0.0

    @property
    def seconds(self) -> dict[str, float]:
        """How long each circuit has been open, as of the last look."""
        return {each.scope: round(self._at - each.since, 1) for each in self.open}

    async def look(self) -> None:
        """Compare with the last look; while something is open, let actions expire that it keeps from being sent."""
        found, self._at = await self._store.read(_look)
        before = {(each.scope, each.since) for each in self.open}
        self.open = tuple(found)
        for each in found:
            if (each.scope, each.since) not in before:
                log.warning("circuit.opened", scope=each.scope, error_code=each.error_code, error=each.error)
            if self._at - each.since >= ALARM_SECONDS:
                self._alarm(each)
        now_open = {(each.scope, each.since) for each in found}
        for scope, since in before - now_open:
            log.info("circuit.closed", scope=scope, seconds=round(self._at - since))
        self._alarmed &= now_open
        if found:
            await self._store.write(let_expire)

    def _alarm(self, circuit: Circuit) -> None:
        if (key := (circuit.scope, circuit.since)) in self._alarmed:
            return
        self._alarmed.add(key)
        self.raised += 1
        seconds = round(self._at - circuit.since)
        log.error(
            "circuit.alarm", scope=circuit.scope, error_code=circuit.error_code, error=circuit.error, seconds=seconds
        )


def _look(conn: Connection) -> tuple[list[Circuit], float]:
    return open_circuits(conn), now(conn)
