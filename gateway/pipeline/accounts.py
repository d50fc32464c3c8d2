"""Each entity pins its Stripe account: a key of another account must never send an invoice."""

from __future__ import annotations

import asyncio

from gateway.config import Entity
from gateway.connectors.stripe import StripeConnector
from gateway.errors import GatewayError, Misconfigured
from gateway.observability import logs
from gateway.pipeline.work import Tools

_SECONDS = 5.0
log = logs.get_logger()


async def check_accounts(tools: Tools) -> None:
    """
    Raises Misconfigured where a key belongs to another account than the entity names.

    What cannot be asked now (Stripe away, a key without that scope) is logged: starting never depends on Stripe.
    """
    await asyncio.gather(*(check_account(tools.stripe, entity) for entity in tools.config.entities.values()))


async def check_account(stripe: StripeConnector, entity: Entity) -> None:
    """One of them."""
    try:
        found = (await stripe.call(entity.name, "GET", "/v1/account", deadline=_SECONDS)).body.get("id")
    except GatewayError as exc:
        log.warning("account.not_checked", entity=entity.name, error_code=exc.code)
        return
    expected = entity.stripe_account or entity.account
    if found is not None and found != expected and not entity.stripe_context:
        raise Misconfigured(
            "wrong_account",
            f"The key of entity {entity.name} belongs to {found}, the configuration says {expected}: "
            "correct one of them.",
        )
