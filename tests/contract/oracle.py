"""
Does a request, or an answer, fit Stripe? Two judges: the OpenAPI spec (older) and the installed SDK (pinned version).

``check_request`` and ``check_response`` list what is wrong; nothing when all is well. Where the judges differ by
version, docs/stripe-contract.md lists it.
"""

from __future__ import annotations

import re
from typing import Any

from tests.contract import openapi, sdk
from tests.contract.problems import UNKNOWN, Problem

_PART = re.compile(r"\[([^\[\]]*)\]")


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """``{"lines[0][amount]": "5"}`` of a simulator's request log as nested dictionaries; nested ones pass unchanged."""
    root: dict[str, Any] = {}
    for name, value in flat.items():
        level, path = root, [name.split("[", 1)[0], *_PART.findall(name)]
        for part in path[:-1]:
            level = level.setdefault(part, {})
        level[path[-1] or str(len(level))] = value
    return root


def check_request(method: str, path: str, params: dict[str, Any]) -> list[str]:
    """``params``: Python values or their form spellings. The SDK, being newer, decides which parameters exist."""
    given = nested(params)
    newer = sdk.request_problems(method, path, given)
    older = [problem for problem in openapi.request_problems(method, path, given) if problem.what != UNKNOWN]
    return told(newer, older)


def check_response(method: str, path: str, body: Any) -> list[str]:
    """The body of a 200 answer. A member is unknown only when neither judge knows it."""
    return combined(sdk.response_problems(body), openapi.response_problems(method, path, body))


def check_object(body: dict[str, Any]) -> list[str]:
    """An object out of an event."""
    return combined(sdk.response_problems(body), openapi.object_problems(body["object"], body))


def combined(newer: list[Problem], older: list[Problem]) -> list[str]:
    foreign = {p.where for p in newer if p.what == UNKNOWN} & {p.where for p in older if p.what == UNKNOWN}
    return told(*([p for p in side if p.what != UNKNOWN or p.where in foreign] for side in (newer, older)))


def told(newer: list[Problem], older: list[Problem]) -> list[str]:
    """One sentence a place: both judges often say the same."""
    return sorted(str(Problem(*pair)) for pair in {**dict(older), **dict(newer)}.items())
