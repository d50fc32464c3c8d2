"""
Whether an upstream as a whole is away, told by calls in a row that came to nothing (docs/decisions/0012).

One failed connection says nothing of the next. Several, over some seconds and with no answer between them, are an
outage: then the error names the scope whose circuit opens, and further calls are not even begun.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from gateway.connectors import Clock
from gateway.errors import Away, CircuitOpen, GatewayError

FAILURES = 5  # in a row, no answer between
SPAN_SECONDS = 5.0  # from the first of them to the last: what is over sooner was a blip
GAP_SECONDS = 30.0  # between two of them; after more, the earlier ones are an old story
PROBE_SECONDS = 60.0
EVERYWHERE = "*"  # the scope of a task that no circuit keeps back: a person's question, of which there are few


@dataclass(slots=True)
class Probe:
    """The task that tries whether its scope may be called again; ``answered`` is the proof that it may."""

    scope: str
    answered: bool = False


# A job's handler runs in a task of its own, and the tasks of its calls inherit from it.
probing: ContextVar[Probe | None] = ContextVar("probing", default=None)


@dataclass(slots=True)
class _Streak:
    count: int
    first: float
    last: float


class Health:
    """What one process has seen of its upstreams; ``open_scopes`` are the circuits that are open for all of them."""

    def __init__(self, clock: Clock, open_scopes: Callable[[], frozenset[str]] = frozenset) -> None:
        self._clock = clock
        self._open_scopes = open_scopes
        self._streaks: dict[str, _Streak] = {}

    def admit(self, *scopes: str) -> None:
        """Raises CircuitOpen where a circuit of the call is open, but for those that this task may try."""
        if not (open_scopes := self._open_scopes()):
            return
        probe = probing.get()
        for scope in scopes:
            if scope in open_scopes and (probe is None or probe.scope not in {scope, EVERYWHERE}):
                message = "The upstream is not available now; the gateway goes on by itself when it is back."
                raise CircuitOpen("circuit_open", message, scope=scope, retry_after=PROBE_SECONDS)

    def answered(self, scope: str, *, proves: tuple[str, ...]) -> None:
        """Something came back, so ``scope`` is there; ``proves`` are those whose probe has hereby succeeded."""
        if self._streaks:
            self._streaks.pop(scope, None)
        probe = probing.get()
        if probe is not None and probe.scope in proves:
            probe.answered = True

    def failed(self, scope: str, error: GatewayError, remedy: str) -> GatewayError:
        """A call came to nothing: its own error, or, when it is one too many, the one that opens the circuit."""
        at = self._clock.monotonic()
        known = self._streaks.get(scope, _Streak(0, at, -math.inf))
        if at - known.last > GAP_SECONDS:
            known = _Streak(0, at, at)
        self._streaks[scope] = _Streak(known.count + 1, known.first, at)
        if known.count + 1 < FAILURES or at - known.first < SPAN_SECONDS:
            return error
        return Away(error.code, f"{error.message} {remedy}", scope=scope)
