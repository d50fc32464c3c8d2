import random
import time
from decimal import Decimal

import pytest

from gateway.cards import contains_card, find_card_number, redact_cards, refuse_cards
from gateway.errors import Rejected

# Test numbers published by Stripe (docs.stripe.com/testing) and the networks.
CARDS = [
    "4242424242424242", "4000056655665556", "4222222222222", "5555555555554444", "2223003122003222",
    "5200828282828210",
    "5105105105105100", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
    "3056930009020004",
    "36227206271667", "30569309025904", "3566002020360505", "6200000000000005", "6205500000000000004",
    "6759649826438453",
]  # fmt: skip

WRITTEN = [
    "4242 4242 4242 4242", "4242-4242-4242-4242", "3782 822463 10005", "3782-822463-10005", "3622 720627 1667",
    "card:4242424242424242", "Card no.4242424242424242", "PAN4242424242424242", "4242424242424242exp12/30",
    "4242 4242 4242 4242 12 30 123", "first 12 then 5555 5555 5555 4444 ok", "(4242424242424242)",
    "x=4242424242424242&y",
    "4242\u00a04242\u00a04242\u00a04242", "4242–4242–4242–4242", "４２４２４２４２４２４２４２４２",
    "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "card_4242424242424242",
    "0.5 4242424242424242.", "é 4242424242424242",
]  # fmt: skip

NOT_CARDS = [
    "", "1732310000000", "1732310000000000", "+49 1512 345 6789 01", "+4242424242424242", "001000000000001AAA",
    "500000000000001AAA", "0015000000D8cuIAAR", "in_1QXabcDEF4242424242", "pi_3N4567890123456789012345",
    "4242424242424241",
    "4242 4242 4242", "424242424242424242424242", "DE89370400440532013000", "0.4242424242424242",
    "2026-11-22 10:00:00",
    "6f1c0f4e-5555-4c3b-9f8f-444422223333", "12345678901234567890", "0000000000000000", "4242,4242,4242,4242",
    "415 555 2671 415 555 2671", "INV-2026-000000000123", "4" * 40, "301000000000001AAA",
]  # fmt: skip


@pytest.mark.parametrize("text", CARDS + WRITTEN)
def test_a_card_number_is_found_however_it_is_written(text):
    assert find_card_number(text)
    assert not find_card_number(redact_cards(text))


@pytest.mark.parametrize("text", NOT_CARDS)
def test_other_numbers_pass(text):
    assert not find_card_number(text)
    assert redact_cards(text) == text


def test_redaction_leaves_the_rest_of_the_text_as_it_is():
    text = "bäd 4242 4242 4242 4242, then 378282246310005; order 12"

    assert redact_cards(text) == "bäd [card number], then [card number]; order 12"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": 1, "lines": [{"description": "4242 4242 4242 4242"}]}, "$.lines[0].description"),
        ({"a": 4242424242424242}, "$.a"),
        ({"a": -4242424242424242}, "$.a"),
        ({"a": Decimal("4242424242424242.0")}, "$.a"),
        ({"a": {"4242424242424242": 1}}, "$.a.[card number]"),
        (["x", "4242424242424242"], "$[1]"),
        ("4242424242424242", "$"),
        ({"first": "4242424242424242", "second": "378282246310005"}, "$.first"),
        ({"a": [True, None, 1.5, Decimal("1E+500000"), Decimal("NaN"), {}]}, None),
    ],
)
def test_the_place_of_the_first_card_number_is_named(value, path):
    assert contains_card(value) == path


def test_the_refusal_names_the_place_and_not_the_number():
    with pytest.raises(Rejected) as caught:
        refuse_cards({"memo": "4242424242424242"})

    assert (caught.value.code, caught.value.field) == ("card_data_refused", "memo")
    assert "4242" not in str(caught.value)


def test_few_random_numbers_are_taken_for_cards():
    rng = random.Random(7)
    found = sum(find_card_number("".join(rng.choices("0123456789", k=16))) for _ in range(5000))

    assert found / 5000 < 0.04


@pytest.mark.parametrize(
    "text", ["4" * 200_000, "4 " * 100_000, "4242 " * 40_000, "4-" * 100_000 + "x", "4242424242424241 " * 12_000]
)
def test_long_hostile_text_costs_little(text):
    started = time.process_time()

    find_card_number(text)

    assert time.process_time() - started < 2
