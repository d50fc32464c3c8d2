"""Tokens as Salesforce makes them, and as it never would."""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.configuration import NOW, rsa_key

ORG = "00D5g000004ABCDEA4"
LIVE_ORG = "00D5g000009ZZZZEA4"
USER = "0055g000008XYZaAAO"
AT = int(NOW.timestamp())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header: object, claims: object, key: object = None, digest: hashes.HashAlgorithm | None = None) -> str:
    """A compact JWS over whatever is given: bytes as they are, anything else as JSON."""
    parts = [b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)]
    signing_input = ".".join(parts).encode()
    private, digest = key or rsa_key(), digest or hashes.SHA256()
    if isinstance(private, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(private.sign(signing_input, ec.ECDSA(digest)))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        assert isinstance(private, rsa.RSAPrivateKey)
        signature = private.sign(signing_input, padding.PKCS1v15(), digest)
    return ".".join((*parts, b64(signature)))


def header(**members: object) -> dict[str, object]:
    return {"alg": "RS256", "typ": "JWT", "kid": "acme-2026", **members}


def claims(**members: object) -> dict[str, object]:
    """As Salesforce writes them: no jti, ids of 15 characters, ``exp`` a text."""
    base = {
        "iss": ORG[:15],
        "aud": "stripe-gateway",
        "sub": USER[:15],
        "iat": AT - 5,
        "nbf": AT - 5,
        "exp": str(AT + 115),
    }
    return {**base, **members}


def without(members: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in members.items() if name not in names}


GOOD_TOKEN = sign(header(), claims())
