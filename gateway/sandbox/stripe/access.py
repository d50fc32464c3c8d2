"""Who calls: API keys, restricted keys and their scopes, Connect and organisation headers, API versions."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.stripe.errors import StripeError

OLDEST_VERSION = "2025-03-31"
_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(\.[a-z_]+)?")


@dataclass(frozen=True)
class ApiKey:
    """``scopes`` None: everything. Otherwise permissions like ``rak_invoice_write``; write implies read."""

    value: str
    account: str
    scopes: frozenset[str] | None = None

    @property
    def livemode(self) -> bool:
        return "_live_" in self.value

    @property
    def organization(self) -> bool:
        return self.value.startswith(("sk_org", "rk_org"))

    def allows(self, scope: str, write: bool) -> bool:
        if self.scopes is None:
            return True
        wanted = {f"rak_{scope}_write"} if write else {f"rak_{scope}_write", f"rak_{scope}_read"}
        return bool(wanted & self.scopes)

    @property
    def masked(self) -> str:
        return f"{self.value[:8]}{'*' * 12}{self.value[-4:]}"


@dataclass(frozen=True)
class AccountSpec:
    """One Stripe account of the sandbox: what a config file says about it."""

    id: str
    keys: tuple[ApiKey, ...]
    name: str = "Sandbox GmbH"
    country: str = "DE"
    currency: str = "eur"
    connected: tuple[str, ...] = ()
    webhooks: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "AccountSpec":
        """``{"id": "acct_1", "keys": ["sk_test_…", {"key": "rk_test_…", "scopes": ["rak_invoice_write"]}], …}``."""
        rest = dict(data)
        identity = str(rest.pop("id"))
        keys = []
        for given in rest.pop("keys"):
            key = {"key": given} if isinstance(given, str) else dict(given)
            scopes = key.get("scopes")
            keys.append(ApiKey(key["key"], identity, None if scopes is None else frozenset(scopes)))
        for name in ("connected", "webhooks"):
            if name in rest:
                rest[name] = tuple(rest[name])
        return cls(identity, tuple(keys), **rest)


@dataclass(frozen=True)
class Access:
    """The key and the account it acts on."""

    key: ApiKey
    account: str


@dataclass(frozen=True)
class Doorman:
    """Knows all accounts and keys of the world."""

    accounts: Mapping[str, AccountSpec]
    keys: Mapping[str, ApiKey] = field(default_factory=dict)

    @classmethod
    def of(cls, accounts: Mapping[str, AccountSpec]) -> "Doorman":
        return cls(accounts, {key.value: key for spec in accounts.values() for key in spec.keys})

    def admit(self, headers: Mapping[bytes, bytes]) -> Access:
        """Raises 401 for a missing or unknown key, 403 for an account this key may not act on."""
        key = self._key(headers.get(b"authorization", b"").decode("latin-1"))
        context = headers.get(b"stripe-context", b"").decode("latin-1")
        acting_for = context or headers.get(b"stripe-account", b"").decode("latin-1")
        if key.organization and not (context and headers.get(b"stripe-version")):
            raise StripeError(
                400,
                "Requests with an organization API key need the Stripe-Context and Stripe-Version headers.",
                kept=False,
            )
        if not acting_for or acting_for == key.account:
            return Access(key, key.account)
        reachable = self.accounts[key.account].connected
        if acting_for not in reachable or acting_for not in self.accounts:
            raise StripeError(
                403,
                f"The provided key '{key.masked}' does not have access to account '{acting_for}' (or that account does "
                "not exist). Application access may have been revoked.",
                code="account_invalid",
                kept=False,
            )
        return Access(key, acting_for)

    def _key(self, header: str) -> ApiKey:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic":
            value = _user_name(value)
        if scheme.lower() not in {"bearer", "basic"} or not value:
            raise StripeError(
                401,
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                kept=False,
            )
        key = self.keys.get(value)
        if key is None:
            raise StripeError(401, f"Invalid API Key provided: {value[:8]}{'*' * 12}{value[-4:]}", kept=False)
        return key


def _user_name(encoded: str) -> str:
    """Basic authentication: the key is the user name, the password is empty (docs.stripe.com/api/authentication)."""
    try:
        return base64.b64decode(encoded, validate=True).decode("latin-1").partition(":")[0]
    except ValueError:
        return ""


def permit(access: Access, scope: str, write: bool) -> None:
    """Raises 403 naming the missing permission, as Stripe does for restricted keys."""
    if access.key.allows(scope, write):
        return
    wanted = f"rak_{scope}_{'write' if write else 'read'}"
    raise StripeError(
        403,
        f"The provided key '{access.key.masked}' does not have the required permissions for this endpoint on account "
        f"'{access.account}'. Having the '{wanted}' permission would allow this request to continue.",
        kept=False,
    )


def check_version(header: str | None) -> None:
    """Versions since basil share the shape simulated here; an older one is refused instead of half simulated."""
    if not header:
        return
    match = _VERSION.fullmatch(header)
    if match is None:
        raise StripeError(400, f"Invalid Stripe API version: {header}.", kept=False)
    if match.group(1) < OLDEST_VERSION:
        raise StripeError(
            400, f"The sandbox simulates API versions since {OLDEST_VERSION}.basil, not {header}.", kept=False
        )
