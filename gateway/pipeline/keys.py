"""Idempotency keys: the same action, step and generation always have the same one. No personal data in them."""

from __future__ import annotations

import hashlib

# Stripe may forget a v1 key after 24 hours; a repeat is only trusted well inside that.
# docs.stripe.com/api/idempotent_requests
KEY_LIFE_SECONDS = 20 * 3600


def step_key(*, entity: str, mode: str, base: str, step: str, generation: int) -> str:
    """
    Half a SHA-256 in hexadecimal: as good as unique, and short in a journal that keeps millions of them.

    ``base`` is the action's id, or for a customer its source: whoever makes that customer uses the same key.
    """
    return hashlib.sha256("|".join((entity, mode, base, step, str(generation))).encode()).hexdigest()[:32]


def customer_base(org: str, source_id: str, generation: int) -> str:
    """The base of the one customer a source may have at an entity."""
    return f"customer:{org}:{source_id}:{generation}"
