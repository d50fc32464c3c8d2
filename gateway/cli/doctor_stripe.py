"""doctor, the Stripe half: each entity's key, account, scopes, clock and webhook endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from gateway.cli.findings import AGAIN, Finding, fail, ok, skew, warn
from gateway.connectors import unobserved
from gateway.connectors.limits import Limiter
from gateway.connectors.server_time import server_time
from gateway.connectors.stripe import API_VERSION, StripeConnector
from gateway.engine.clock import SystemClock
from gateway.errors import GatewayError, Misconfigured, Refused

if TYPE_CHECKING:
    from gateway.config import Config, Entity

Use = Literal["billing", "refund"]

# What the gateway reads: permission as Stripe's dashboard names it → a list call.
READS: Mapping[str, str] = {
    "Customers": "/v1/customers",
    "Invoices": "/v1/invoices",
    "Payment Links": "/v1/payment_links",
    "Charges and Refunds": "/v1/charges",
    "PaymentIntents": "/v1/payment_intents",
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
        account = await _account(connector, subject, name, entity)
    except GatewayError as exc:
        return [
            fail(subject, "key", f"{exc.code}: {exc.message}", f"check the network, and the key of entities.{name}")
        ]
    reads = [await _reads(connector, subject, name, permission, path) for permission, path in READS.items()]
    writes = [
        await _writes(connector, subject, name, permission, path, use) for permission, (path, use) in WRITES.items()
    ]
    return [clock, account, *reads, *writes, await _endpoint(connector, subject, config, name, entity)]


async def _account(connector: StripeConnector, subject: str, name: str, entity: Entity) -> Finding:
    try:
        answer = await connector.call(name, "GET", "/v1/account")
    except Misconfigured as exc:
        if exc.scope == f"stripe:{name}":  # the key itself is not accepted: nothing else can be asked
            raise
        fix = f"make sure by hand that the key of entities.{name} belongs to {entity.account}"
        return warn(subject, "account", "this key may not read its own account", fix)
    behind, pinned = answer.body.get("id"), entity.stripe_account or entity.account
    if behind != pinned:
        fix = f"put the key of {pinned} into entities.{name}, or change account to {behind} if that is what you mean"
        return fail(subject, "account", f"the key belongs to {behind}, pinned is {pinned}", fix)
    restricted = entity.secret_key.reveal().startswith("rk_")
    text = f"{behind}, {entity.mode} mode, API version {API_VERSION}"
    if not restricted and entity.mode == "live":
        return warn(
            subject, "account", f"{text}, unrestricted key", "use a restricted key (docs/security.md lists scopes)"
        )
    return ok(subject, "account", text)


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


async def _endpoint(connector: StripeConnector, subject: str, config: Config, name: str, entity: Entity) -> Finding:
    check = "webhook endpoint"
    if not entity.webhook_secrets or config.server.public_url is None:
        text = "no webhook_secrets or no server.public_url: the endpoint is closed"
        return warn(subject, check, text, "needed only for events from Stripe; then set both")
    url = f"{config.server.public_url}/v1/webhooks/stripe/{name}"
    try:
        answer = await connector.call(name, "GET", "/v1/webhook_endpoints", {"limit": 100})
    except GatewayError:
        text = "this key may not list webhook endpoints"
        return warn(subject, check, text, f"compare by hand: {url}, API version {API_VERSION}")
    found = next((each for each in answer.body.get("data", []) if each.get("url") == url), None)
    if found is None:
        return warn(
            subject, check, f"Stripe has no endpoint {url}", f"add it in the dashboard, API version {API_VERSION}"
        )
    if found.get("status") != "enabled":
        return fail(subject, check, f"{url} is {found.get('status')}", "enable it in the dashboard")
    if found.get("api_version") not in (None, API_VERSION):
        text = f"{url} sends API version {found['api_version']}, this version reads {API_VERSION}"
        return warn(
            subject, check, text, f"make a new endpoint with API version {API_VERSION}, then remove the old one"
        )
    return ok(subject, check, url)
