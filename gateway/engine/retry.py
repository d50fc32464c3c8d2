"""When a failed attempt is made again, as data per kind of job. Budgets count attempts, never time."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays in seconds: ``first``, then times ``factor`` up to ``cap``, each ± ``jitter``; dead after ``attempts``."""

    first: float = 5.0
    factor: float = 2.0
    cap: float = 3600.0
    attempts: int = 12
    jitter: float = 0.2

    def exhausted(self, attempts: int) -> bool:
        """Whether the budget is used up after this many attempts."""
        return attempts >= self.attempts

    def delay(self, attempts: int, chance: float | None = None) -> float:
        """Seconds until the next attempt after ``attempts`` failed ones; ``chance`` (0–1) stands in for the dice."""
        exponent = min(max(attempts, 1) - 1, 60)  # 2**60 s is past every cap; larger powers overflow a float
        dice = random.random() if chance is None else chance  # noqa: S311 - spreads load, guards nothing
        return float(min(self.cap, self.first * self.factor**exponent) * (1 + self.jitter * (2 * dice - 1)))


INTERACTIVE = RetryPolicy(first=0.5, factor=2, cap=60, attempts=12)
# A job that never ends looks again as often as it does anyway, whatever failed in the years before.
STANDING = RetryPolicy(first=60, factor=1, cap=60, attempts=1 << 30)
PATIENT = RetryPolicy(first=5, factor=2, cap=3600, attempts=110)  # three days at one an hour and 20 % less
