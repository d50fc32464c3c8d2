"""
When to send, and how much at once.

A click goes at once if nothing went in the last second. Otherwise rows gather until a call is full or the oldest has
waited three seconds: a thousand outcomes in a burst cost twenty calls, five a second cost one call in three seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gateway.engine.mirror import MirrorRow
from gateway.writeback.payload import FULL, OWNER, Sizes
from gateway.writeback.queue import Look, Waiting

QUIET_SECONDS = 1.0
GATHER_SECONDS = 3.0
# Share of the org's daily API calls -> how long background rows gather. At 90 % they rest: one call in a quarter of an
# hour tells whether the window has moved on.
SLOWED = ((0.9, 900.0), (0.8, 60.0), (0.0, GATHER_SECONDS))
FAILED_FIRST, FAILED_CAP = 5.0, 300.0
OWNER_SECONDS = 3600.0  # so long nobody is named again who could not own a row


@dataclass(frozen=True, slots=True)
class Turn:
    """``wait`` seconds, then look again; at 0 send, with ``back`` the background too."""

    wait: float
    back: bool = False


class Pace:
    """One org's rhythm, in one process."""

    def __init__(self) -> None:
        self.sizes = FULL
        self._sent = -math.inf
        self.failures = 0
        self._not_owners: dict[tuple[str, str], float] = {}

    def cannot_own(self, row: MirrorRow, at: float) -> None:
        """Salesforce refused a row because of whom it was to belong to."""
        fresh = {key: until for key, until in self._not_owners.items() if at < until}
        self._not_owners = fresh | {(row.sobject, str(row.fields[OWNER])): at + OWNER_SECONDS}

    def owned(self, row: MirrorRow, at: float) -> MirrorRow:
        """The row without its owner, where that one was refused of late: it stays with the gateway's user."""
        if at >= self._not_owners.get((row.sobject, str(row.fields.get(OWNER))), 0.0):
            return row
        return replace(row, fields={name: value for name, value in row.fields.items() if name != OWNER})

    def turn(self, look: Look, at: float, usage: tuple[int, int] | None) -> Turn:
        """``at`` in monotonic seconds; ``usage`` = API calls used and allowed."""
        gather = slowed(usage)
        front, back = self._wait(look.front, at, GATHER_SECONDS), self._wait(look.back, at, gather)
        if min(front, back) > 0:
            return Turn(min(front, back))
        return Turn(0.0, back=back <= 0 or gather == GATHER_SECONDS)

    def sent(self, at: float) -> None:
        """A call went through: grow back, stamps slowly (a trigger that could not bear more has not changed)."""
        self._sent, self.failures = at, 0
        now = self.sizes
        self.sizes = Sizes(
            min(FULL.graphs, now.graphs + 10), min(FULL.nodes, now.nodes + 60), min(FULL.records, now.records + 1)
        )

    def took_too_long(self) -> None:
        """Half of it next time."""
        now = self.sizes
        self.sizes = Sizes(max(1, now.graphs // 2), max(1, now.nodes // 2), max(1, now.records // 2))

    def too_many_records(self) -> None:
        """A trigger could not bear that many stamps at once."""
        self.sizes = Sizes(self.sizes.graphs, self.sizes.nodes, max(1, self.sizes.records // 2))

    def failed(self) -> float:
        """Seconds to rest after a call that came to nothing: 5 s, doubled up to 5 minutes."""
        self.failures += 1
        return float(min(FAILED_CAP, FAILED_FIRST * 2 ** min(self.failures - 1, 10)))

    def _wait(self, waiting: Waiting, at: float, gather: float) -> float:
        if not waiting:
            return math.inf
        full = waiting.graphs >= self.sizes.graphs or waiting.stamps >= self.sizes.records
        if self._quiet(waiting, at) or (full and gather == GATHER_SECONDS):
            return 0.0
        return max(0.0, gather - waiting.age)

    def _quiet(self, waiting: Waiting, at: float) -> bool:
        """Whether the oldest interactive row came after a second of silence."""
        return waiting.urgent_age is not None and at - waiting.urgent_age - self._sent >= QUIET_SECONDS


def slowed(usage: tuple[int, int] | None) -> float:
    """How long background rows gather at this use of the API budget."""
    used = usage[0] / usage[1] if usage and usage[1] else 0.0
    return next(seconds for share, seconds in SLOWED if used >= share)
