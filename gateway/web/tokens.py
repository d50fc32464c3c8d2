"""Compact JWTs, taken apart strictly before any key is touched (RFC 7515, 7519, 8725)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import Rejected
from gateway.pipeline.strict import parse_json

MAX_BYTES = 8192
_TOKEN = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
# Whatever changes how the rest is read (crit, b64, zip, enc) or where the key comes from (jwk, jku, x5u, x5c) is not
# in it; x5t only names a certificate and is not used.
_HEADER = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256"})
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_DIGITS = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_LAST_MOMENT = 10**11  # beyond it the number counts milliseconds


class Untrusted(Exception):
    """Why a token is not accepted: for the log, never for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Token:
    """Well-formed and not yet verified: nothing in it may be believed."""

    text: str
    alg: str
    kid: str | None
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds since the epoch."""

    issued: int
    expires: int
    not_before: int


def take_apart(text: bytes) -> Token:
    """The three segments, canonical and well-formed; ``Untrusted`` otherwise."""
    if len(text) > MAX_BYTES:
        raise Untrusted("token_too_long")
    match = _TOKEN.fullmatch(text)
    if not match:
        raise Untrusted("not_three_segments")
    header, claims = _json(_decode(match[1])), _json(_decode(match[2]))
    _decode(match[3])
    _check_header(header)
    return Token(text.decode("ascii"), header["alg"], header.get("kid"), claims)


def times(claims: Mapping[str, Any]) -> Times:
    """``iat``, ``exp`` and ``nbf``; Salesforce's formula makes ``exp`` a text of digits."""
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    return Times(issued, expires, _moment(claims, "nbf") if "nbf" in claims else issued)


def text_claim(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is a short printable text."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 256 or not value.isprintable() or value != value.strip():
        raise Untrusted(f"{name}_unusable")
    return value


def check_audience(claims: Mapping[str, Any], audience: str) -> None:
    """Ours and nobody else's: a token for two could be carried from the one to the other."""
    if claims.get("aud") not in (audience, [audience]):
        raise Untrusted("aud_differs")


def _check_header(header: Mapping[str, Any]) -> None:
    if unknown := header.keys() - _HEADER:
        raise Untrusted(f"header_member_{min(unknown)[:20]!r}")
    if not isinstance(header.get("alg"), str):
        raise Untrusted("alg_unusable")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise Untrusted("typ_unusable")
    kid = header.get("kid")
    if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= 200):
        raise Untrusted("kid_unusable")


def _decode(segment: bytes) -> bytes:
    try:
        data = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except binascii.Error as exc:
        raise Untrusted("not_base64url") from exc
    if base64.urlsafe_b64encode(data).rstrip(b"=") != segment:
        raise Untrusted("not_canonical_base64url")
    return data


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = parse_json(data)
    except Rejected as exc:
        raise Untrusted("not_strict_json") from exc
    if not isinstance(value, dict):
        raise Untrusted("not_a_json_object")
    return value


def _moment(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 < value < _LAST_MOMENT:
        raise Untrusted(f"{name}_unusable")
    return value
