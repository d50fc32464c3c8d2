"""Apex as the checks read it: comments blanked out, methods and variables found by their annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.metadata.tree import Tree

_COMMENT = re.compile(r"'(?:\\.|[^'\\])*'|//[^\n]*|/\*.*?\*/", re.DOTALL)
_METHOD = re.compile(
    r"@(?P<annotation>InvocableMethod|AuraEnabled)\b\s*(?:\((?P<options>(?:'(?:\\.|[^'\\])*'|[^)'])*)\))?\s*"
    r"(?P<modifiers>(?:(?:global|public|private|static|virtual|override)\s+)+)"
    r"(?P<returns>[\w.<>, ]+?)\s+(?P<name>\w+)\s*\((?P<parameters>[^)]*)\)\s*\{",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"@InvocableVariable\b\s*(?:\((?P<options>(?:'(?:\\.|[^'\\])*'|[^)'])*)\))?\s*"
    r"(?:global|public)\s+(?P<type>[\w.<>, ]+?)\s+(?P<name>\w+)\s*(?:;|\{|=)",
    re.IGNORECASE,
)
_CLASS = re.compile(r"\bclass\s+(\w+)[^{]*\{", re.IGNORECASE)


@dataclass(frozen=True)
class Method:
    """One annotated method."""

    annotation: str
    options: str
    modifiers: frozenset[str]
    returns: str
    name: str
    parameters: tuple[str, ...]  # their types
    body: str


def classes(tree: Tree) -> dict[str, str]:
    """Source of every class by name, without its comments."""
    return {name: uncommented(text) for name, text in tree.code(".cls").items()}


@cache
def uncommented(text: str) -> str:
    """Comments become blanks; strings stay."""
    return _COMMENT.sub(lambda found: found[0] if found[0].startswith("'") else " " * len(found[0]), text)


def methods(text: str) -> Iterator[Method]:
    """Every method with @AuraEnabled or @InvocableMethod."""
    for found in _METHOD.finditer(text):
        parameters = [part.strip().rsplit(None, 1)[0] for part in _split(found["parameters"]) if part.strip()]
        yield Method(
            found["annotation"],
            found["options"] or "",
            frozenset(found["modifiers"].lower().split()),
            found["returns"].strip(),
            found["name"],
            tuple(parameters),
            block(text, found.end() - 1),
        )


def variables(text: str, inner: str) -> dict[str, bool]:
    """@InvocableVariable members of a class, inner or not, and whether a flow must set them."""
    for found in _CLASS.finditer(text):
        if found[1].lower() == inner.lower():
            body = block(text, found.end() - 1)
            rows = _VARIABLE.finditer(body)
            return {row["name"]: "required=true" in (row["options"] or "").replace(" ", "").lower() for row in rows}
    return {}


def types(text: str, inner: str) -> dict[str, str]:
    """@InvocableVariable members of a class, inner or not, and their types."""
    for found in _CLASS.finditer(text):
        if found[1].lower() == inner.lower():
            return {row["name"]: row["type"] for row in _VARIABLE.finditer(block(text, found.end() - 1))}
    return {}


def block(text: str, opening: int) -> str:
    """From a brace to the one that closes it."""
    depth = 0
    for position in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[opening : position + 1]
    return text[opening:]


def _split(parameters: str) -> list[str]:
    """At commas outside of angle brackets: Map<String, Object> is one type."""
    parts, depth = [""], 0
    for character in parameters:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
