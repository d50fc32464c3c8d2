"""
What can go wrong on the way to a simulator, on demand.

A fault is armed over ``/_control/faults`` and taken by the first request that matches. Faults of the wire (a reset, a
hang, half a body) are done by the gate; faults that speak the application's own error format (``Faults.app_kinds``) are
handed to the application in ``scope["sandbox.fault"]``: only it knows its bodies and whether the answer is remembered.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

When = Literal["before", "after"]

# Kind -> does the application run before the fault shows? "after" is nasty: the effect is there, the answer is not.
WIRE_KINDS: dict[str, When] = {
    "drop_before": "before",
    "drop_after": "after",
    "hang": "before",
    "hang_after": "after",
    "drip": "after",
    "truncated": "after",
    "half_json": "after",
    "html_200": "after",
    "empty_200": "after",
    "http_429": "before",
    "http_500": "before",
    "http_502": "before",
    "http_503": "before",
}
HANG_SECONDS = 3600.0
DRIP_SECONDS = 0.05


class BadFaultError(ValueError):
    """The control call cannot be understood; the message says what is expected."""


@dataclass
class Fault:
    """``after`` matching requests are let through first; then ``times`` are hit (``None``, in JSON also -1: all)."""

    id: int
    kind: str
    method: str
    path: str
    when: When
    times: int | None = 1
    after: int = 0
    seconds: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    def exhausted(self) -> bool:
        return self.times is not None and self.hits >= self.times


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= HANG_SECONDS:
        raise BadFaultError(f"seconds must be a number from 0 to {HANG_SECONDS:g}")
    return float(value)


@dataclass
class Faults:
    """The table of armed faults. ``app_kinds``: the application's own, with when they strike by default."""

    app_kinds: Mapping[str, When] = field(default_factory=dict)
    armed: list[Fault] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def arm(self, spec: Mapping[str, Any]) -> Fault:
        """Read the JSON of ``POST /_control/faults``; raises BadFaultError."""
        rest = dict(spec)
        match = dict(rest.pop("match", {}))
        kind = rest.pop("kind", None)
        known = {**WIRE_KINDS, **self.app_kinds}
        if kind not in known:
            raise BadFaultError(f"unknown fault kind {kind!r}; one of: {', '.join(sorted(known))}")
        when = rest.pop("when", known[kind])
        if when not in ("before", "after"):
            raise BadFaultError(f"when must be 'before' or 'after', not {when!r}")
        fault = Fault(
            id=next(self._ids),
            kind=kind,
            method=str(match.pop("method", "*")).upper(),
            path=str(match.pop("path", "*")),
            when=when,
            times=None if (times := rest.pop("times", 1)) in {None, -1} else int(times),
            after=int(rest.pop("after", 0)),
            seconds=_seconds(rest.pop("seconds", None)),
            extra=dict(rest.pop("extra", {})),
        )
        if rest or match:
            raise BadFaultError(f"unknown members: {', '.join(sorted({*rest, *match}))}")
        self.armed.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, if any; counts it."""
        for fault in self.armed:
            if not fault.matches(method, path):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.hits += 1
            if fault.exhausted():
                self.armed.remove(fault)
            return fault
        return None

    def is_app_kind(self, fault: Fault) -> bool:
        return fault.kind in self.app_kinds

    def clear(self) -> None:
        self.armed.clear()
