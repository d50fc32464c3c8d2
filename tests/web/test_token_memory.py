"""What was verified is remembered, and never longer than it is true."""

import pytest

from gateway.web.auth import Authenticator, Unauthenticated
from tests.support.configuration import rsa_key
from tests.support.edge import Clock, configuration, no_store, who
from tests.support.tokens import AT, GOOD_TOKEN, LIVE_ORG, claims, header, sign


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return configuration(tmp_path_factory.mktemp("memory"))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authenticator(config, clock):
    return Authenticator(config.orgs.values(), clock, config.server, use_once=no_store, remembered=3)


def bearer(token: str, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), (b"authorization", f"Bearer {token}".encode()), *more]


def test_a_remembered_token_gives_the_same_caller(authenticator):
    first = who(authenticator, bearer(GOOD_TOKEN))

    assert who(authenticator, bearer(GOOD_TOKEN)) is first


def test_a_remembered_token_still_expires(authenticator, clock):
    who(authenticator, bearer(GOOD_TOKEN))
    clock.at = AT + 144
    who(authenticator, bearer(GOOD_TOKEN))
    clock.at = AT + 145

    with pytest.raises(Unauthenticated) as caught:
        who(authenticator, bearer(GOOD_TOKEN))

    assert caught.value.reason == "expired"


def test_a_remembered_token_ends_with_its_key(config, authenticator, clock):
    clock.at = AT - 3700  # an hour earlier the old key was valid
    token = sign(header(kid="old"), claims(iat=clock.at, nbf=clock.at, exp=clock.at + 900), rsa_key("old"))
    who(authenticator, bearer(token))
    clock.at = AT - 3600

    with pytest.raises(Unauthenticated) as caught:
        who(authenticator, bearer(token))

    assert caught.value.reason == "expired"


def test_removing_an_org_or_key_forgets_what_it_signed(config, authenticator):
    who(authenticator, bearer(GOOD_TOKEN))

    authenticator.replace([config.orgs["beta"]])

    with pytest.raises(Unauthenticated) as caught:
        who(authenticator, bearer(GOOD_TOKEN))
    assert caught.value.reason == "iss_unknown"


def test_the_tripwire_is_checked_at_every_use(authenticator):
    who(authenticator, bearer(GOOD_TOKEN))

    with pytest.raises(Unauthenticated) as caught:
        who(authenticator, bearer(GOOD_TOKEN, (b"x-salesforce-org-id", LIVE_ORG.encode())))

    assert caught.value.reason == "org_header_differs"


def test_a_changed_signature_is_not_found_under_the_remembered_token(authenticator):
    who(authenticator, bearer(GOOD_TOKEN))
    changed = GOOD_TOKEN[:-5] + ("A" if GOOD_TOKEN[-5] != "A" else "B") + GOOD_TOKEN[-4:]

    with pytest.raises(Unauthenticated):
        who(authenticator, bearer(changed))


def test_the_memory_is_bounded(authenticator):
    tokens = [sign(header(), claims(jti=str(number))) for number in range(5)]

    callers = [who(authenticator, bearer(token)) for token in tokens]

    again = [who(authenticator, bearer(token)) for token in tokens]
    assert callers == again
    assert len(authenticator._verified) == 3


def test_a_refused_token_is_not_remembered(authenticator, clock):
    token = sign(header(), claims(iat=AT + 100, nbf=AT + 100, exp=AT + 200))
    with pytest.raises(Unauthenticated):
        who(authenticator, bearer(token))

    clock.at = AT + 100

    assert who(authenticator, bearer(token)).kind == "person"
