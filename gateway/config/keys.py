"""Keys that sign inbound tokens (X.509, PEM or JWKS) and the private key that signs our login, each loaded once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway.config.jwks import RSA_ALGORITHMS, Algorithm, PublicKey, check_key, parse_jwks
from gateway.config.problems import Wrong


@dataclass(frozen=True, slots=True)
class InboundKey:
    """
    A key one org's tokens may be signed with. ``algorithm`` belongs to the key: a token never chooses it.

    ``place`` is its index among the org's ``keys`` in the file, ``source`` tells people where it came from.
    """

    kid: str | None
    public_key: PublicKey
    algorithm: Algorithm
    not_before: datetime | None
    not_after: datetime | None
    source: str
    place: int = 0

    def valid_at(self, at: float) -> bool:
        """Whether tokens signed with it are accepted at this time (seconds since the epoch)."""
        return (self.not_before is None or self.not_before.timestamp() <= at) and (
            self.not_after is None or at < self.not_after.timestamp()
        )

    def encoded(self) -> bytes:
        """DER form: equal for equal keys, whatever they were loaded from."""
        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """What the configuration says beside the key itself."""

    kid: str | None = None
    algorithm: Algorithm | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    source: str = "inline"
    place: int = 0


def load_inbound(text: str, options: KeyOptions) -> tuple[InboundKey, ...]:
    """Every key in the text; ``Wrong`` when one of them must not be trusted."""
    text = text.strip().removeprefix("\ufeff")
    if "PRIVATE KEY-----" in text:
        raise Wrong(
            "is a private key", "give the certificate or the public key, and replace this key: it has been copied"
        )
    if text.startswith(("{", "[")):
        return tuple(_key(kid or options.kid, key, alg, options) for kid, key, alg in parse_jwks(text))
    if "-----BEGIN CERTIFICATE-----" in text:
        return (_certificate(text, options),)
    return (_key(options.kid, _public_pem(text), None, options),)


def load_private(text: str) -> RSAPrivateKey:
    """The RSA key that signs our Salesforce login."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError as exc:
        raise Wrong(
            "is encrypted with a passphrase", "openssl pkey -in key.pem -out plain.pem, then chmod 600"
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise Wrong("is not a private key in PEM form (-----BEGIN PRIVATE KEY-----)") from exc
    if not isinstance(key, RSAPrivateKey):
        raise Wrong("is not an RSA key; Salesforce accepts RSA only")
    check_key(key.public_key())
    return key


def moment(value: object) -> datetime | None:
    """A TOML date (midnight UTC) or a date-time with an offset."""
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Wrong("has no time zone", f"write {value.isoformat()}Z")
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise Wrong("must be a date such as 2027-01-31, without quotes")


def _certificate(text: str, options: KeyOptions) -> InboundKey:
    if text.count("-----BEGIN CERTIFICATE-----") > 1:
        raise Wrong("holds more than one certificate", "give Salesforce's own certificate, without the chain")
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
        usage = _usage(certificate)
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise Wrong(f"is not a readable certificate: {exc}") from exc
    if usage is not None and not usage.digital_signature:
        raise Wrong("is a certificate whose key usage does not include digital signatures")
    starts = max(filter(None, (options.not_before, certificate.not_valid_before_utc)))
    ends = min(filter(None, (options.not_after, certificate.not_valid_after_utc)))
    return _key(options.kid, check_key(key), None, options, starts, ends)


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _public_pem(text: str) -> PublicKey:
    try:
        return check_key(load_pem_public_key(text.encode()))
    except (ValueError, UnsupportedAlgorithm) as exc:
        if isinstance(exc, Wrong):
            raise
        raise Wrong("is not a certificate, public key or JWKS", "PEM begins with -----BEGIN CERTIFICATE-----") from exc


def _key(
    kid: str | None,
    key: PublicKey,
    alg: Algorithm | None,
    options: KeyOptions,
    starts: datetime | None = None,
    ends: datetime | None = None,
) -> InboundKey:
    if alg and options.algorithm and alg != options.algorithm:
        raise Wrong(f"is for {alg}, but algorithm says {options.algorithm}")
    chosen = alg or options.algorithm or ("ES256" if isinstance(key, EllipticCurvePublicKey) else "RS256")
    if (chosen in RSA_ALGORITHMS) == isinstance(key, EllipticCurvePublicKey):
        raise Wrong(f"does not fit {chosen}")
    starts, ends = starts or options.not_before, ends or options.not_after
    if starts and ends and starts >= ends:
        raise Wrong("is never valid: not_before is not earlier than not_after")
    return InboundKey(kid, key, chosen, starts, ends, options.source, options.place)
