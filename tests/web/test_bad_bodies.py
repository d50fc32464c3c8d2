"""Every bad body gets its 4xx, over HTTP, and reaches nothing."""

import json
from decimal import Decimal

import pytest

from tests.web.corpus_bodies import BAD, UNSUPPORTED, body


def test_the_corpus_is_large():
    assert len(BAD) + len(UNSUPPORTED) >= 250


@pytest.mark.parametrize(("data", "status", "code", "field"), BAD.values(), ids=BAD)
def test_a_bad_body_is_refused(edge, data, status, code, field):
    before = len(edge.reached)

    answer, told = edge.post(data)

    assert (answer.status, told["error_code"], told.get("field")) == (status, code, field)
    assert answer.getheader("Content-Type") == "application/problem+json"
    assert told["type"] == f"urn:stripe-action-gateway:problem:{code}"
    assert told["user_message"] == told["detail"]
    assert (told["success"], told["status_code"], told["retryable"]) == (False, status, False)
    assert "4242" not in json.dumps(told)
    assert len(edge.reached) == before


@pytest.mark.parametrize("headers", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_a_body_in_another_format_is_refused(edge, headers):
    before = len(edge.reached)

    answer, told = edge.post(body(), content_type=None, headers=headers)

    assert (answer.status, told["error_code"]) == (415, "unsupported_media_type")
    assert len(edge.reached) == before


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"',
     "application/vnd.acme+json", "application/json; charset=UTF8", "application/json;"],
)  # fmt: skip
def test_json_has_several_names(edge, content_type):
    assert edge.post(body(), content_type=content_type)[0].status == 200


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [('"10.00"', "usd", 1000), ("10", "USD", 1000), ("10.5", "eur", 1050), ("10.50", "eur", 1050), ('"100"', "jpy",
    100),
     ("12.340", "kwd", 12340), ("500", "isk", 50000), ("0.1", "usd", 10)],
)  # fmt: skip
def test_a_good_amount_arrives_exactly(edge, amount, currency, minor):
    data = f'{{"record_id":"0015000000D8cuIAAR","amount":{amount},"currency":"{currency}"}}'

    answer, told = edge.post(data.encode())

    assert (answer.status, told["minor"]) == (200, minor)


@pytest.mark.parametrize(
    "memo",
    [
        "é",
        "日本",
        "🧾",
        "\u202eabc",
        "a\u200bb",
        "line\nbreak",
        "\r\nSet-Cookie: x",
        "<script>alert(1)</script>",
        "' OR 1=1",
        "${jndi:x}",
        "x" * 200,
    ],
)
def test_text_arrives_as_it_was_sent(edge, memo):
    answer, _ = edge.post(body(memo=memo))

    assert answer.status == 200
    assert edge.reached[-1][1]["memo"] == memo


def test_a_number_with_a_fraction_is_never_a_float(edge):
    edge.post(b'{"record_id":"0015000000D8cuI","amount":10.10}')

    assert edge.reached[-1][1]["amount"] == Decimal("10.10")


def test_the_largest_body_is_read(edge):
    assert edge.post(body().ljust(262_144))[0].status == 200


def test_32_levels_are_read_and_then_judged(edge):
    answer, told = edge.post(b'{"record_id":"x","amount":"1","memo":' + b"[" * 31 + b"]" * 31 + b"}")

    assert (answer.status, told["error_code"], told["field"]) == (422, "invalid_member", "memo")
