"""Apex classes as values: what they name and what they reach, their annotated members, their queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from tests.metadata.tree import Tree

COMMENT_OR_STRING = re.compile(r"/\*.*?\*/|//[^\n]*|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
ANNOTATED = re.compile(
    r"@(?P<name>\w+)(?:\((?P<arguments>(?:'(?:[^'\\]|\\.)*'|[^'()])*)\))?\s+"
    r"(?P<modifiers>(?:(?:public|private|global|static|final|override|virtual)\s+)*)"
    r"(?P<type>[\w.]+(?:<[\w.<>, ]+>)?)\s+(?P<member>\w+)\s*(?P<rest>[(;={])"
)
SUFFIXES = (".cls", ".trigger")


@dataclass(frozen=True)
class Member:
    """An annotated member; ``parameters`` and ``body`` are empty for a field."""

    annotation: str
    arguments: str
    modifiers: str
    type: str
    name: str
    parameters: tuple[str, ...] = ()
    body: str = ""
    method: bool = False


@dataclass(frozen=True)
class Source:
    """One class or trigger; ``path`` is relative to the project."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def is_test(self) -> bool:
        return self.path.parts[0] == "tests"

    @cached_property
    def code(self) -> str:
        """Without comments; every character stays where it was."""
        return COMMENT_OR_STRING.sub(lambda m: m[0] if m[0][0] == "'" else re.sub(r"[^\n]", " ", m[0]), self.text)

    @cached_property
    def bare(self) -> str:
        """Without comments and without what stands in strings."""
        return COMMENT_OR_STRING.sub(lambda m: "'" + " " * (len(m[0]) - 2) + "'" if m[0][0] == "'" else "", self.code)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name the code uses."""
        return frozenset(re.findall(r"\w+", self.bare))

    @cached_property
    def strings(self) -> tuple[str, ...]:
        return tuple(m[0][1:-1] for m in COMMENT_OR_STRING.finditer(self.code))

    @cached_property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._member(match) for match in ANNOTATED.finditer(self.code))

    def annotated(self, name: str) -> list[Member]:
        return [member for member in self.members if member.annotation == name]

    def _member(self, match: re.Match[str]) -> Member:
        found = Member(match["name"], match["arguments"] or "", match["modifiers"], match["type"], match["member"])
        if match["rest"] != "(":
            return found
        end = closing(self.code, match.end() - 1)
        parameters = tuple(p for p in split(self.code[match.end() : end]) if p)
        brace = self.code.index("{", end)
        body = self.code[brace + 1 : closing(self.code, brace)]
        return replace(found, parameters=parameters, body=body, method=True)

    def queries(self) -> Iterator[tuple[int, str]]:
        """Position and text of every query in brackets."""
        for match in re.finditer(r"\[\s*SELECT\b", self.code):
            end = closing(self.code, match.start())
            yield match.start(), self.code[match.start() + 1 : end]


def sources(tree: Tree) -> dict[str, Source]:
    """Every class and trigger by name."""
    return {path.stem: _source(path, text) for path, text in tree.texts.items() if path.suffix in SUFFIXES}


@cache
def _source(path: Path, text: str) -> Source:
    return Source(path, text)


def reached(there: dict[str, Source], words: frozenset[str]) -> set[str]:
    """The classes among the words, and those they use in turn."""
    found: set[str] = set()
    waiting = set(words & there.keys())
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= (there[name].words & there.keys()) - found
    return found


def closing(text: str, opening: int) -> int:
    """Where the bracket at ``opening`` is closed; strings are skipped."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    depth, quoted = 0, False
    for at in range(opening, len(text)):
        char = text[at]
        if char == "'" and text[at - 1] != "\\":
            quoted = not quoted
        elif not quoted and char == text[opening]:
            depth += 1
        elif not quoted and char == pairs[text[opening]]:
            depth -= 1
            if depth == 0:
                return at
    raise AssertionError(f"nothing closes {text[opening : opening + 40]!r}")


def split(parameters: str) -> list[str]:
    """``Map<String, Object> a, Id b`` at its own commas."""
    return [part.strip() for part in re.split(r",(?![^<]*>)", parameters)]
