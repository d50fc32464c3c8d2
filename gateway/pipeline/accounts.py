"""Each entity pins its Stripe account: a key of another account must never send an invoice."""

from __future__ import annotations

import asyncio

from gateway.config import Entity
from gateway.connectors.stripe import StripeConnector, Use
from gateway.connectors.stripe_account import NOT_OURS, account_behind, accounts_of
from gateway.errors import GatewayError, Misconfigured
from gateway.observability import logs
from gateway.pipeline.work import Tools

_SECONDS = 5.0
log = logs.get_logger()


async def check_accounts(tools: Tools) -> None:
    """
    Raises Misconfigured where a key, or a refund key, belongs to another account than the entity names.

    What cannot be asked now (Stripe away) or is not named by Stripe is logged: starting never depends on Stripe.
    """
    await asyncio.gather(*(check_account(tools.stripe, entity) for entity in tools.config.entities.values()))


async def check_account(stripe: StripeConnector, entity: Entity) -> None:
    """The keys of one of them."""
    uses: list[Use] = ["billing", "refund"] if entity.refund_key is not None else ["billing"]
    await asyncio.gather(*(_check(stripe, entity, use) for use in uses))


async def _check(stripe: StripeConnector, entity: Entity, use: Use) -> None:
    key = "refund_key" if use == "refund" else "secret_key"
    try:
        found = await account_behind(stripe, entity.name, use, deadline=_SECONDS)
    except GatewayError as exc:
        if exc.code == NOT_OURS:
            raise Misconfigured("wrong_account", f"entities.{entity.name}.{key}: {exc.message}") from exc
        log.warning("account.not_checked", entity=entity.name, key=key, error_code=exc.code)
        return
    if found is None:
        log.warning("account.not_checked", entity=entity.name, key=key, error_code="not_named")
    elif found not in accounts_of(entity):
        raise Misconfigured(
            "wrong_account",
            f"entities.{entity.name}.{key} belongs to {found}, the configuration says {entity.account}: "
            "correct one of them.",
        )
