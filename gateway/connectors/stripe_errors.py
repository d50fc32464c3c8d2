"""
Stripe's errors as ours. The SDK sorts them into classes; what was done, and who acts, is decided here.

Stripe: docs.stripe.com/error-low-level (what is cached under an idempotency key), docs.stripe.com/error-codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import stripe

from gateway.connectors import retry_after, without_personal_data
from gateway.errors import GatewayError, Misconfigured, Refused, Throttled, UnknownOutcome, Unreachable

# Raised before the first byte of a request leaves: refused, no route, no such host, TLS handshake.
NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# 409 while another request with the key, or on the object, is at work. Any other 409 is a state that forbids the call.
BUSY = {None, "idempotency_key_in_use", "lock_timeout", "rate_limit"}

NOT_CONFIGURED = "entity_not_configured"


@dataclass(frozen=True, slots=True)
class Sent:
    """What was asked of whom, and what came back as far as it did."""

    entity: str
    method: str
    resource: str
    endpoint: str = ""
    own_key: bool = False  # a separate refund key: its faults say nothing of the other key
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def scopes(self) -> tuple[str, str, str]:
        """The circuits this call hangs on: the entity's, its key's, and that of the key at this endpoint."""
        return scopes(self.entity, self.endpoint, own_key=self.own_key)

    @property
    def replayed(self) -> bool:
        """Whether Stripe answered from its idempotency cache."""
        return self.headers.get("Idempotent-Replayed") == "true"

    @property
    def request_id(self) -> str | None:
        return self.headers.get("Request-Id")

    @property
    def retry_after(self) -> float | None:
        return retry_after(self.headers)


def not_configured(entity: str) -> Misconfigured:
    """Something stored is of an entity that the configuration has no longer, or has under another name."""
    return Misconfigured(
        NOT_CONFIGURED,
        f"What this is about is at the Stripe entity {entity!r}, which the gateway's configuration does not have: its "
        f"operator must put [entities.{entity}] back under that name. An entity that shall bill nobody any more is "
        "taken out of orgs.<name>.entities only.",
        scope=f"stripe:{entity}",
    )


def scopes(entity: str, endpoint: str, *, own_key: bool) -> tuple[str, str, str]:
    """From wide to narrow; a missing scope for refunds must not stop invoices."""
    key = f"stripe:{entity}:{'refund' if own_key else 'billing'}"
    return f"stripe:{entity}", key, f"{key}:{endpoint}"


def fault(error: stripe.StripeError, sent: Sent) -> GatewayError:
    """Say what an exception of the SDK means."""
    for kind, meaning in MEANING:
        if isinstance(error, kind):
            return meaning(error, sent)
    return _unknown("stripe_unexpected", sent)


def broken(error: Exception, sent: Sent) -> GatewayError:
    """Say what a failed connection or a passed deadline means."""
    # aiohttp repeats a DELETE by itself on a connection that the server had closed: the first may have arrived.
    if isinstance(error, NEVER_SENT) and sent.method != "delete":
        return Unreachable("stripe_unreachable", "Stripe cannot be reached from the gateway; it tries again by itself.")
    return _unknown("stripe_timeout" if isinstance(error, TimeoutError) else "stripe_connection_lost", sent)


def unreadable(sent: Sent) -> UnknownOutcome:
    """Answered with success, but not in JSON: it may well have been done."""
    return _unknown("stripe_unreadable_answer", sent)


def _unknown(code: str, sent: Sent) -> UnknownOutcome:
    return UnknownOutcome(
        code,
        "Stripe did not say clearly whether it was done; the gateway finds out before it goes on.",
        request_id=sent.request_id,
        replayed=sent.replayed,
        retry_after=sent.retry_after,
    )


def _limited(error: stripe.StripeError, sent: Sent) -> GatewayError:
    code = _code(error) or ("rate_limit" if sent.status == 429 else "lock_timeout")
    if sent.replayed:  # a cached lock_timeout: this key can never succeed
        return _unknown(code, sent)
    return Throttled(
        code, "Stripe is busy with this account; it is tried again by itself.", retry_after=sent.retry_after
    )


def _reused(error: stripe.StripeError, sent: Sent) -> GatewayError:
    message = (
        "Stripe knows this idempotency key with other parameters: this is a fault of the gateway, please report it."
    )
    return Misconfigured("idempotency_key_reused", message, request_id=sent.request_id)


def _key(error: stripe.StripeError, sent: Sent) -> GatewayError:
    whole, own, _ = sent.scopes
    scope = own if sent.own_key else whole
    which = "refund key" if sent.own_key else "key"
    message = f"Stripe does not accept the {which} of entity {sent.entity}: put a valid one into the configuration."
    return Misconfigured(_code(error) or "stripe_key_invalid", message, scope=scope, request_id=sent.request_id)


def _permission(error: stripe.StripeError, sent: Sent) -> GatewayError:
    message = (
        f"The Stripe key of entity {sent.entity} may not use {sent.resource}: give the restricted key that permission"
        f" in the Stripe Dashboard. Stripe says: {_words(error)}"
    )
    code, scope = _code(error) or "stripe_permission", sent.scopes[-1]
    return Misconfigured(code, message, scope=scope, request_id=sent.request_id)


def _refused(error: stripe.StripeError, sent: Sent) -> GatewayError:
    return Refused(
        _code(error) or "invalid_request",
        _words(error),
        status=sent.status,
        param=getattr(error, "param", None),
        request_id=sent.request_id,
        replayed=sent.replayed,
    )


def _api(error: stripe.StripeError, sent: Sent) -> GatewayError:
    """Everything the SDK has no class for: 409, 5xx, other 4xx, and answers that are not Stripe's JSON."""
    if error.error is None:
        return unreadable(sent)
    if sent.status == 409 and _code(error) in BUSY:
        return _limited(error, sent)
    if 400 <= sent.status < 500 and sent.status not in {408, 424, 425}:
        return _refused(error, sent)
    return _unknown(_code(error) or "stripe_error", sent)


def _code(error: stripe.StripeError) -> str | None:
    # The SDK fills ``e.code`` for a few classes only; the body has it for all.
    code: Any = getattr(error.error, "code", None)
    return str(code) if code else None


def _words(error: stripe.StripeError) -> str:
    return without_personal_data(error.user_message or "Stripe refused without giving a reason.")


# The SDK's class -> meaning; the first that fits.
MEANING: tuple[tuple[type[stripe.StripeError], Callable[[stripe.StripeError, Sent], GatewayError]], ...] = (
    (stripe.RateLimitError, _limited),
    (stripe.IdempotencyError, _reused),
    (stripe.AuthenticationError, _key),
    (stripe.PermissionError, _permission),
    (stripe.InvalidRequestError, _refused),
    (stripe.CardError, _refused),
    (stripe.APIError, _api),
)
