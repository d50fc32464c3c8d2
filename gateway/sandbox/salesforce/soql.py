"""SOQL text as values. Parsing only: what a name means is decided in query.py."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError

from gateway.sandbox.salesforce.errors import SalesforceError

Path_ = tuple[str, ...]
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
LIKE_ESCAPES = ("_", "%")


@dataclass(frozen=True)
class Value:
    """``kind``: string, date, datetime, number, boolean, null."""

    kind: str
    value: Any


@dataclass(frozen=True)
class Comparison:
    """``operator``: = != < <= > >= like in not_in; ``values`` has one entry except for the last two."""

    path: Path_
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Logic:
    operator: Literal["and", "or", "not"]
    terms: tuple["Condition", ...]


Condition = Comparison | Logic


@dataclass(frozen=True)
class Ordering:
    path: Path_
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """``fields`` None: ``COUNT()``."""

    sobject: str
    fields: tuple["Path_ | Query", ...] | None
    where: Condition | None = None
    order: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int = 0


@lru_cache(maxsize=1)
def parser() -> Lark:
    grammar = Path(__file__).with_name("soql_grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=False)


@lru_cache(maxsize=2048)
def parse(text: str) -> Query:
    """Raises MALFORMED_QUERY for everything outside the grammar."""
    try:
        query = Builder().transform(parser().parse(text))
    except VisitError as exc:
        if isinstance(exc.orig_exc, SalesforceError):
            raise exc.orig_exc from exc
        raise
    except UnexpectedToken as exc:
        raise malformed(f"unexpected token: '{exc.token or '<EOF>'}' (line {exc.line}, column {exc.column})") from exc
    except UnexpectedInput as exc:
        raise malformed(f"unexpected character in query at line {exc.line}, column {exc.column}") from exc
    if not isinstance(query, Query):
        raise malformed("not a query")
    return query


def malformed(message: str) -> SalesforceError:
    return SalesforceError("MALFORMED_QUERY", message)


def unescape(body: str, *, like: bool = False) -> str:
    r"""Backslash sequences of a quoted string; in LIKE ``\%`` and ``\_`` stay for the matcher."""

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "u" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code in LIKE_ESCAPES:
            return match[0] if like else code
        if code not in ESCAPES:
            raise malformed(f"Invalid string literal: illegal character sequence '{match[0]}'")
        return match[0] if like and code == "\\" else ESCAPES[code]

    return ESCAPE.sub(replace, body)


@v_args(inline=True)
class Builder(Transformer[Token, Any]):
    """Parse tree → values, from the leaves up."""

    def start(self, query: Query) -> Query:
        return query

    def query(self, *parts: Any) -> Query:
        clauses = {type(part): part for part in parts if not isinstance(part, Token)}
        name = next(str(part) for part in parts if isinstance(part, Token) and part.type == "NAME")
        window = {part[0]: part[1] for part in parts if isinstance(part, tuple)}
        return Query(
            sobject=name,
            fields=clauses[Fields].entries,
            where=window.get("where"),
            order=window.get("order", ()),
            limit=window.get("limit"),
            offset=window.get("offset", 0),
        )

    def count(self, *_: Token) -> "Fields":
        return Fields(None)

    def fields(self, *items: Any) -> "Fields":
        return Fields(tuple(item if isinstance(item, Query) else tuple(item) for item in items))

    def subquery(self, query: Query) -> Query:
        if query.fields is None:
            raise malformed("COUNT() is not allowed in a sub-select")
        return query

    def path(self, *names: Token) -> "PathList":
        return PathList(str(name) for name in names)

    def where(self, _: Token, condition: Condition) -> tuple[str, Condition]:
        return ("where", condition)

    def any_of(self, *terms: Any) -> Condition:
        return combine("or", terms)

    def all_of(self, *terms: Any) -> Condition:
        return combine("and", terms)

    def negate(self, _: Token, term: Condition) -> Condition:
        return Logic("not", (term,))

    def compare(self, path: Path_, operator: Token, value: Value) -> Comparison:
        return Comparison(tuple(path), "!=" if operator == "<>" else str(operator), (value,))

    def like(self, path: Path_, _: Token, value: Token) -> Comparison:
        return Comparison(tuple(path), "like", (Value("string", unescape(value[1:-1], like=True)),))

    def contains(self, path: Path_, _: Token, *values: Value) -> Comparison:
        return Comparison(tuple(path), "in", values)

    def not_contains(self, path: Path_, _not: Token, _in: Token, *values: Value) -> Comparison:
        return Comparison(tuple(path), "not_in", values)

    def order_by(self, _: Token, *orderings: Ordering) -> tuple[str, tuple[Ordering, ...]]:
        return ("order", orderings)

    def ordering(self, path: Path_, *words: Token) -> Ordering:
        kinds = {word.type for word in words}
        return Ordering(tuple(path), "DESC" in kinds, "NULLS_LAST" in kinds)

    def limit(self, _: Token, number: Token) -> tuple[str, int]:
        return ("limit", int(number))

    def offset(self, _: Token, number: Token) -> tuple[str, int]:
        return ("offset", int(number))

    def string(self, token: Token) -> Value:
        return Value("string", unescape(token[1:-1]))

    def number(self, token: Token) -> Value:
        return Value("number", Decimal(token))

    def date(self, token: Token) -> Value:
        return Value("date", str(token))

    def datetime(self, token: Token) -> Value:
        return Value("datetime", str(token))

    def true(self, _: Token) -> Value:
        return Value("boolean", True)

    def false(self, _: Token) -> Value:
        return Value("boolean", False)

    def null(self, _: Token) -> Value:
        return Value("null", None)


@dataclass(frozen=True)
class Fields:
    entries: tuple[Any, ...] | None


class PathList(list[str]):
    """A field path on its way up the tree: no tuple, because clauses travel as tuples."""


def combine(operator: Literal["and", "or"], terms: Sequence[Any]) -> Condition:
    conditions = tuple(term for term in terms if not isinstance(term, Token))
    return conditions[0] if len(conditions) == 1 else Logic(operator, conditions)
