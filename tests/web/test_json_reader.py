"""Whatever bytes come, the reader gives exactly what they say or refuses them."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Rejected
from gateway.pipeline.strict import MAX_DEPTH, parse_json

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
numbers = st.integers(-(10**38), 10**38) | st.decimals(-(10**15), 10**15, places=6, allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def written(value: object) -> str:
    """JSON with decimals as numbers, digit for digit."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{written(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)


def attempt(data: bytes) -> tuple[object, Rejected | None]:
    try:
        return parse_json(data), None
    except Rejected as exc:
        return None, exc


@given(values)
@settings(deadline=None)
def test_what_is_valid_is_read_exactly(value):
    assert parse_json(written(value).encode()) == value


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(data):
    read, refused = attempt(data)

    assert refused is None or (read, refused.http_status) == (None, 400)


@given(st.text(alphabet='{}[]",:\\u0de8 19.-+eENatrufls\n', max_size=60))
@settings(deadline=None)
def test_near_json_is_read_as_the_library_would_or_refused(text):
    read, refused = attempt(text.encode())

    assert refused or read == json.loads(text, parse_float=Decimal)


@given(st.dictionaries(texts, st.integers(0, 9), min_size=1, max_size=4), st.data())
@settings(deadline=None)
def test_a_member_twice_is_refused_wherever_it_stands(members, data):
    twice = data.draw(st.sampled_from(sorted(members)))
    pairs = [*members.items(), (twice, 1)]
    text = "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"

    with pytest.raises(Rejected, match="twice"):
        parse_json(text.encode())


@given(st.integers(1, 60), st.sampled_from(["[", '{"a":']), texts)
@settings(deadline=None)
def test_the_depth_alone_decides(depth, opening, text):
    closing = "]" if opening == "[" else "}"
    data = (opening * depth + json.dumps(text + "[[{{") + closing * depth).encode()

    if depth <= MAX_DEPTH:
        parse_json(data)
    else:
        with pytest.raises(Rejected, match="nested deeper"):
            parse_json(data)


def test_brackets_inside_texts_are_no_depth():
    data = json.dumps(["[" * 500, '\\"[{' * 100, "]"]).encode()

    assert parse_json(data)[0] == "[" * 500


@pytest.mark.parametrize("number", ["1e400", "1E+400", "-1e-400", "0.1e0400", "9" * 40])
def test_the_largest_numbers_are_read_exactly(number):
    assert parse_json(number.encode()) == Decimal(number)


@pytest.mark.parametrize("number", ["1e401", "1E+4000", "1e-401", "9" * 41, "0." + "1" * 40])
def test_larger_numbers_are_refused(number):
    with pytest.raises(Rejected):
        parse_json(number.encode())


def test_an_escaped_pair_of_halves_is_a_character():
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"
