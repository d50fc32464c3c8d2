"""Which account a key belongs to, as Stripe says: restricted keys may not ask, but their refusal names it as well."""

from __future__ import annotations

import re

from gateway.connectors.stripe import Entity, StripeConnector, Use
from gateway.errors import Misconfigured

# "… does not have the required permissions for this endpoint on account 'acct_…'. Having the '…' permission would
# allow this request to continue." (403; github.com/stripe/stripe-node/issues/2246, dj-stripe/dj-stripe/pull/1131)
_NAMED = re.compile(r"on account '(acct_\w+)'", re.ASCII)
NOT_OURS = "account_invalid"  # 403: the key has no access to the account it was asked to act for


async def account_behind(
    connector: StripeConnector, entity: str, use: Use = "billing", *, deadline: float = 25.0
) -> str | None:
    """The account's id; None where Stripe names none. Raises Misconfigured for a key that is not accepted."""
    try:
        answer = await connector.call(entity, "GET", "/v1/account", use=use, deadline=deadline)
    except Misconfigured as exc:
        if (named := _NAMED.search(exc.message)) is not None:
            return named[1]
        if exc.code == "stripe_permission":
            return None
        raise
    found = answer.body.get("id")
    return found if isinstance(found, str) else None


def accounts_of(entity: Entity) -> frozenset[str]:
    """What may be named for it. A connected account is acted for with its platform's key, and either is its own."""
    return frozenset({entity.account, entity.stripe_account or entity.account})
