"""The org's control API and its doors: what makes no sense is refused with words and never becomes a 500."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.salesforce_org import World

WRONG: list[tuple[str, Any, str]] = [
    ("usage", {"used": "x"}, "used must be a number"),
    ("usage", {"used": 1.5}, "used must be a whole number"),
    ("usage", {"limits": 5}, "unknown members: limits"),
    ("records", {"sobject": "Account"}, "fields must be an object"),
    ("records", {"sobject": "Account", "fields": []}, "fields must be an object"),
    ("records", {"sobject": "Account", "fields": {"Name": "x"}, "as": "nobody"}, "no such user"),
    ("clock", {"advance": None}, "advance must be a number"),
    ("lock", {"record": "001000000000001AAA", "locked": "x"}, "locked must be true or false"),
    ("share", {"user": "gateway@northwind.example", "record": "001000000000001AAA", "level": "Most"}, "level must be"),
    ("merge", {"master": "001000000000001AAA", "loser": "001000000000001AAA"}, "there is no"),
    ("delete", {"record": "001000000000001AAA"}, "there is no"),
    ("permission_sets", {"user": "gateway@northwind.example", "add": 5}, "cannot be used"),
    ("faults", {"kind": "lock_row", "match": 5}, "cannot be understood"),
]


@pytest.mark.parametrize(("path", "body", "words"), WRONG, ids=[f"{path}-{n}" for n, (path, *_) in enumerate(WRONG)])
def test_what_makes_no_sense_is_a_400_with_words(world: World, path: str, body: Any, words: str):
    answer = requests.post(f"{world.url}/_control/{path}", json=body, timeout=10)

    assert answer.status_code == 400, answer.text
    assert words in answer.text


def test_half_a_character_is_no_json(world: World):
    token = world.control("login", {"user": "gateway@northwind.example"})["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    answer = requests.post(f"{world.base}/sobjects/Account", data=b'{"Name": "A\\ud800"}', headers=headers, timeout=10)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert requests.get(world.url, timeout=10).status_code == 200


@pytest.mark.parametrize("window", ["LIMIT -1", "LIMIT +1", "LIMIT 5 OFFSET -1"])
def test_a_limit_below_nothing_is_malformed(world: World, window: str):
    answer = world.call("GET", f"query?q=SELECT+Id+FROM+Account+{window.replace(' ', '+').replace('++', '+%2B')}")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")
