"""
Idempotency keys as Stripe documents them (docs.stripe.com/api/idempotent_requests, docs.stripe.com/error-low-level).

The first status and body are kept once the endpoint has begun, errors and 500s included; other parameters under one key
are an error; a key in use is a 409; failed validation leaves nothing behind; keys are forgotten after 24 hours.
"""

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.stripe.errors import StripeError

LIFETIME = 24 * 3600.0


@dataclass(slots=True)
class Kept:
    """``body`` None while the first request still runs."""

    path: str
    fingerprint: bytes
    at: float
    request_id: str
    status: int = 0
    body: bytes | None = None

    def unpacked(self) -> bytes:
        return zlib.decompress(self.body or b"")


def fingerprint_of(form: dict[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(form, sort_keys=True).encode(), digest_size=16).digest()


@dataclass
class IdempotencyKeys:
    """Per account and mode. ``now`` is the sandbox clock, so a day can pass in a test."""

    now: Callable[[], float]
    entries: dict[str, Kept] = field(default_factory=dict)

    def begin(self, key: str, path: str, form: dict[str, Any], request_id: str) -> Kept | None:
        """The kept answer to replay, or None when this request is the first and must call ``finish`` or ``forget``."""
        if len(key) > 255:
            raise StripeError(
                400, "Idempotency keys can be at most 255 characters long.", kind="idempotency_error", kept=False
            )
        entry = self.entries.get(key)
        if entry is not None and entry.body is not None and self.now() - entry.at >= LIFETIME:
            entry = None
        fingerprint = fingerprint_of(form)
        if entry is None:
            self.entries[key] = Kept(path, fingerprint, self.now(), request_id)
            return None
        self._same_request(entry, key, path, fingerprint)
        if entry.body is None:
            raise StripeError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                code="idempotency_key_in_use",
                kind="idempotency_error",
                kept=False,
            )
        return entry

    @staticmethod
    def _same_request(entry: Kept, key: str, path: str, fingerprint: bytes) -> None:
        if entry.path != path:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{path}' vs '{entry.path}'). Try using a key other than '{key}' if you meant to execute a different "
                "request.",
                kind="idempotency_error",
                kept=False,
            )
        if entry.fingerprint != fingerprint:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
                f"using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
                kept=False,
            )

    def finish(self, key: str, status: int, body: bytes) -> None:
        entry = self.entries[key]
        entry.status, entry.body = status, zlib.compress(body, 1)

    def forget(self, key: str) -> None:
        self.entries.pop(key, None)
