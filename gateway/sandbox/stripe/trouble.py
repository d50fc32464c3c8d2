"""Faults in Stripe's own voice: what each kind answers, and whether an idempotency key remembers it."""

from dataclasses import dataclass
from typing import Any

from gateway.sandbox.faults import Fault, When
from gateway.sandbox.stripe.errors import StripeError


@dataclass(frozen=True)
class Trouble:
    """``kept``: stored under the idempotency key, so that a retry replays it ("poisoned key")."""

    status: int
    message: str
    code: str | None = None
    type: str = "api_error"
    kept: bool = False
    when: When = "before"
    headers: tuple[tuple[str, str], ...] = ()


_LOCKED = (
    "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. "
    "If you see this error intermittently, retry the request."
)
_BROKEN = "Something went wrong on our end. Please try again later."
TROUBLES: dict[str, Trouble] = {
    "http_400": Trouble(
        400, "This request cannot be done for this object.", "parameter_invalid", "invalid_request_error", kept=True
    ),
    "http_401": Trouble(401, "Invalid API Key provided: sk_test_************gone", type="invalid_request_error"),
    "http_403": Trouble(
        403,
        "The provided key 'rk_test_************gone' does not have the required permissions for this endpoint.",
        type="invalid_request_error",
    ),
    "http_409_lock": Trouble(409, _LOCKED, "lock_timeout", "invalid_request_error"),
    "http_429": Trouble(
        429,
        "Request rate limit exceeded.",
        "rate_limit",
        "invalid_request_error",
        headers=(("stripe-rate-limited-reason", "endpoint-concurrency"),),
    ),
    # The limiter of single resources sits behind the idempotency layer (docs.stripe.com/error-low-level).
    "http_429_lock_timeout": Trouble(429, _LOCKED, "lock_timeout", "invalid_request_error", kept=True),
    "http_500": Trouble(500, _BROKEN, headers=(("stripe-should-retry", "false"),)),
    "http_500_cached": Trouble(500, _BROKEN, kept=True, headers=(("stripe-should-retry", "false"),)),
}
# "slow" answers normally, but takes ``seconds`` between taking the idempotency key and running the endpoint.
APP_KINDS: dict[str, When] = {**{kind: trouble.when for kind, trouble in TROUBLES.items()}, "slow": "before"}


def error_of(fault: Fault) -> StripeError:
    trouble = TROUBLES[fault.kind]
    headers: dict[str, Any] = dict(trouble.headers)
    if "retry_after" in fault.extra:
        headers["retry-after"] = str(fault.extra["retry_after"])
    return StripeError(
        trouble.status,
        trouble.message,
        code=trouble.code,
        kind=trouble.type,
        # An answer lost after the effect is remembered: the endpoint had begun.
        kept=trouble.kept or fault.when == "after",
        headers=headers,
    )
