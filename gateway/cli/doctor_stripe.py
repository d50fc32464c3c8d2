"""doctor, the Stripe half: each entity's key, account, scopes and clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.cli.findings import AGAIN, Finding, fail, ok, skew, warn
from gateway.connectors import unobserved
from gateway.connectors.limits import Limiter
from gateway.connectors.server_time import server_time
from gateway.connectors.stripe import API_VERSION, StripeConnector, Use
from gateway.connectors.stripe_account import NOT_OURS, account_behind, accounts_of
from gateway.engine.clock import SystemClock
from gateway.errors import GatewayError, Misconfigured, Refused

if TYPE_CHECKING:
    from gateway.config import Config, Entity

# What the gateway reads: permission as Stripe's dashboard names it → a list call.
READS: Mapping[str, str] = {
    "Customers": "/v1/customers",
    "Invoices": "/v1/invoices",
    "Payment Links": "/v1/payment_links",
    "Charges and Refunds": "/v1/charges",
    "PaymentIntents": "/v1/payment_intents",
    "Checkout Sessions": "/v1/checkout/sessions",
}
# What it writes: a change of an object that cannot exist is answered 404 where it would be allowed, 403 where not.
WRITES: Mapping[str, tuple[str, Use]] = {
    "Customers": ("/v1/customers/cus_gatewaydoctor0", "billing"),
    "Invoices": ("/v1/invoices/in_gatewaydoctor0", "billing"),
    "Payment Links": ("/v1/payment_links/plink_gatewaydoctor0", "billing"),
    "Charges and Refunds": ("/v1/refunds/re_gatewaydoctor0", "refund"),
}


async def probe(config: Config, entities: Mapping[str, Entity]) -> list[Finding]:
    """Everything about these entities."""
    clock, base_url = SystemClock(), config.stripe.base_url
    connector = StripeConnector(entities, base_url, clock=clock, limiter=Limiter(clock), observe=unobserved)
    try:
        return [f for name, entity in entities.items() for f in await _entity(connector, config, name, entity)]
    finally:
        await connector.close()


async def _entity(connector: StripeConnector, config: Config, name: str, entity: Entity) -> list[Finding]:
    subject = f"entity {name}"
    try:
        clock = skew(subject, await server_time(config.stripe.base_url), SystemClock().now())
        accounts = await _accounts(connector, subject, name, entity)
    except GatewayError as exc:
        return [
            fail(subject, "key", f"{exc.code}: {exc.message}", f"check the network, and the key of entities.{name}")
        ]
    reads = [await _reads(connector, subject, name, permission, path) for permission, path in READS.items()]
    writes = [
        await _writes(connector, subject, name, permission, path, use) for permission, (path, use) in WRITES.items()
    ]
    return [clock, *accounts, *reads, *writes]


async def _accounts(connector: StripeConnector, subject: str, name: str, entity: Entity) -> list[Finding]:
    uses: list[Use] = ["billing", "refund"] if entity.refund_key else ["billing"]
    return [await _account(connector, subject, name, entity, use) for use in uses]


async def _account(connector: StripeConnector, subject: str, name: str, entity: Entity, use: Use) -> Finding:
    key = "refund_key" if use == "refund" else "secret_key"
    check = "account" if use == "billing" else "refund key's account"
    pinned = entity.stripe_account or entity.account
    fix = f"put a key of {pinned} into entities.{name}.{key}, or correct account if the key is the right one"
    try:
        behind = await account_behind(connector, name, use)
    except Misconfigured as exc:
        if exc.code == NOT_OURS:
            return fail(subject, check, exc.message, fix)
        if use == "billing":  # the key itself is not accepted: nothing else can be asked
            raise
        return fail(subject, check, exc.message, f"put a valid key into entities.{name}.{key}, or remove it")
    if behind is None:
        text = "Stripe does not name the account of this key"
        by_hand = f"compare by hand: the key must have been made in {pinned} (Stripe dashboard → Settings → Account)"
        return warn(subject, check, text, by_hand)
    if behind not in accounts_of(entity):
        return fail(subject, check, f"the key belongs to {behind}, pinned is {pinned}", fix)
    text = f"{behind}, {entity.mode} mode, API version {API_VERSION}"
    held = entity.refund_key if use == "refund" else entity.secret_key
    if entity.mode == "live" and held is not None and not held.reveal().startswith("rk_"):
        advice = "use a restricted key (docs/security.md lists scopes)"
        return warn(subject, check, f"{text}, unrestricted key", advice)
    return ok(subject, check, text)


async def _reads(connector: StripeConnector, subject: str, name: str, permission: str, path: str) -> Finding:
    try:
        await connector.call(name, "GET", path, {"limit": 1})
    except GatewayError as exc:
        return _denied(subject, f"read {permission}", exc, name, "billing")
    return ok(subject, f"read {permission}", "allowed")


async def _writes(connector: StripeConnector, subject: str, name: str, permission: str, path: str, use: Use) -> Finding:
    check = f"write {permission}"
    try:
        await connector.call(name, "POST", path, use=use)
    except Refused as exc:
        if exc.status == 404 or exc.code == "resource_missing":
            return ok(subject, check, "allowed")
        return fail(subject, check, f"{exc.code}: {exc.message}", "report this: the probe expected 404")
    except GatewayError as exc:
        return _denied(subject, check, exc, name, use)
    return fail(subject, check, f"{path} exists", "report this: the probe expected 404")


def _denied(subject: str, check: str, exc: GatewayError, name: str, use: Use) -> Finding:
    if not isinstance(exc, Misconfigured):
        return fail(subject, check, f"{exc.code}: {exc.message}", AGAIN)
    kind, _, permission = check.partition(" ")
    key = "refund_key (or secret_key, if there is none)" if use == "refund" else "secret_key"
    fix = f'Stripe dashboard → Developers → API keys → the {key} of entities.{name}: set "{permission}" to {kind}'
    return fail(subject, check, exc.message, fix)
