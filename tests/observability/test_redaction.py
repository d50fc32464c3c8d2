"""Nothing secret passes, and what is harmless stays readable."""

from __future__ import annotations

import pytest

from gateway.observability import redact, redacted

SECRETS = {
    "live key": "sk_live_51AbCdEfGhIjKlMnOpQrStUv",
    "test key": "sk_test_51AbCdEfGhIjKlMnOpQrStUv",
    "restricted key": "rk_live_51AbCdEfGhIjKlMnOpQrStUv",
    "organisation key": "sk_org_live_AbCdEfGhIjKlMnOp",
    "webhook secret": "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
    "client secret": "pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "token": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIwMEQifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg",
    "session id": "00D5g000008XyZq!AQEAQHv1.fakeSessionIdOfFortyCharacters.abcdefghij",
    "private key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSj\n-----END PRIVATE KEY-----",
    "cut private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "card number": "4242424242424242",
    "card number in groups": "4000 0566 5566 5556",
    "e-mail": "jane.doe+invoices@acme-corp.example.com",
    "bearer": "Bearer 3f9c2a7de1b04c5a9d",
}

HARMLESS = [
    "action.accepted",
    "act_01J8Z3K4M5N6P7Q8R9S0T1V2W3",
    "0065g00000AbCdEAAV",
    "in_1PQabcDEFghiJKLmno",
    "us:in_1PQabcDEFghiJKLmno",
    "https://api.stripe.com/v1/invoices/in_1PQabc/finalize",
    "2026-11-22T10:15:30.123456Z",
    "Sent! Thank you!",
    "1763806530123",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_never_passes(name: str) -> None:
    secret = SECRETS[name]

    shown = redact(f"before {secret} after")

    assert secret not in shown
    assert secret[-12:] not in shown
    assert shown.startswith("before ")


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_never_passes_deep_inside_a_value(name: str) -> None:
    secret = SECRETS[name]

    shown = repr(redacted({"a": [{"b": (secret, secret.encode())}], secret: {secret}, "error": ValueError(secret)}))

    assert secret not in shown
    assert secret[-12:] not in shown


@pytest.mark.parametrize("text", HARMLESS)
def test_ids_and_words_stay_readable(text: str) -> None:
    assert redact(text) == text


def test_the_kind_of_a_key_stays_visible() -> None:
    assert redact(SECRETS["restricted key"]) == "rk_live_[redacted]"


def test_a_member_named_like_a_secret_is_hidden_whatever_it_holds() -> None:
    shown = redacted({"Authorization": "Basic Zm9v", "client-secret": "hello", "status": "open", "token": None})

    assert shown == {"Authorization": "[redacted]", "client-secret": "[redacted]", "status": "open", "token": None}


def test_a_card_number_as_an_integer_is_hidden() -> None:
    assert "4242" not in str(redacted({"n": 4242424242424242}))


def test_very_deep_values_are_cut_instead_of_overflowing() -> None:
    value: object = SECRETS["test key"]
    for _ in range(5000):
        value = [value]

    assert "[cut]" in str(redacted(value))
