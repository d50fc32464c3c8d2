"""
Search: a small query language over an index that lags (docs.stripe.com/search).

``metadata['key']:'value' AND status:'open'``, ``created>1700000000``, ``-email:'a@b'``, ``name~'acme'``; AND and OR are
not mixed. What changed within the last ``search_lag`` seconds is not found yet: search is not for reading one's own
writes.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.sandbox.stripe.errors import invalid
from gateway.sandbox.stripe.tables import Row

FIELDS: dict[str, tuple[str, ...]] = {
    "customer": ("created", "email", "name", "phone"),
    "invoice": ("created", "currency", "customer", "number", "receipt_number", "status", "total"),
    "charge": ("amount", "created", "currency", "customer", "disputed", "refunded", "status"),
    "payment_intent": ("amount", "created", "currency", "customer", "status"),
}
_CLAUSE = re.compile(
    r"""\s*(?P<minus>-)?(?P<field>[a-z_]+)(?:\[(?P<kq>['"])(?P<key>.*?)(?P=kq)\])?
        \s*(?P<op>:|~|>=|<=|>|<)\s*(?:(?P<q>['"])(?P<text>(?:\\.|(?!(?P=q)).)*)(?P=q)|(?P<number>-?\d+)|(?P<null>null))\s*""",
    re.VERBOSE,
)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Clause:
    field: str
    key: str | None
    op: str
    value: str | int | None
    negated: bool

    def holds(self, row: Row) -> bool:
        return self._matches(row) is not self.negated

    def _matches(self, row: Row) -> bool:
        actual = (row.get("metadata") or {}).get(self.key) if self.field == "metadata" else row.get(self.field)
        if self.value is None:
            return actual is None
        if actual is None:
            return False
        if self.op in _ORDER:
            return _ORDER[self.op](actual, self.value)
        if self.op == "~":
            return str(self.value).lower() in str(actual).lower()
        return str(actual).lower() == str(self.value).lower()


@dataclass(frozen=True)
class Query:
    clauses: tuple[Clause, ...]
    any_of: bool

    def holds(self, row: Row) -> bool:
        test = any if self.any_of else all
        return test(clause.holds(row) for clause in self.clauses)


def parse(kind: str, text: str) -> Query:
    """Raises StripeError 400 when the query cannot be read or names a field this kind is not searched by."""
    clauses: list[Clause] = []
    joints: list[str] = []
    position = 0
    while True:
        match = _CLAUSE.match(text, position)
        if match is None:
            raise invalid(f"We were unable to parse your search query near position {position}: {text}", "query")
        clauses.append(clause_of(kind, match))
        position = match.end()
        if position == len(text):
            break
        joint = re.compile(r"(AND|OR)\b", re.IGNORECASE).match(text, position)
        if joint is None:
            raise invalid(f"We were unable to parse your search query near position {position}: {text}", "query")
        joints.append(joint.group(1).upper())
        position = joint.end()
    if len(set(joints)) > 1:
        raise invalid("AND and OR cannot be combined in one search query.", "query")
    return Query(tuple(clauses), "OR" in joints)


def clause_of(kind: str, match: re.Match[str]) -> Clause:
    field, key = match["field"], match["key"]
    if field != "metadata" and field not in FIELDS[kind]:
        raise invalid(f"Field `{field}` is an unsupported search field for resource `{kind}s`.", "query")
    if (field == "metadata") is (key is None):
        raise invalid("Only metadata is searched by key: metadata['key']:'value'.", "query")
    value: str | int | None = None
    if match["number"] is not None:
        value = int(match["number"])
    elif match["null"] is None:
        value = re.sub(r"\\(.)", r"\1", match["text"])
    return Clause(field, key, match["op"], value, bool(match["minus"]))
