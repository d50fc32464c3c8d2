"""``@{reference.path}`` in composites: values of earlier answers put into later requests."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gateway.sandbox.salesforce.errors import SalesforceError

REFERENCE = re.compile(r"@\{([^}]+)\}")
STEP = re.compile(r"([A-Za-z0-9_]+)|\[(\d+)\]")


def used(value: Any) -> set[str]:
    """Reference ids a request depends on."""
    if isinstance(value, str):
        return {match.split(".")[0].split("[")[0] for match in REFERENCE.findall(value)}
    if isinstance(value, dict):
        return {name for entry in value.values() for name in used(entry)}
    if isinstance(value, list):
        return {name for entry in value for name in used(entry)}
    return set()


def filled(value: Any, bodies: Mapping[str, Any], *, in_url: bool = False) -> Any:
    """The value with its references replaced; a text that is nothing but a reference keeps the value's type."""
    if isinstance(value, dict):
        return {name: filled(entry, bodies) for name, entry in value.items()}
    if isinstance(value, list):
        return [filled(entry, bodies) for entry in value]
    if not isinstance(value, str) or "@{" not in value:
        return value
    whole = REFERENCE.fullmatch(value)
    if whole and not in_url:
        return look_up(whole[1], bodies)
    encode = (lambda found: quote(str(found), safe="")) if in_url else str
    return REFERENCE.sub(lambda match: encode(look_up(match[1], bodies)), value)


def look_up(path: str, bodies: Mapping[str, Any]) -> Any:
    """``ref.records[0].Id``; names of members are found without regard to case (id, Id)."""
    steps = STEP.findall(path)
    name = steps[0][0]
    if name not in bodies:
        raise invalid(path, name)
    found = bodies[name]
    for member, position in steps[1:]:
        found = step_into(found, member, position)
        if found is None:
            raise invalid(path, name)
    return found


def step_into(found: Any, member: str, position: str) -> Any:
    if position:
        return found[int(position)] if isinstance(found, list) and int(position) < len(found) else None
    if not isinstance(found, dict):
        return None
    return next((value for key, value in found.items() if key.lower() == member.lower()), None)


def invalid(path: str, name: str) -> SalesforceError:
    return SalesforceError("PROCESSING_HALTED", f"Invalid reference specified. No value for {path} found in {name}")
