import json

import pytest
from cryptography.hazmat.primitives import hashes

from tests.support.configuration import ec_key, rsa_key
from tests.support.tokens import AT, GOOD_TOKEN, LIVE_ORG, ORG, USER, claims, header, sign, without

BODY = json.dumps({"record_id": "0015000000D8cuI", "amount": "12.50"}).encode()
PERSON = [ORG, USER, "person"]

GOOD = {
    "as_salesforce_makes_them": (GOOD_TOKEN, PERSON),
    "ids_of_18_characters": (sign(header(), claims(iss=ORG, sub=USER)), PERSON),
    "exp_as_a_number": (sign(header(), claims(exp=AT + 115)), PERSON),
    "all_times_as_text": (sign(header(), claims(iat=str(AT), nbf=str(AT))), PERSON),
    "no_nbf": (sign(header(), without(claims(), "nbf")), PERSON),
    "with_jti": (sign(header(), claims(jti="6f1c0f4e-0000")), PERSON),
    "no_kid": (sign(without(header(), "kid"), claims()), PERSON),
    "unknown_kid": (sign(header(kid="renamed"), claims()), PERSON),
    "kid_of_nothing_real": (sign(header(kid="../../dev/null"), claims()), PERSON),
    "no_typ": (sign(without(header(), "typ"), claims()), PERSON),
    "typ_lower_case": (sign(header(typ="jwt"), claims()), PERSON),
    "access_token": (sign(header(typ="at+jwt"), claims()), PERSON),
    "thumbprint": (sign(header(x5t="abc"), claims()), PERSON),
    "only_alg": (sign({"alg": "RS256"}, claims()), PERSON),
    "aud_as_a_list": (sign(header(), claims(aud=["stripe-gateway"])), PERSON),
    "extra_claims": (sign(header(), claims(act={"a": [1, 2.5, None]}, rec="x", scope="é")), PERSON),
    "second_key_rs512": (sign(header(alg="RS512", kid="rs512"), claims(), rsa_key("512"), hashes.SHA512()), PERSON),
    "second_key_without_kid": (sign({"alg": "RS512"}, claims(), rsa_key("512"), hashes.SHA512()), PERSON),
    "third_key_es256": (sign(header(alg="ES256", kid="es256"), claims(), ec_key()), PERSON),
    "clock_30_s_ahead": (sign(header(), claims(iat=AT + 30, nbf=AT + 30, exp=AT + 150)), PERSON),
    "clock_30_s_behind": (sign(header(), claims(iat=AT - 200, nbf=AT - 200, exp=AT - 29)), PERSON),
    "longest_life": (sign(header(), claims(iat=AT, nbf=AT, exp=AT + 900)), PERSON),
    "automation": (sign(header(), claims(sub="gateway-automation")), [ORG, "gateway-automation", "automation"]),
    "the_other_org": (sign(header(kid="beta"), claims(iss=LIVE_ORG), rsa_key("beta")), [LIVE_ORG, USER, "person"]),
    "spaces_in_the_json": (sign(b'{ "alg" : "RS256" }', json.dumps(claims(), indent=2).encode()), PERSON),
}


@pytest.mark.parametrize(("token", "caller"), GOOD.values(), ids=GOOD)
def test_a_good_token_names_its_caller(edge, token, caller):
    answer, body = edge.post(BODY, token=token)

    assert (answer.status, body) == (200, {"caller": caller, "minor": 1250})


def test_the_same_token_may_come_twice(edge):
    before = len(edge.reached)

    assert [edge.post(BODY)[0].status for _ in range(3)] == [200, 200, 200]
    assert len(edge.reached) == before + 3


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_has_no_case(edge, scheme):
    answer, _ = edge.post(BODY, token=None, headers=[("Authorization", f"{scheme} {GOOD_TOKEN}")])

    assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Salesforce-Org-Id", ORG)],
        [("X-Salesforce-Org-Id", ORG[:15])],
        [("X-Salesforce-Sandbox", "true")],
        [("X-Salesforce-Sandbox", "False")],
        [("X-Salesforce-Org-Id", ORG), ("X-Salesforce-Sandbox", "true")],
        [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil.test"), ("X-HTTP-Method-Override", "DELETE")],
    ],
)
def test_what_the_org_says_of_itself_may_agree(edge, headers):
    answer, _ = edge.post(BODY, headers=headers)

    assert answer.status == 200
