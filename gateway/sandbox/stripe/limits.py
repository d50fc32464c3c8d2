"""Rate limits: 25/s per endpoint, and per account 100/s live or 25/s in test mode (docs.stripe.com/rate-limits)."""

import time
from dataclasses import dataclass, field

from gateway.sandbox.stripe.errors import StripeError


@dataclass
class Bucket:
    rate: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        self.level = min(self.rate, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass
class RateLimits:
    """Off until switched on. Real seconds, not sandbox seconds: it is the caller's speed that counts."""

    on: bool = False
    per_endpoint: float = 25
    per_account_live: float = 100
    per_account_test: float = 25
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def check(self, account: str, livemode: bool, endpoint: str) -> None:
        """Runs before the idempotency layer, so a 429 from here is never remembered."""
        if not self.on:
            return
        now = time.monotonic()
        account_rate = self.per_account_live if livemode else self.per_account_test
        for scope, rate, reason in (
            (endpoint, self.per_endpoint, "endpoint-rate"),
            ("", account_rate, "global-rate"),
        ):
            bucket = self.buckets.setdefault((account, scope), Bucket(rate, rate, now))
            if not bucket.take(now):
                raise too_many(reason)


def too_many(reason: str) -> StripeError:
    return StripeError(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        kept=False,
        headers={"stripe-rate-limited-reason": reason},
    )
