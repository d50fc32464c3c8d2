"""JSON Web Keys that may be trusted: public, signing, strong, and what they claim to be (RFC 7517, 7518, 8725)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from gateway.config.problems import Wrong

Algorithm = Literal["RS256", "RS512", "ES256"]
PublicKey = RSAPublicKey | EllipticCurvePublicKey

RSA_ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "RS512")
ALGORITHMS: tuple[Algorithm, ...] = (*RSA_ALGORITHMS, "ES256")
MOST_KEYS = 4

_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

# Keys made by the faulty Infineon library (CVE-2017-15361, "ROCA") are powers of 65537 modulo every small prime.
_ROCA_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
                107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167)  # fmt: skip
_ROCA = tuple((prime, frozenset(pow(65537, power, prime) for power in range(prime))) for prime in _ROCA_PRIMES)

Jwk = Mapping[str, Any]  # parsed JSON: every member is checked before it is used


def parse_jwks(text: str) -> list[tuple[str | None, PublicKey, Algorithm | None]]:
    """``(kid, key, alg)`` of every key; one that must not be trusted spoils the set."""
    try:
        document = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as exc:
        raise Wrong(f"is not a JSON Web Key Set: {exc}") from exc
    keys = document.get("keys") if isinstance(document, dict) else None
    if keys is None and isinstance(document, dict) and "kty" in document:
        keys = [document]
    if not isinstance(keys, list) or not keys:
        raise Wrong('is not a JSON Web Key Set: {"keys": [ … ]} with at least one key')
    if len(keys) > MOST_KEYS:
        raise Wrong(f"holds {len(keys)} keys; at most {MOST_KEYS} are trusted at a time")
    return [_parse(index, jwk) for index, jwk in enumerate(keys)]


def check_key(key: object) -> PublicKey:
    """A public key strong enough to be trusted: RSA of 2048–8192 bits with an odd exponent ≥ 3, or P-256."""
    if isinstance(key, EllipticCurvePublicKey):
        if not isinstance(key.curve, SECP256R1):
            raise Wrong(f"is on curve {key.curve.name}; ES256 needs P-256")
        return key
    if not isinstance(key, RSAPublicKey):
        raise Wrong("is neither an RSA key nor a P-256 key")
    numbers = key.public_numbers()
    _check_rsa(numbers.n, numbers.e)
    return key


def _parse(index: int, jwk: object) -> tuple[str | None, PublicKey, Algorithm | None]:
    try:
        if not isinstance(jwk, dict):
            raise Wrong("is not an object")  # noqa: TRY301 - one place adds which key it is
        _check_members(jwk)
        key = _rsa(jwk) if jwk["kty"] == "RSA" else _ec(jwk)
        return jwk.get("kid"), key, jwk.get("alg")
    except Wrong as exc:
        name = jwk.get("kid", index) if isinstance(jwk, dict) else index
        raise Wrong(f"key {name!r} {exc.message}", exc.suggestion) from exc


def _check_members(jwk: Jwk) -> None:
    kty = jwk.get("kty")
    if kty == "oct" or "k" in jwk:
        raise Wrong("is symmetric: whoever can check a token could also make one")
    if secret := [member for member in _PRIVATE_MEMBERS if member in jwk]:
        raise Wrong(f"is private (it has the member {secret[0]})", "publish the public half only, and replace the key")
    if kty not in ("RSA", "EC"):  # a tuple: it may be a list, which no set can look up
        raise Wrong(f"has key type {kty!r}; RSA or EC is needed")
    kid = jwk.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= 200 and kid.isprintable()):
        raise Wrong("has a kid that is not a short text")
    if jwk.get("use", "sig") != "sig":
        raise Wrong(f"is for use {jwk['use']!r}, not for signatures")
    operations = jwk.get("key_ops", ["verify"])
    if operations != ["verify"]:
        raise Wrong(f"is for {operations!r}; a trusted key may only verify")
    fitting = RSA_ALGORITHMS if kty == "RSA" else ("ES256",)
    if "alg" in jwk and jwk["alg"] not in fitting:
        raise Wrong(f"has algorithm {jwk['alg']!r}; a {kty} key may have {' or '.join(fitting)}")


def _rsa(jwk: Jwk) -> RSAPublicKey:
    n, e = _integer(jwk, "n"), _integer(jwk, "e")
    _check_rsa(n, e)
    try:
        return RSAPublicNumbers(e, n).public_key()
    except ValueError as exc:
        raise Wrong(f"is not an RSA key: {exc}") from exc


def _ec(jwk: Jwk) -> EllipticCurvePublicKey:
    if jwk.get("crv") != "P-256":
        raise Wrong(f"is on curve {jwk.get('crv')!r}; ES256 needs P-256")
    x, y = (_integer(jwk, name, octets=32) for name in ("x", "y"))
    try:
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    except ValueError as exc:
        raise Wrong("is not a point on P-256") from exc


def _check_rsa(n: int, e: int) -> None:
    if n.bit_length() < 2048:
        raise Wrong(f"has {n.bit_length()} bits; RSA needs at least 2048")
    if n.bit_length() > 8192:
        raise Wrong(f"has {n.bit_length()} bits; more than 8192 only slow every request down")
    if e < 3 or e % 2 == 0 or e.bit_length() > 64:
        raise Wrong(
            f"has the exponent {e if e < 10**6 else 'beyond 64 bits'}; it must be odd and at least 3 (usually 65537)"
        )
    if n % 2 == 0 or any(n % prime == 0 for prime in _ROCA_PRIMES):
        raise Wrong("has a modulus with a small factor: it is no RSA key")
    if all(n % prime in powers for prime, powers in _ROCA):
        raise Wrong("was made by a faulty generator (ROCA, CVE-2017-15361) and can be broken", "make a new key")


def _integer(jwk: Jwk, name: str, octets: int | None = None) -> int:
    text = jwk.get(name)
    if not isinstance(text, str) or len(text) > 2048 or not _BASE64URL.fullmatch(text):
        raise Wrong(f"has no base64url member {name}")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as exc:
        raise Wrong(f"has no base64url member {name}") from exc
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Wrong(f"has a member {name} that is not canonical base64url")
    if octets is not None and len(data) != octets:
        raise Wrong(f"has a member {name} of {len(data)} bytes; P-256 needs {octets}")
    return int.from_bytes(data, "big")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("a member appears twice")
    return dict(pairs)
