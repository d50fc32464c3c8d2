"""Tokens that must be refused, each with the reason the log gives. The answer is the same for all of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.configuration import certificate, ec_key, public_pem, rsa_jwk, rsa_key
from tests.support.tokens import GOOD_TOKEN, LIVE_ORG, ORG, b64, claims, header, sign, without
from tests.web.corpus_claims import CLAIMS, with_claims

HEAD, BODY, SIGNATURE = GOOD_TOKEN.split(".")
ATTACKER = rsa_key("attacker")


def with_header(**members: object) -> str:
    return sign(header(**members), claims())


def raw_header(text: bytes) -> str:
    return sign(text, claims())


def raw_claims(text: bytes) -> str:
    return sign(header(), text)


def keyed(secret: bytes, alg: str = "HS256", digest: str = "sha256") -> str:
    """Signed with a secret that anybody can know: the public key."""
    signing_input = f"{b64(json.dumps(header(alg=alg)).encode())}.{b64(json.dumps(claims()).encode())}"
    return f"{signing_input}.{b64(hmac.new(secret, signing_input.encode(), digest).digest())}"


def unsigned(alg: object) -> str:
    return f"{b64(json.dumps(header(alg=alg)).encode())}.{BODY}."


def flipped(segment: str, at: int = 10) -> str:
    return segment[:at] + ("A" if segment[at] != "A" else "B") + segment[at + 1 :]


def loose_bits(segment: str) -> str:
    """The same bytes, spelt with another last character."""
    padded = segment + "=" * (-len(segment) % 4)
    for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        other = segment[:-1] + char
        if other != segment and base64.urlsafe_b64decode(other + "=" * (-len(other) % 4)) == base64.urlsafe_b64decode(
            padded
        ):
            return other
    raise AssertionError(segment)


def probabilistic() -> str:
    """PS256 under the right key: a sound signature of an algorithm nobody asked for."""
    signing_input = f"{b64(json.dumps(header(alg='PS256')).encode())}.{BODY}"
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    return f"{signing_input}.{b64(rsa_key().sign(signing_input.encode(), scheme, hashes.SHA256()))}"


def edwards() -> str:
    signing_input = f"{b64(json.dumps(header(alg='EdDSA')).encode())}.{BODY}"
    return f"{signing_input}.{b64(ed25519.Ed25519PrivateKey.generate().sign(signing_input.encode()))}"


def der_signed() -> str:
    """ES256 with the signature in DER form, as OpenSSL makes it, instead of two 32-byte numbers."""
    signing_input = f"{b64(json.dumps(header(alg='ES256', kid='es256')).encode())}.{BODY}"
    return f"{signing_input}.{b64(ec_key().sign(signing_input.encode(), ECDSA(hashes.SHA256())))}"


def json_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


PUBLIC = rsa_key().public_key()
DER = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PKCS1 = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
MODULUS = PUBLIC.public_numbers().n.to_bytes(256, "big")

FORM = {
    "one_segment": ("abc", "not_three_segments"),
    "two_segments": (f"{HEAD}.{BODY}", "not_three_segments"),
    "four_segments": (f"{GOOD_TOKEN}.{SIGNATURE}", "not_three_segments"),
    "five_segments_jwe": (f"{HEAD}.{BODY}.{SIGNATURE}.{BODY}.{HEAD}", "not_three_segments"),
    "only_dots": ("..", "not_three_segments"),
    "no_header": (f".{BODY}.{SIGNATURE}", "not_three_segments"),
    "no_payload": (f"{HEAD}..{SIGNATURE}", "not_three_segments"),
    "no_signature": (f"{HEAD}.{BODY}.", "not_three_segments"),
    "space_before": (f" {GOOD_TOKEN}", "not_three_segments"),
    "space_inside": (f"{HEAD}. {BODY}.{SIGNATURE}", "not_three_segments"),
    "tab_inside": (f"{HEAD}.\t{BODY}.{SIGNATURE}", "not_three_segments"),
    "two_tokens": (f"{GOOD_TOKEN}, {GOOD_TOKEN}", "not_three_segments"),
    "scheme_twice": (f"Bearer {GOOD_TOKEN}", "not_three_segments"),
    "quoted": (f'"{GOOD_TOKEN}"', "not_three_segments"),
    "percent_encoded": (GOOD_TOKEN.replace(".", "%2E"), "not_three_segments"),
    "plain_base64": (f"{HEAD}.{BODY}.{SIGNATURE[:-2]}+/", "not_three_segments"),
    "beyond_ascii": (f"{HEAD}.{BODY}.é".encode(), "not_three_segments"),
    "invalid_utf8": (b"\xff\xfe.a.b", "not_three_segments"),
    "padded_signature": (f"{GOOD_TOKEN}==", "not_three_segments"),
    "padded_header": (f"{HEAD}=.{BODY}.{SIGNATURE}", "not_three_segments"),
    "signature_other_spelling": (f"{HEAD}.{BODY}.{loose_bits(SIGNATURE)}", "not_canonical_base64url"),
    "payload_other_spelling": (f"{HEAD}.{BODY[:-1]}.{SIGNATURE}", ""),
    "impossible_length": (f"{HEAD}.{BODY}.{SIGNATURE[:-1]}", ""),
    "too_long": (with_claims(pad="x" * 7000), "token_too_long"),
    "much_too_long": (f"{HEAD}.{BODY}.{'A' * 12_000}", "token_too_long"),
    "session_id": ("00D5g000004ABCD!AQEAQK.abc.def", "not_three_segments"),
    "uuid": ("6f1c0f4e-0000-4c3b-9f8f-000000000000", "not_three_segments"),
}

SIGNATURES = {
    "signature_changed": (f"{HEAD}.{BODY}.{flipped(SIGNATURE)}", "signature_wrong"),
    "signature_cut": (f"{HEAD}.{BODY}.{SIGNATURE[:340]}", "signature_wrong"),
    "signature_one_byte": (f"{HEAD}.{BODY}.AA", "signature_wrong"),
    "signature_all_zero": (f"{HEAD}.{BODY}.{b64(bytes(256))}", "signature_wrong"),
    "signature_of_another_token": (
        f"{HEAD}.{BODY}.{with_claims(sub='gateway-automation').split('.')[2]}",
        "signature_wrong",
    ),
    "payload_changed": (f"{HEAD}.{b64(json_bytes(claims(sub='gateway-automation')))}.{SIGNATURE}", "signature_wrong"),
    "header_changed": (f"{b64(json_bytes(header(kid='other')))}.{BODY}.{SIGNATURE}", "signature_wrong"),
    "attackers_key": (sign(header(), claims(), ATTACKER), "signature_wrong"),
    "attackers_key_no_kid": (sign({"alg": "RS256"}, claims(), ATTACKER), "signature_wrong"),
    "key_of_the_other_org": (sign(header(kid="beta"), claims(), rsa_key("beta")), "signature_wrong"),
    "our_key_for_the_other_org": (sign(header(), claims(iss=LIVE_ORG)), "signature_wrong"),
    "known_kid_selects_the_wrong_key": (
        sign(header(kid="rs512", alg="RS512"), claims(), None, hashes.SHA512()),
        "signature_wrong",
    ),
    "kid_and_alg_do_not_fit": (with_header(kid="rs512"), "alg_differs"),
    "expired_key": (sign(header(kid="old"), claims(), rsa_key("old")), "key_not_valid_now"),
    "expired_key_without_kid": (sign({"alg": "RS256"}, claims(), rsa_key("old")), "signature_wrong"),
    "key_yet_to_come": (sign(header(kid="next"), claims(iss=LIVE_ORG), rsa_key("next")), "key_not_valid_now"),
    "key_yet_to_come_without_kid": (sign({"alg": "RS256"}, claims(iss=LIVE_ORG), rsa_key("next")), "signature_wrong"),
    "es256_other_curve_key": (sign(header(alg="ES256", kid="es256"), claims(), ec_key("evil")), "signature_wrong"),
    "es256_all_zero": (
        f"{b64(json_bytes(header(alg='ES256', kid='es256')))}.{BODY}.{b64(bytes(64))}",
        "signature_wrong",
    ),
    "es256_der_form": (der_signed(), "signature_wrong"),
    "login_key_signs": (sign(header(), claims(), rsa_key("login")), "signature_wrong"),
}

ALGORITHMS = {
    **{f"none_{alg}": (unsigned(alg), "not_three_segments") for alg in ("none", "None", "NONE", "nOnE")},
    "none_with_signature": (with_header(alg="none"), "alg_differs"),
    "alg_missing": (sign(without(header(), "alg"), claims()), "alg_unusable"),
    "alg_null": (with_header(alg=None), "alg_unusable"),
    "alg_number": (with_header(alg=256), "alg_unusable"),
    "alg_list": (with_header(alg=["RS256"]), "alg_unusable"),
    "alg_object": (with_header(alg={"a": "RS256"}), "alg_unusable"),
    "alg_empty": (with_header(alg=""), "alg_differs"),
    "alg_lower_case": (with_header(alg="rs256"), "alg_differs"),
    "alg_with_a_space": (with_header(alg="RS256 "), "alg_differs"),
    "alg_rs384": (sign(header(alg="RS384"), claims(), None, hashes.SHA384()), "alg_differs"),
    "alg_rs1": (sign(header(alg="RS1"), claims()), "alg_differs"),
    "alg_ps256": (probabilistic(), "alg_differs"),
    "alg_eddsa": (edwards(), "alg_differs"),
    "alg_es256_rsa_signature": (with_header(alg="ES256"), "alg_differs"),
    "alg_rs512_key_is_rs256": (sign(header(alg="RS512"), claims(), None, hashes.SHA512()), "alg_differs"),
    "alg_es256k": (with_header(alg="ES256K"), "alg_differs"),
    "alg_unknown": (with_header(alg="XS999"), "alg_differs"),
    "hmac_public_pem": (keyed(public_pem(rsa_key()).encode()), "alg_differs"),
    "hmac_public_pem_stripped": (keyed(public_pem(rsa_key()).strip().encode()), "alg_differs"),
    "hmac_public_der": (keyed(DER), "alg_differs"),
    "hmac_public_pkcs1": (keyed(PKCS1), "alg_differs"),
    "hmac_certificate": (keyed(certificate(rsa_key()).encode()), "alg_differs"),
    "hmac_modulus": (keyed(MODULUS), "alg_differs"),
    "hmac_jwk": (keyed(json_bytes(rsa_jwk(rsa_key()))), "alg_differs"),
    "hmac_empty_secret": (keyed(b""), "alg_differs"),
    "hmac_384": (keyed(DER, "HS384", "sha384"), "alg_differs"),
    "hmac_512": (keyed(DER, "HS512", "sha512"), "alg_differs"),
    "hmac_named_rs256": (keyed(hashlib.sha256(DER).digest(), "RS256"), "signature_wrong"),
}

HEADERS = {
    **{
        f"header_{name.replace('#', '_')}": (with_header(**{name: value}), "header_member_")
        for name, value in {
            "crit": ["exp"],
            "b64": False,
            "zip": "DEF",
            "enc": "A256GCM",
            "jwk": rsa_jwk(ATTACKER),
            "jku": "https://evil.test/keys",
            "x5u": "https://evil.test/cert",
            "x5c": ["MIIB"],
            "cty": "JWT",
            "epk": {},
            "p2c": 1_000_000,
            "url": "https://evil.test",
            "nonce": "1",
            "iss": ORG,
            "exp": 1,
            "foo": None,
            "": 1,
            "ALG": "none",
        }.items()
    },
    "crit_empty": (with_header(crit=[]), "header_member_"),
    "jwk_own_signature": (sign(header(jwk=rsa_jwk(ATTACKER)), claims(), ATTACKER), "header_member_"),
    **{
        f"typ_{name}": (with_header(typ=value), "typ_unusable")
        for name, value in {
            "security_event": "secevent+jwt",
            "dpop": "dpop+jwt",
            "logout": "logout+jwt",
            "jws": "JWS",
            "number": 1,
            "null": None,
            "empty": "",
            "list": ["JWT"],
            "space": "JWT ",
            "id": "id_token",
        }.items()
    },
    **{
        f"kid_{name}": (with_header(kid=value), "kid_unusable")
        for name, value in {
            "number": 1,
            "null": None,
            "empty": "",
            "list": ["acme-2026"],
            "object": {},
            "long": "k" * 201,
        }.items()
    },
    "header_list": (raw_header(b'["alg","RS256"]'), "not_a_json_object"),
    "header_null": (raw_header(b"null"), "not_a_json_object"),
    "header_text": (raw_header(b'"RS256"'), "not_a_json_object"),
    "header_empty_object": (raw_header(b"{}"), "alg_unusable"),
    "header_not_json": (raw_header(b"alg=RS256"), "not_strict_json"),
    "header_cut": (raw_header(b'{"alg":"RS256"'), "not_strict_json"),
    "header_alg_twice": (raw_header(b'{"alg":"none","alg":"RS256"}'), "not_strict_json"),
    "header_trailing_comma": (raw_header(b'{"alg":"RS256",}'), "not_strict_json"),
    "header_trailing_text": (raw_header(b'{"alg":"RS256"}x'), "not_strict_json"),
    "header_byte_order_mark": (raw_header(b'\xef\xbb\xbf{"alg":"RS256"}'), "not_strict_json"),
    "header_utf16": (raw_header('{"alg":"RS256"}'.encode("utf-16")), "not_strict_json"),
    "header_latin1": (raw_header('{"alg":"RS256","kid":"é"}'.encode("latin-1")), "not_strict_json"),
    "header_nan": (raw_header(b'{"alg":"RS256","kid":NaN}'), "not_strict_json"),
    "header_nested": (raw_header(b'{"alg":"RS256","kid":' + b"[" * 1500 + b"]" * 1500 + b"}"), "not_strict_json"),
    "header_escaped_nul": (raw_header(b'{"alg":"RS256","kid":"a\\u0000"}'), "not_strict_json"),
}

PAYLOADS = {
    "payload_list": (raw_claims(b"[]"), "not_a_json_object"),
    "payload_null": (raw_claims(b"null"), "not_a_json_object"),
    "payload_number": (raw_claims(b"1"), "not_a_json_object"),
    "payload_text": (raw_claims(b'"x"'), "not_a_json_object"),
    "payload_a_token": (raw_claims(GOOD_TOKEN.encode()), "not_strict_json"),
    "payload_empty_object": (raw_claims(b"{}"), "iss_unusable"),
    "payload_sub_twice": (raw_claims(json_bytes(claims())[:-1] + b',"sub":"gateway-automation"}'), "not_strict_json"),
    "payload_exp_twice": (raw_claims(json_bytes(claims())[:-1] + b',"exp":9999999999}'), "not_strict_json"),
    "payload_nan": (raw_claims(json_bytes(claims())[:-1] + b',"x":NaN}'), "not_strict_json"),
    "payload_infinity": (raw_claims(json_bytes(claims())[:-1] + b',"x":-Infinity}'), "not_strict_json"),
    "payload_huge_number": (raw_claims(json_bytes(claims())[:-1] + b',"x":' + b"9" * 4000 + b"}"), "not_strict_json"),
    "payload_huge_exponent": (raw_claims(json_bytes(claims())[:-1] + b',"x":1e999999}'), "not_strict_json"),
    "payload_nested": (
        raw_claims(json_bytes(claims())[:-1] + b',"x":' + b"[" * 2000 + b"]" * 2000 + b"}"),
        "not_strict_json",
    ),
    "payload_nested_objects": (
        raw_claims(json_bytes(claims())[:-1] + b',"x":' + b'{"a":' * 99 + b"1" + b"}" * 100),
        "not_strict_json",
    ),
    "payload_half_character": (raw_claims(json_bytes(claims())[:-1] + b',"x":"\\ud800"}'), "not_strict_json"),
    "payload_not_utf8": (raw_claims(b'{"iss":"\xff"}'), "not_strict_json"),
    "payload_comment": (raw_claims(b"/**/" + json_bytes(claims())), "not_strict_json"),
}


BAD: dict[str, tuple[str | bytes, str]] = {
    **FORM, **SIGNATURES, **ALGORITHMS, **HEADERS, **PAYLOADS, **CLAIMS,
}  # fmt: skip
