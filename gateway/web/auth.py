"""Who calls: a JWT signed by a registered org, checked strictly, remembered while it is valid."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import jwt

from gateway.config import InboundKey, Org
from gateway.config.values import normal_issuer
from gateway.errors import Rejected
from gateway.ids import USER, key_prefix, salesforce_id
from gateway.observability import get_logger
from gateway.records import Caller
from gateway.web.tokens import Token, Untrusted, check_audience, take_apart, text_claim, times

Headers = Sequence[tuple[bytes, bytes]]  # as ASGI has them: lower-case names

ORG_HEADER = b"x-salesforce-org-id"
SANDBOX_HEADER = b"x-salesforce-sandbox"

_JWS = jwt.PyJWS(algorithms=["RS256", "RS512", "ES256"], options={"enforce_minimum_key_length": True})
_log = get_logger()


# Whether the org's ``jti`` is used for the first time; it must be remembered until that moment, by all processes.
UseOnce = Callable[[str, str, float], Awaitable[bool]]


class Clock(Protocol):
    def now(self) -> float: ...


class Rules(Protocol):
    """What the server's configuration says about tokens."""

    @property
    def audience(self) -> str: ...
    @property
    def max_token_seconds(self) -> int: ...
    @property
    def leeway_seconds(self) -> int: ...


class Unauthenticated(Rejected):
    """401. ``reason`` is for the log: the answer is the same whatever was wrong."""

    http_status = 401

    def __init__(self, reason: str) -> None:
        super().__init__(
            "unauthenticated",
            "Salesforce could not prove who is calling. An administrator should check the named credential and the "
            "certificate that the gateway knows.",
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Verified:
    caller: Caller
    org: Org
    key: InboundKey
    expires: float
    jti: str | None


class Authenticator:
    """Knows the orgs and remembers verified tokens (bounded; by SHA-256 of the whole token, never by a part of it)."""

    def __init__(
        self, orgs: Iterable[Org], clock: Clock, rules: Rules, *, use_once: UseOnce, remembered: int = 4096
    ) -> None:
        self._clock = clock
        self._use_once = use_once
        self._rules = rules
        self._most = remembered
        self._verified: dict[bytes, _Verified] = {}
        self.replace(orgs)

    def replace(self, orgs: Iterable[Org]) -> None:
        """Take another set of orgs and keys; whatever was verified under the old one is forgotten."""
        self._orgs = {org.issuer: org for org in orgs}
        self._keys = {org.issuer: org.keys for org in self._orgs.values()}
        self._verified.clear()

    async def authenticate(self, headers: Headers) -> Caller:
        """
        The caller, or ``Unauthenticated`` with a log event ``auth.refused`` that has the reason.

        A token of an org with ``one_time_tokens`` is used up by this, durably. Raises StoreUnavailable.
        """
        try:
            verified = self._verified_by(headers)
            if verified.org.one_time_tokens:
                await self._use_up(verified)
        except Untrusted as exc:
            _log.warning("auth.refused", reason=exc.reason)
            raise Unauthenticated(exc.reason) from exc
        return verified.caller

    async def _use_up(self, verified: _Verified) -> None:
        if verified.jti is None:
            raise Untrusted("jti_missing")
        if not await self._use_once(verified.org.id, verified.jti, verified.expires):
            raise Untrusted("replayed")

    def _verified_by(self, headers: Headers) -> _Verified:
        authorization, org_ids, sandbox_flags = _pick(headers)
        text = _bearer(authorization)
        digest, now = hashlib.sha256(text).digest(), self._clock.now()
        known = self._verified.get(digest)
        if known is None:
            known = self._verify(take_apart(text), now)
            self._remember(digest, known)
        elif now >= known.expires or not known.key.valid_at(now):
            del self._verified[digest]
            raise Untrusted("expired")
        if org_ids or sandbox_flags:
            _check_tripwire(known.org, org_ids, sandbox_flags)
        return known

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        if len(self._verified) >= self._most:
            del self._verified[next(iter(self._verified))]  # the oldest: tokens live for minutes
        self._verified[digest] = verified

    def _verify(self, token: Token, now: float) -> _Verified:
        org = self._orgs.get(normal_issuer(text_claim(token.claims, "iss")))
        if org is None:
            raise Untrusted("iss_unknown")
        key = _signer(token, self._keys[org.issuer], now)
        rules, moments = self._rules, times(token.claims)
        check_audience(token.claims, rules.audience)
        if moments.expires + rules.leeway_seconds <= now:
            raise Untrusted("expired")
        if max(moments.issued, moments.not_before) > now + rules.leeway_seconds:
            raise Untrusted("not_yet_valid")
        if not 0 < moments.expires - moments.issued <= rules.max_token_seconds:
            raise Untrusted("lives_too_long")
        jti = text_claim(token.claims, "jti") if "jti" in token.claims else None
        caller = _caller(org, text_claim(token.claims, "sub"))
        return _Verified(caller, org, key, moments.expires + rules.leeway_seconds, jti)


def _pick(headers: Headers) -> tuple[list[bytes], list[bytes], list[bytes]]:
    authorization, org_ids, sandbox_flags = [], [], []
    for name, value in headers:
        if name == b"authorization":
            authorization.append(value)
        elif name == ORG_HEADER:
            org_ids.append(value)
        elif name == SANDBOX_HEADER:
            sandbox_flags.append(value)
    return authorization, org_ids, sandbox_flags


def _bearer(values: list[bytes]) -> bytes:
    if len(values) != 1:
        raise Untrusted("authorization_repeated" if values else "authorization_missing")
    scheme, _, text = values[0].partition(b" ")
    if scheme.lower() != b"bearer" or not text:
        raise Untrusted("authorization_not_bearer")
    return text


def _signer(token: Token, keys: Sequence[InboundKey], now: float) -> InboundKey:
    """
    The key that signed it. A known ``kid`` selects one; an unknown or absent one means trying all of the org's.

    The algorithm is the key's: a token of another is refused, whatever its header says.
    """
    named = [key for key in keys if token.kid is not None and key.kid == token.kid]
    valid = [key for key in named or keys if key.valid_at(now)]
    if not valid:
        raise Untrusted("key_not_valid_now")
    fitting = [key for key in valid if key.algorithm == token.alg]
    if not fitting:
        raise Untrusted("alg_differs")
    for key in fitting:
        if _signed_by(token, key):
            return key
    raise Untrusted("signature_wrong")


def _signed_by(token: Token, key: InboundKey) -> bool:
    try:
        _JWS.decode_complete(token.text, key.public_key, algorithms=[key.algorithm])
    except jwt.InvalidSignatureError:
        return False
    except jwt.PyJWTError as exc:
        raise Untrusted(f"refused_{type(exc).__name__}") from exc
    return True


def _caller(org: Org, subject: str) -> Caller:
    if subject in org.automation_subjects:
        return Caller(org.id, subject, "automation")
    try:
        user = salesforce_id(subject)
    except Rejected as exc:
        raise Untrusted("sub_unknown") from exc
    if key_prefix(user) != USER:
        raise Untrusted("sub_no_user")
    return Caller(org.id, user, "person")


def _check_tripwire(org: Org, org_ids: list[bytes], sandbox_flags: list[bytes]) -> None:
    """A refreshed sandbox carries production's settings: what it says of itself must fit the org of the token."""
    if len(org_ids) > 1 or len(sandbox_flags) > 1:
        raise Untrusted("org_header_repeated")
    if org_ids and org_ids[0] not in {org.id.encode(), org.id[:15].encode()}:
        raise Untrusted("org_header_differs")
    if sandbox_flags:
        flag = sandbox_flags[0].lower()
        # A developer or scratch org is no sandbox and yet test, so only the dangerous direction is refused.
        if flag not in {b"true", b"false"} or (flag == b"true" and org.mode == "live"):
            raise Untrusted("sandbox_header_differs")
