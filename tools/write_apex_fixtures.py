#!/usr/bin/env python3
"""
Write the Apex class that gives the fixtures to the Apex tests: a test cannot read files in an org.

    tools/write_apex_fixtures.py

Run it after a change in salesforce_metadata/tests/fixtures; a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "salesforce_metadata" / "tests"
FIXTURES = TESTS / "fixtures"
CLASS = TESTS / "core" / "classes" / "StripeGatewayFixtures.cls"
WIDTH = 96  # of a piece of text, so that lines stay readable

HEAD = """/** Written by tools/write_apex_fixtures.py from tests/fixtures: what the gateway is asked and answers. */
@IsTest
public class StripeGatewayFixtures {
    public final String method;
    public final String path;
    public final String request;
    public final Integer status;
    public final String response;

    private StripeGatewayFixtures(String method, String path, String request, Integer status, String response) {
        this.method = method;
        this.path = path;
        this.request = request;
        this.status = status;
        this.response = response;
    }

    /** The same with a placeholder such as {OPPORTUNITY} filled. */
    public StripeGatewayFixtures fill(String placeholder, String value) {
        String place = '{' + placeholder + '}';
        return new StripeGatewayFixtures(
            method,
            path.replace(place, value),
            request.replace(place, value),
            status,
            response.replace(place, value)
        );
    }
"""


def text() -> str:
    """The source of the class."""
    return HEAD + "".join(_method(path) for path in sorted(FIXTURES.glob("*.json"))) + "}\n"


def method(fixture: str) -> str:
    """``StripeGatewayClient.act_refused`` → ``clientActRefused``: what the tests call."""
    owner, _, case = fixture.partition(".")
    words = [owner.removeprefix("Stripe").removeprefix("Gateway").removesuffix("Action"), *case.split("_")]
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name[0].lower() + name[1:]


def _method(path: Path) -> str:
    fixture = json.loads(path.read_text(encoding="utf-8"))
    asked, answered = fixture["request"], fixture["response"]
    body = _literal(asked["body"]) if "body" in asked else "            ''"
    return f"""
    public static StripeGatewayFixtures {method(path.name.removesuffix(".json"))}() {{
        return new StripeGatewayFixtures(
            '{asked["method"]}',
            '{asked["path"]}',
{body},
            {answered["status"]},
{_literal(answered["body"])}
        );
    }}
"""


def _literal(value: Any) -> str:
    escaped = json.dumps(value).replace("\\", "\\\\").replace("'", "\\'")
    return " +\n".join(f"            '{piece}'" for piece in _pieces(escaped))


def _pieces(escaped: str) -> Iterator[str]:
    """Cut between members, where no escape can be torn apart."""
    while len(escaped) > WIDTH:
        cut = escaped.rfind(", ", 0, WIDTH) + 2
        if cut == 1:
            cut = (escaped.find(", ") + 2) if ", " in escaped else len(escaped)
        yield escaped[:cut]
        escaped = escaped[cut:]
    if escaped:
        yield escaped


if __name__ == "__main__":
    CLASS.parent.mkdir(parents=True, exist_ok=True)
    CLASS.write_text(text(), encoding="utf-8")
