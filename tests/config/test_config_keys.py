"""Which keys may be trusted: bad ones as data, each with what is said about it."""

import base64
import datetime as dt
import json
import math
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.config.keys import KeyOptions, load_inbound, load_private
from gateway.config.problems import Wrong
from tests.support.configuration import (
    NOW,
    b64url,
    certificate,
    ec_jwk,
    ec_key,
    key_usage,
    private_pem,
    public_pem,
    rsa_jwk,
    rsa_key,
)

KEY, CURVE = rsa_key(), ec_key()
N = KEY.public_key().public_numbers().n


def small_rsa(bits: int) -> rsa.RSAPrivateKey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rsa_key("small", bits)


def jwks(*keys: object) -> str:
    return json.dumps({"keys": list(keys)})


def pkcs1(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def encrypted(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()


def spki(key: ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def roca_modulus() -> int:
    """A number with the fingerprint of the faulty generator: a power of 65537 modulo the product of small primes."""
    primes = [p for p in range(3, 168) if all(p % q for q in range(2, math.isqrt(p) + 1))]
    product = math.prod(primes)
    high = (1 << 2047) // product * product + pow(65537, 12345, product)
    return next(n for n in (high + step * product for step in range(1, 100)) if n % 2 and n.bit_length() == 2048)


BAD = {
    "not_json": ("{", "is not a JSON Web Key Set"),
    "no_keys": ("{}", "is not a JSON Web Key Set"),
    "keys_empty": ('{"keys": []}', "at least one key"),
    "keys_not_a_list": ('{"keys": {}}', "is not a JSON Web Key Set"),
    "a_list": ("[]", "is not a JSON Web Key Set"),
    "key_not_an_object": ('{"keys": [1]}', "is not an object"),
    "five_keys": (jwks(*[rsa_jwk(KEY, kid=str(i)) for i in range(5)]), "holds 5 keys; at most 4"),
    "member_twice": ('{"keys": [{"kty": "RSA", "kty": "RSA"}]}', "a member appears twice"),
    "deeply_nested": ('{"keys":' + "[" * 100_000, "is not a JSON Web Key Set"),
    "symmetric": (jwks({"kty": "oct", "k": "c2VjcmV0"}), "is symmetric"),
    "symmetric_member": (jwks(rsa_jwk(KEY, k="c2VjcmV0")), "is symmetric"),
    "private_d": (jwks(rsa_jwk(KEY, d="AQAB")), "is private"),
    "private_p": (jwks(rsa_jwk(KEY, p="AQAB")), "is private"),
    "private_ec": (jwks(ec_jwk(CURVE, d="AQAB")), "is private"),
    "private_oth": (jwks(rsa_jwk(KEY, oth=[])), "is private"),
    "one_private_among_good": (jwks(rsa_jwk(KEY, kid="a"), ec_jwk(CURVE, kid="b", d="AQAB")), "key 'b' is private"),
    "kty_list": (jwks({"kty": ["RSA"], "n": "AQAB", "e": "AQAB"}), "has key type ['RSA']"),
    "okp": (jwks({"kty": "OKP", "crv": "Ed25519", "x": b64url(7, 32)}), "RSA or EC is needed"),
    "no_kty": (jwks({"n": "AQAB"}), "RSA or EC is needed"),
    "for_encryption": (jwks(rsa_jwk(KEY, use="enc")), "is for use 'enc'"),
    "use_null": (jwks(rsa_jwk(KEY, use=None)), "is for use None"),
    "key_ops_sign": (jwks(rsa_jwk(KEY, key_ops=["sign"])), "may only verify"),
    "key_ops_both": (jwks(rsa_jwk(KEY, key_ops=["sign", "verify"])), "may only verify"),
    "key_ops_encrypt": (jwks(rsa_jwk(KEY, key_ops=["encrypt"])), "may only verify"),
    "key_ops_twice": (jwks(rsa_jwk(KEY, key_ops=["verify", "verify"])), "may only verify"),
    "key_ops_text": (jwks(rsa_jwk(KEY, key_ops="verify")), "may only verify"),
    "alg_none": (jwks(rsa_jwk(KEY, alg="none")), "has algorithm 'none'"),
    "alg_hs256": (jwks(rsa_jwk(KEY, alg="HS256")), "has algorithm 'HS256'"),
    "alg_ps256": (jwks(rsa_jwk(KEY, alg="PS256")), "has algorithm 'PS256'"),
    "alg_of_the_other_type": (jwks(rsa_jwk(KEY, alg="ES256")), "has algorithm 'ES256'"),
    "ec_with_rsa_alg": (jwks(ec_jwk(CURVE, alg="RS256")), "has algorithm 'RS256'"),
    "alg_lower_case": (jwks(rsa_jwk(KEY, alg="rs256")), "has algorithm 'rs256'"),
    "kid_empty": (jwks(rsa_jwk(KEY, kid="")), "has a kid"),
    "kid_number": (jwks(rsa_jwk(KEY, kid=1)), "has a kid"),
    "kid_control": (jwks(rsa_jwk(KEY, kid="a\nb")), "has a kid"),
    "rsa_1024": (jwks(rsa_jwk(small_rsa(1024))), "has 1024 bits"),
    "rsa_1024_pem": (public_pem(small_rsa(1024)), "has 1024 bits"),
    "rsa_1024_certificate": (certificate(small_rsa(1024)), "has 1024 bits"),
    "rsa_16384": (jwks({"kty": "RSA", "n": b64url((1 << 9000) + 1), "e": "AQAB"}), "more than 8192"),
    "e_1": (jwks({**rsa_jwk(KEY), "e": "AQ"}), "has the exponent 1"),
    "e_even": (jwks({**rsa_jwk(KEY), "e": "AQAA"}), "has the exponent 65536"),
    "e_zero": (jwks({**rsa_jwk(KEY), "e": "AA"}), "has the exponent 0"),
    "e_huge": (jwks({**rsa_jwk(KEY), "e": b64url((1 << 80) + 1)}), "beyond 64 bits"),
    "n_even": (jwks({"kty": "RSA", "n": b64url(N - 1), "e": "AQAB"}), "small factor"),
    "n_small_factor": (jwks({"kty": "RSA", "n": b64url((N // 3) * 3 | 1 if (N // 3) * 3 % 2 else (N // 3) * 3 + 3),
    "e": "AQAB"}),
                       "small factor"),
    "roca": (jwks({"kty": "RSA", "n": b64url(roca_modulus()), "e": "AQAB"}), "ROCA"),
    "n_missing": (jwks({"kty": "RSA", "e": "AQAB"}), "no base64url member n"),
    "n_padded": (jwks({**rsa_jwk(KEY), "n": base64.urlsafe_b64encode(N.to_bytes(256, "big")).decode()}), "member n"),
    "n_plain_base64": (jwks({**rsa_jwk(KEY), "n": "+/" * 100}), "no base64url member n"),
    "n_loose_bits": (jwks({**rsa_jwk(KEY), "e": "AQAC" + "B"}), "member e"),
    "e_not_canonical": (jwks({**rsa_jwk(KEY), "e": "Ax"}), "not canonical"),
    "n_number": (jwks({**rsa_jwk(KEY), "n": 5}), "no base64url member n"),
    "p384": (jwks({**ec_jwk(CURVE), "crv": "P-384"}), "is on curve 'P-384'"),
    "p384_pem": (public_pem(ec_key("p384", ec.SECP384R1)), "needs P-256"),
    "secp256k1_pem": (public_pem(ec_key("k1", ec.SECP256K1)), "needs P-256"),
    "no_curve": (jwks({"kty": "EC", "x": b64url(1, 32), "y": b64url(1, 32)}), "is on curve None"),
    "off_the_curve": (jwks({**ec_jwk(CURVE), "y": b64url(1, 32)}), "is not a point"),
    "point_at_infinity": (jwks({**ec_jwk(CURVE), "x": b64url(0, 32), "y": b64url(0, 32)}), "is not a point"),
    "short_x": (jwks({**ec_jwk(CURVE), "x": b64url(5, 31)}), "of 31 bytes"),
    "private_pem": (private_pem(KEY), "is a private key"),
    "private_pkcs1": (pkcs1(KEY), "is a private key"),
    "private_encrypted": (encrypted(KEY), "is a private key"),
    "private_beside_public": (public_pem(KEY) + private_pem(KEY), "is a private key"),
    "certificate_and_private": (certificate(KEY) + private_pem(KEY), "is a private key"),
    "chain": (certificate(KEY) + certificate(rsa_key("ca")), "more than one certificate"),
    "broken_certificate": (certificate(KEY)[:400] + "\n-----END CERTIFICATE-----\n", "is not a readable certificate"),
    "certificate_not_for_signatures": (certificate(KEY, usage=key_usage(digital_signature=False)),
    "digital signatures"),
    "ed25519": (spki(ed25519.Ed25519PrivateKey.generate()), "neither an RSA key nor a P-256 key"),
    "ssh": ("ssh-rsa AAAAB3NzaC1yc2E x", "is not a certificate, public key or JWKS"),
    "words": ("hello", "is not a certificate, public key or JWKS"),
    "nothing": ("", "is not a certificate, public key or JWKS"),
    "url": ("https://evil.test/keys", "is not a certificate, public key or JWKS"),
}  # fmt: skip

GOOD = {
    "certificate": (certificate(KEY), ["RS256"]),
    "certificate_with_usage": (certificate(KEY, usage=key_usage(digital_signature=True)), ["RS256"]),
    "certificate_with_text_before": ("Bag Attributes\n" + certificate(KEY), ["RS256"]),
    "p256_certificate": (certificate(CURVE), ["ES256"]),
    "public_pem": (public_pem(KEY), ["RS256"]),
    "public_p256": (public_pem(CURVE), ["ES256"]),
    "exponent_3": (public_pem(rsa_key("three", 2048, 3)), ["RS256"]),
    "jwks": (jwks(rsa_jwk(KEY, kid="a", use="sig", alg="RS512"), ec_jwk(CURVE, kid="b")), ["RS512", "ES256"]),
    "one_jwk": (json.dumps(rsa_jwk(KEY, key_ops=["verify"], x5t="ignored")), ["RS256"]),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_a_key_that_must_not_be_trusted_is_refused(text, said):
    with pytest.raises(Wrong) as caught:
        load_inbound(text, KeyOptions())

    assert said in caught.value.message


@pytest.mark.parametrize(("text", "algorithms"), GOOD.values(), ids=GOOD)
def test_a_good_key_is_loaded_and_brings_its_algorithm(text, algorithms):
    assert [key.algorithm for key in load_inbound(text, KeyOptions())] == algorithms


def test_the_validity_is_the_overlap_of_certificate_and_configuration():
    starts, ends = NOW - dt.timedelta(days=1), NOW + dt.timedelta(days=5)
    options = KeyOptions(not_before=starts, not_after=ends + dt.timedelta(days=900))

    [key] = load_inbound(certificate(KEY, ends=ends), options)

    assert (key.not_before, key.not_after) == (starts, ends)
    assert [key.valid_at((NOW + dt.timedelta(days=d)).timestamp()) for d in (-2, 0, 5)] == [False, True, False]


def test_a_key_without_dates_is_always_valid():
    [key] = load_inbound(public_pem(KEY), KeyOptions())

    assert key.valid_at(0)


def test_the_algorithm_may_be_chosen_among_those_that_fit():
    [key] = load_inbound(certificate(KEY), KeyOptions(algorithm="RS512"))

    assert key.algorithm == "RS512"
    with pytest.raises(Wrong, match="does not fit"):
        load_inbound(certificate(CURVE), KeyOptions(algorithm="RS512"))
    with pytest.raises(Wrong, match="is for RS256, but algorithm says RS512"):
        load_inbound(jwks(rsa_jwk(KEY, alg="RS256")), KeyOptions(algorithm="RS512"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (public_pem(KEY), "is not a private key"),
        ("", "is not a private key"),
        (encrypted(KEY), "is encrypted with a passphrase"),
        (private_pem(CURVE), "is not an RSA key"),
        (private_pem(small_rsa(1024)), "has 1024 bits"),
    ],
)
def test_the_login_key_is_a_strong_rsa_key(text, said):
    with pytest.raises(Wrong) as caught:
        load_private(text)

    assert said in caught.value.message
