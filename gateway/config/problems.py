"""What is wrong with a configuration: every problem at once, each with its place and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """``file`` is the TOML file or ``environment``; ``line`` counts from 1, None where there is none."""

    file: str
    line: int | None
    key: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{place}: {self.key + ': ' if self.key else ''}{self.message}{hint}"


class ConfigProblems(Exception):
    """The configuration cannot be used; the operator must act."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


class Wrong(ValueError):
    """A value that cannot be used; raised where no place is known, the loader adds it."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def dotted(path: Iterable[str | int]) -> str:
    """``("orgs", "acme", "keys", 0)`` → ``orgs.acme.keys[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like it, if one is near."""
    by_fold = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The nearest of the known words as a suggestion."""
    found = nearest(word, known)
    return f"did you mean {found}?" if found else None
