"""What the end of a call to Stripe says about the entity's health: away, or which of its circuits may be closed."""

from __future__ import annotations

from gateway.connectors.health import Health
from gateway.connectors.stripe_errors import Sent
from gateway.errors import GatewayError, Unreachable

_NETWORK = "Check this machine's network, DNS, proxy and firewall, and status.stripe.com."
_LIMIT = "Something uses up the limits of this Stripe account: look at its request log in the Dashboard."


def went_well(health: Health, sent: Sent) -> None:
    """It was answered as asked."""
    health.answered(sent.scopes[0], proves=sent.scopes)


def went_wrong(health: Health, sent: Sent, error: GatewayError) -> GatewayError:
    """The error itself, or the one of an outage. A refusal is an answer too; how far it proves health differs."""
    whole, key, endpoint = sent.scopes
    if isinstance(error, Unreachable):
        return health.failed(whole, error, _NETWORK)
    if sent.status == 429 and error.code == "rate_limit":
        return health.failed(whole, error, _LIMIT)
    if sent.status == 401 or sent.status >= 500:
        health.answered(whole, proves=())
    elif sent.status == 403:
        health.answered(whole, proves=(whole, key))
    elif sent.status > 0:
        health.answered(whole, proves=(whole, key, endpoint))
    return error
