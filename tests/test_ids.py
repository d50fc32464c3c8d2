import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Rejected
from gateway.ids import key_prefix, new_id, own_id, request_key, salesforce_id, stripe_id

PAIRS = [
    ("0015000000D8cuI", "0015000000D8cuIAAR"),
    ("005000000000001", "005000000000001AAA"),
    ("00D50000000IZ3Z", "00D50000000IZ3ZEAW"),
    ("006ABCDEFGHIJKL", "006ABCDEFGHIJKLY55"),
    ("a0Xabcdefghijkl", "a0XabcdefghijklEAA"),
]

NOT_SALESFORCE = [
    "", "001", "0015000000D8cu", "0015000000D8cuIA", "0015000000D8cuIAAR0", "0015000000D8cuIAAQ",
    "0015000000D8cuIaar",
    "001.../../limits", "0015000000D8cuI?b#c", "x' OR Id != '", "../../../../etc",
    "0015000000D8cu\x00",
    "0015000000D8cu\n", "0015000000D8cuI\n", "００１5000000D8cuI", "0015000000D8cuÍ", "000000000000000",
    "000000000000000AAA",
    " 015000000D8cuI", "0015000000D8cuI AAR", None, 15, ["0015000000D8cuI"], True,
]  # fmt: skip


@pytest.mark.parametrize(("short", "full"), PAIRS)
def test_both_lengths_become_the_18_character_form(short, full):
    assert salesforce_id(short) == full
    assert salesforce_id(full) == full


@pytest.mark.parametrize("text", NOT_SALESFORCE, ids=repr)
def test_what_is_no_record_id_is_refused(text):
    with pytest.raises(Rejected) as caught:
        salesforce_id(text, field="contact_id")

    assert (caught.value.code, caught.value.field) == ("invalid_id", "contact_id")


@given(st.from_regex(r"[1-9a-zA-Z][A-Za-z0-9]{14}", fullmatch=True))
@settings(deadline=None)
def test_an_id_whose_case_was_lost_is_noticed(short):
    full = salesforce_id(short)

    assert salesforce_id(full) == full
    if full.lower() != full and full[:15].lower() != full[:15]:
        with pytest.raises(Rejected):
            salesforce_id(full[:15].lower() + full[15:])


def test_the_first_three_characters_name_the_object():
    assert key_prefix("0015000000D8cuIAAR") == "001"


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("in_1QabcXYZ", ("in",)),
        ("pi_3N", ("ch", "py", "pi_")),
        ("cs_test_a1B2", ("cs",)),
        ("acct_1", ()),
        ("cs_live_x", ("cs",)),
    ],
)
def test_a_stripe_id_is_returned_as_it_is(text, prefixes):
    assert stripe_id(text, *prefixes) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "in_",
        "in",
        "in_1/../x",
        "in_1?x",
        "in_1 ",
        "in_1\n",
        "ch_1",
        "in_１",
        "pi_1_secret_2",
        "IN_1",
        "in-1",
        None,
        3,
        "in_" + "a" * 201,
    ],
)
def test_what_is_no_invoice_id_is_refused(text):
    with pytest.raises(Rejected, match="invalid_id"):
        stripe_id(text, "in")


@pytest.mark.parametrize("text", ["a", "6f1c0f4e-0000-4c3b-9f8f-000000000000", "x" * 255, "order 7 / line #3"])
def test_a_request_key_is_kept_as_it_is(text):
    assert request_key(text) == text


@pytest.mark.parametrize(
    "text", ["", " ", " a", "a ", "x" * 256, "ä", "a\n", "a\x00", "a\tb", "4242 4242 4242 4242", None, 7, []]
)
def test_what_is_no_request_key_is_refused(text):
    with pytest.raises(Rejected) as caught:
        request_key(text)

    assert caught.value.field == "request_key"


def test_new_ids_rise_within_a_millisecond_and_across_threads():
    made: list[list[str]] = [[] for _ in range(4)]

    def make(mine: list[str]) -> None:
        mine.extend(new_id("act") for _ in range(500))

    threads = [threading.Thread(target=make, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(mine == sorted(mine) for mine in made)
    assert len({one for mine in made for one in mine}) == 2000


def test_a_new_id_is_prefix_and_26_characters():
    made = new_id("act_")

    assert own_id(made, "act") == made
    assert len(made) == 30


@pytest.mark.parametrize(
    "text",
    [
        "",
        "act_",
        "bat_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "act_01ARZ3NDEKTSV4RRFFQ69G5FA",
        "act_01ARZ3NDEKTSV4RRFFQ69G5FAU",
        None,
    ],
)
def test_what_is_no_id_of_ours_is_refused(text):
    with pytest.raises(Rejected, match="invalid_id"):
        own_id(text, "act")
