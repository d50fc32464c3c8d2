"""What one process has read ahead for actions that wait, and who reads now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.connectors.salesforce_types import Access
from gateway.errors import GatewayError
from gateway.records import Json

KEPT_SECONDS = 60.0  # as long as what is known of people's access
_FAILED_SECONDS = 2.0  # who waited for a reading that failed fails with it, who comes later tries anew

Rows = Sequence[Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was read for one action: rows by query, and what its creator may do."""

    rows: Mapping[str, Rows]
    access: Access


@dataclass
class Shelf:
    """By action: what was read, None where it must read for itself, or why nothing could be read."""

    _kept: dict[str, tuple[float, Ahead | GatewayError | None]] = field(default_factory=dict)
    _turns: dict[tuple[str, ...], asyncio.Lock] = field(default_factory=dict)

    def turn(self, *names: str) -> asyncio.Lock:
        """One at a time: of an org while rows are entered, of an org and object while records are read."""
        return self._turns.setdefault(names, asyncio.Lock())

    def knows(self, action_id: str, at: float) -> bool:
        """Whether somebody has read for it lately; ``at`` in monotonic seconds."""
        until, _ = self._kept.get(action_id, (0.0, None))
        return at < until

    def take(self, action_id: str) -> Ahead | None:
        """What it knows of it; raises what the reading raised, once."""
        _, found = self._kept.get(action_id, (0.0, None))
        if isinstance(found, GatewayError):
            del self._kept[action_id]
            raise found
        return found

    def keep(self, found: Mapping[str, Ahead | GatewayError | None], at: float) -> None:
        """Until it is old."""
        fresh = {name: each for name, each in self._kept.items() if at < each[0]}
        for name, each in found.items():
            fresh[name] = (at + (_FAILED_SECONDS if isinstance(each, GatewayError) else KEPT_SECONDS), each)
        self._kept = fresh
