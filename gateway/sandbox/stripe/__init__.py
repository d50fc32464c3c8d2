"""A stateful Stripe over HTTP: what is done to it stays done (see BEHAVIOUR.md for each behaviour's source)."""

from gateway.sandbox.stripe.access import AccountSpec, ApiKey
from gateway.sandbox.stripe.app import create_app
from gateway.sandbox.stripe.world import Settings, StripeWorld

__all__ = ["AccountSpec", "ApiKey", "Settings", "StripeWorld", "create_app"]
