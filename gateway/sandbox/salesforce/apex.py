"""
What Apex does when somebody clicks: a callout to the gateway through the named credential.

The token is minted as Salesforce's JWT external credential does: RS256, ``exp`` as text, ``iat`` and ``nbf`` added,
no ``jti`` – so two callouts within a second carry the same token.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.world import SigningKey

# Apex callouts wait 10 s by default and 120 s at most (Apex Developer Guide, "Callout Limits and Limitations").
SECONDS = 10.0
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Reply:
    """``status`` 0: no answer, ``lost`` says why; ``body`` is the envelope, or ``{"user_message": …}`` made here."""

    status: int
    body: Mapping[str, Any]
    request_id: str | None = None
    lost: str = ""


@lru_cache(maxsize=8)
def private_key(pem: str) -> PrivateKeyTypes:
    return load_pem_private_key(pem.encode(), None)


def token(org: Org, signing: SigningKey, subject: str) -> str:
    """``subject`` as it is: 15 or 18 characters, or the fixed name of an automation."""
    now = int(org.clock.now())
    claims = {
        "iss": signing.issuer or org.world.org_id,
        "sub": subject,
        "aud": signing.audience,
        "iat": now,
        "nbf": now,
        "exp": str(now + signing.seconds),
    }
    headers = {"kid": signing.kid} if signing.kid else {}
    return jwt.encode(claims, private_key(signing.private_key), algorithm="RS256", headers=headers)  # type: ignore[arg-type]  # PyJWT's type lists the key kinds one by one


def connected(org: Org) -> bool:
    return org.world.signing is not None and org.world.gateway_url is not None


async def call_gateway(org: Org, action: str, body: Mapping[str, Any], *, subject: str, request_key: str) -> Reply:
    """``POST {gateway}/v1/actions/{action}``; a gateway that does not answer is an answer too."""
    headers = {"Idempotency-Key": request_key}
    return await callout(org, "POST", f"/v1/actions/{action}", subject=subject, body=body, headers=headers)


async def callout(
    org: Org,
    method: str,
    path: str,
    *,
    subject: str,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] = NOTHING,
    seconds: float = SECONDS,
) -> Reply:
    """Any path of the gateway through the named credential."""
    world = org.world
    if world.signing is None or world.gateway_url is None:
        message = "This org is not connected to a gateway (no signing key or gateway URL)."
        return Reply(0, {"user_message": message}, lost="there is no named credential")
    sent = {
        "Authorization": f"Bearer {token(org, world.signing, subject)}",
        "X-Salesforce-Org-Id": world.org_id,
        "X-Salesforce-Sandbox": "true" if world.is_sandbox else "false",
        **({} if body is None else {"Content-Type": "application/json"}),
        **headers,
    }
    url = f"{world.gateway_url.rstrip('/')}{path}"
    data = None if body is None else json.dumps(body)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as client,
            client.request(method, url, data=data, headers=sent, allow_redirects=False) as response,
        ):
            return Reply(response.status, readable(await response.text()), response.headers.get("X-Request-Id"))
    except (TimeoutError, aiohttp.ClientError) as exc:
        reason = type(exc).__name__
        message = f"The gateway did not answer ({reason}). Try again: the same click is never done twice."
        return Reply(0, {"user_message": message}, lost=reason)


def readable(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {"user_message": "The gateway's answer could not be read."}


async def ask_carelessly(org: Org, run: Mapping[str, Any]) -> None:
    """The flow of a hostile org: a new key each time, and the answer is not looked at."""
    body = {"record_id": run["record"], "object": run["sobject"]}
    await call_gateway(org, run["action"], body, subject=run["user"], request_key=str(uuid.uuid4()))


async def pull(org: Org, user_id: str) -> None:
    """What the outbox trigger's queueable does once rows were inserted; a callout that is lost is lost."""
    await callout(org, "POST", "/v1/outbox/pull", subject=user_id, body={})
