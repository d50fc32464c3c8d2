"""What doctor finds: about whom, what was looked at, how it is, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from gateway.records import Json

AGAIN = "run doctor again; if it stays, see docs/troubleshooting.md"
SKEW_WARN, SKEW_FAIL = 5.0, 30.0  # seconds; inbound tokens are refused beyond the leeway of 30 s


@dataclass(frozen=True, slots=True)
class Finding:
    """``fix`` says who must do what; None where nothing must be done."""

    subject: str
    check: str
    level: Literal["ok", "warn", "fail"]
    text: str
    fix: str | None = None

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


def ok(subject: str, check: str, text: str) -> Finding:
    return Finding(subject, check, "ok", text)


def warn(subject: str, check: str, text: str, fix: str) -> Finding:
    return Finding(subject, check, "warn", text, fix)


def fail(subject: str, check: str, text: str, fix: str) -> Finding:
    return Finding(subject, check, "fail", text, fix)


def skew(subject: str, theirs: float | None, ours: float) -> Finding:
    """How far our clock is from theirs; their ``Date`` is exact to a second."""
    if theirs is None:
        return warn(subject, "clock", "the answer has no Date header", "compare this machine's clock by hand")
    seconds = max(0.0, abs(ours - theirs) - 1)
    text = f"clocks differ by {seconds:.0f} s" if seconds >= 1 else "clocks agree"
    if seconds < SKEW_WARN:
        return ok(subject, "clock", text)
    fix = "synchronise this machine's clock (chrony, systemd-timesyncd)"
    return (fail if seconds >= SKEW_FAIL else warn)(subject, "clock", text, fix)
