"""Where each key of a TOML text stands: ``tomllib`` gives the values, this gives the lines."""

from __future__ import annotations

import re
import tomllib

from gateway.config.problems import Path

# Strings and comments are skipped whole, so that a bracket or an equals sign inside one means nothing.
_STRINGS = (r'"""(?:\\.|[^\\])*?"""', r"'''.*?'''", r'"(?:\\.|[^"\\\n])*"', r"'[^'\n]*'")
_SKIPPED = re.compile("|".join((*_STRINGS, r"#[^\n]*")), re.DOTALL)
_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}
_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")


class Positions:
    """Line numbers by path; a path that has none (inside an inline table) takes that of its nearest parent."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._read(text)

    def line(self, path: Path) -> int | None:
        """The line of the key, or of the nearest thing around it; None when the file does not mention it."""
        for length in range(len(path), 0, -1):
            if found := self._lines.get(path[:length]):
                return found
        return None

    def _read(self, text: str) -> None:
        table: Path = ()
        at, line, depth = 0, 1, 0
        while at < len(text):
            header = _HEADER.match(text, at) if depth == 0 else None
            if header:
                table = self._enter(_parts(header[2]), many=header[1] == "[[", line=line)
            elif depth == 0 and (key := _KEY.match(text, at)):
                self._note(table, _parts(key[1]), line)
            end, change = _next_line(text, at)
            depth = 0 if header else max(0, depth + change)
            line += text.count("\n", at, end)
            at = end

    def _enter(self, parts: list[str], *, many: bool, line: int) -> Path:
        path = (*self._resolve((), parts[:-1]), parts[-1])
        if many:
            index = self._counts.get(path, 0)
            self._counts[path] = index + 1
            self._lines.setdefault(path, line)
            path = (*path, index)
        self._lines.setdefault(path, line)
        return path

    def _note(self, table: Path, parts: list[str], line: int) -> None:
        for length in range(1, len(parts) + 1):
            self._lines.setdefault((*table, *parts[:length]), line)

    def _resolve(self, path: Path, parts: list[str]) -> Path:
        for part in parts:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path


def _next_line(text: str, at: int) -> tuple[int, int]:
    """Where the next line begins that is not inside a string, and how many brackets were left open before it."""
    depth = 0
    while at < len(text):
        if skipped := _SKIPPED.match(text, at):
            at = skipped.end()
            continue
        char, at = text[at], at + 1
        if char == "\n":
            break
        depth += _BRACKETS.get(char, 0)
    return at, depth


def _parts(dotted: str) -> list[str]:
    found = re.findall(_PART, dotted)
    return [next(iter(tomllib.loads(f"{part} = 1"))) if part[0] in "\"'" else part for part in found]
