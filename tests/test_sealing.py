"""Sealed values: bound to their place, openable with every known key, unreadable otherwise."""

import hashlib
from pathlib import Path

import pytest

from gateway import sealing
from gateway.errors import Misconfigured
from gateway.sealing import Sealer

OLD, NEW, INDEX = b"o" * 32, b"n" * 32, b"i" * 32
PLACE = "action.body:act_1"


@pytest.mark.parametrize("data", [b"", b"{}", b'{"a":"short"}', b"x" * 400, b'{"line":"again and again"}' * 200])
def test_what_is_sealed_opens_in_its_place(data):
    sealer = Sealer({"2026": NEW}, "2026", INDEX)

    assert sealer.open(sealer.seal(data, PLACE), PLACE) == data


def test_long_values_are_compressed_and_no_value_shows_itself():
    sealer = Sealer({"2026": NEW}, "2026", INDEX)

    long, short = sealer.seal(b"anna@example.com " * 100, PLACE), sealer.seal(b"anna@example.com", PLACE)

    assert len(long) < 200
    assert b"anna" not in short


def test_the_words_that_stored_values_were_compressed_with_never_change():
    words = Path(sealing.__file__).with_name("sealing_words_1.json").read_bytes()

    assert hashlib.sha256(words).hexdigest() == "a3eaea2b47694bda3e84fd9a5a17c106796a0ba561c1a6e304475930c3321920"


def test_equal_values_are_sealed_differently():
    sealer = Sealer({"2026": NEW}, "2026", INDEX)

    assert sealer.seal(b"same", PLACE) != sealer.seal(b"same", PLACE)


def test_a_value_moved_to_another_row_does_not_open():
    sealer = Sealer({"2026": NEW}, "2026", INDEX)
    blob = sealer.seal(b"secret", PLACE)

    with pytest.raises(Misconfigured) as refused:
        sealer.open(blob, "action.body:act_2")

    assert refused.value.code == "sealed_value_broken"


def test_a_rotated_key_still_opens_what_it_sealed_and_seals_nothing_more():
    before = Sealer({"2025": OLD}, "2025", INDEX)
    after = Sealer({"2025": OLD, "2026": NEW}, "2026", INDEX)
    old = before.seal(b"secret", PLACE)

    new = after.seal(after.open(old, PLACE), PLACE)

    assert (after.key_of(old), after.key_of(new)) == ("2025", "2026")
    assert after.open(new, PLACE) == b"secret"


def test_a_value_under_a_removed_key_names_the_key_to_bring_back():
    blob = Sealer({"2025": OLD}, "2025", INDEX).seal(b"secret", PLACE)

    with pytest.raises(Misconfigured, match="'2025'") as refused:
        Sealer({"2026": NEW}, "2026", INDEX).open(blob, PLACE)

    assert refused.value.code == "sealing_key_unknown"


def test_no_single_changed_byte_opens():
    sealer = Sealer({"2026": NEW}, "2026", INDEX)
    blob = sealer.seal(b"secret", PLACE)

    for at in range(len(blob)):
        with pytest.raises(Misconfigured):
            sealer.open(blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :], PLACE)


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x01\xff", b"\x01\x042026", b"\x01\x042026" + b"n" * 12])
def test_a_cut_value_does_not_open(blob):
    with pytest.raises(Misconfigured):
        Sealer({"2026": NEW}, "2026", INDEX).open(blob, PLACE)


@pytest.mark.parametrize(
    ("keys", "current"), [({}, "2026"), ({"2026": b"short"}, "2026"), ({"": NEW}, ""), ({"k" * 256: NEW}, "k" * 256)]
)
def test_wrong_keys_are_refused_at_the_start(keys, current):
    with pytest.raises(Misconfigured):
        Sealer(keys, current, INDEX)


def test_a_blind_index_finds_equals_of_one_kind_only():
    sealer, other = Sealer({"2026": NEW}, "2026", INDEX), Sealer({"2026": NEW}, "2026", b"j" * 32)

    mail = sealer.blind("email", "anna@example.com")

    assert mail == sealer.blind("email", "anna@example.com")
    assert len(mail) == 16
    assert mail not in {
        sealer.blind("id", "anna@example.com"),
        sealer.blind("email", "bert@example.com"),
        other.blind("email", "anna@example.com"),
    }


def test_keys_do_not_show_in_logs():
    assert "o" * 8 not in repr(Sealer({"2025": OLD}, "2025", INDEX))
