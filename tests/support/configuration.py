"""Key material and configuration files for tests: real keys, made once, written the way operators write them."""

from __future__ import annotations

import base64
import datetime as dt
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)

ENVIRON = {
    "STRIPE_KEY": "rk_test_51abcdefghijklmnop",
    "STRIPE_WEBHOOK": "whsec_abcdefghijkl",
    "SEALING_K1": base64.b64encode(bytes(range(32))).decode(),
    "INDEX_KEY": base64.b64encode(bytes(range(1, 33))).decode(),
    "AUDIT_KEY": base64.b64encode(bytes(range(2, 34))).decode(),
}

TOML = """\
[server]
port = 0

[database]
url = "sqlite:///gateway.db"

[entities.us]
mode = "test"
account = "acct_1Us"
secret_key = "env:STRIPE_KEY"
webhook_secrets = ["env:STRIPE_WEBHOOK"]

[orgs.acme]
id = "00D5g000004ABCD"
mode = "test"
entities = ["us"]
automation_subjects = ["gateway-automation"]

[[orgs.acme.keys]]
file = "acme.crt"
kid = "acme-2026"

[orgs.acme.salesforce]
login_url = "https://test.salesforce.com"
username = "gateway@acme.example.com"
consumer_key = "3MVG9consumer"
private_key = "file:login.pem"

[sealing]
current = "k1"
index_key = "env:INDEX_KEY"

[sealing.keys]
k1 = "env:SEALING_K1"

[audit]
signing_key = "env:AUDIT_KEY"
"""


@cache
def rsa_key(name: str = "acme", bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """The same key for the same name within a test run."""
    return rsa.generate_private_key(exponent, bits)


@cache
def ec_key(name: str = "acme", curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    starts: dt.datetime = NOW - dt.timedelta(days=30),
    ends: dt.datetime = NOW + dt.timedelta(days=335),
    usage: x509.KeyUsage | None = None,
) -> str:
    """A self-signed certificate as Salesforce makes them."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stripe_Gateway")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
    )
    if usage:
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def key_usage(*, digital_signature: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature, content_commitment=False, key_encipherment=not digital_signature,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def b64url(number: int, octets: int | None = None) -> str:
    data = number.to_bytes(octets or (number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def rsa_jwk(key: rsa.RSAPrivateKey, **members: object) -> dict[str, object]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": b64url(numbers.n), "e": b64url(numbers.e), **members}


def ec_jwk(key: ec.EllipticCurvePrivateKey, **members: object) -> dict[str, object]:
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64url(numbers.x, 32), "y": b64url(numbers.y, 32), **members}


def write_configuration(folder: Path, toml: str = TOML, *, cert: str | None = None) -> Path:
    """``gateway.toml`` beside the key files it names."""
    (folder / "acme.crt").write_text(cert or certificate(rsa_key()))
    (folder / "login.pem").write_text(private_pem(rsa_key("login")))
    (folder / "login.pem").chmod(0o600)
    path = folder / "gateway.toml"
    path.write_text(toml)
    return path
