"""Holes in stored parameters, filled from earlier answers: ``{"$hole": name}`` as a value, ``{name}`` in a path."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.records import Json

_HOLE = re.compile(r"\{([a-z_0-9]+(?:\.[a-z_]+)*)\}", re.ASCII)


def fill(value: Json, holes: Mapping[str, Json]) -> Json:
    """The same JSON with every hole filled; a hole nobody filled is a fault of the plan."""
    if isinstance(value, Mapping):
        if value.keys() == {"$hole"}:  # a caller's text can never be a mapping, so it can never be a hole
            return holes[value["$hole"]]
        return {name: fill(member, holes) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, holes) for item in value]
    return value


def path_of(path: str, holes: Mapping[str, Json]) -> str:
    """The path with its holes filled by ids that came from Stripe."""
    return _HOLE.sub(lambda match: str(holes[match.group(1)]), path)


def dotted(body: Json, path: str) -> Json:
    """The member at a dotted path, None where it is absent."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
