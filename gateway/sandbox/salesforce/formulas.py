"""Formulas compiled to closures. What is not known is refused when it is compiled, never when it is evaluated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, VisitError

from gateway.sandbox.salesforce.errors import MetadataError
from gateway.sandbox.salesforce.formula_functions import CONSTANTS, FUNCTIONS, as_text, compare, same, truth
from gateway.sandbox.salesforce.schema import NUMERIC, Field, Schema, SObject

Record = Mapping[str, Any]
GLOBALS = {
    ("user", "id"): "user_id",
    ("user", "username"): "username",
    ("user", "profileid"): "profile",
    ("profile", "name"): "profile",
    ("organization", "id"): "org_id",
}


@dataclass(frozen=True)
class Scope:
    """What a formula can see. ``prior`` is None for a new record; ``read`` follows relationships and formula fields."""

    record: Record
    read: Callable[[Record, "FieldPath"], Any]
    now: datetime
    prior: Record | None = None
    permissions: frozenset[str] = frozenset()
    user_id: str = ""
    username: str = ""
    profile: str = ""
    org_id: str = ""


@dataclass(frozen=True)
class FieldPath:
    """``hops`` are the reference fields to follow from ``sobject``; ``field`` is the one at the end."""

    sobject: str
    hops: tuple[Field, ...]
    field: Field


Closure = Callable[[Scope], Any]


@dataclass(frozen=True)
class Node:
    run: Closure
    path: FieldPath | None = None


@lru_cache(maxsize=1)
def parser() -> Lark:
    grammar = Path(__file__).with_name("formula_grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


def compile_formula(schema: Schema, sobject: SObject, source: str, *, blank_as_zero: bool = False) -> Closure:
    """A closure that evaluates the formula; raises MetadataError naming what the simulator does not know."""
    try:
        node = Compiler(schema, sobject, blank_as_zero).transform(parser().parse(source))
    except VisitError as exc:
        raise MetadataError(f"{sobject.name}: {exc.orig_exc} in formula: {source}") from exc
    except LarkError as exc:
        raise MetadataError(f"{sobject.name}: cannot read formula: {source}: {exc}") from exc
    return node.run if isinstance(node, Node) else node


def find_path(schema: Schema, sobject: SObject, names: list[str]) -> FieldPath:
    hops: list[Field] = []
    current = sobject
    for name in names[:-1]:
        hop = current.relation(name)
        if hop is None:
            raise MetadataError(f"{current.name} has no relationship {name!r}")
        hops.append(hop)
        current = next(schema.objects[target] for target in hop.reference_to if target in schema.objects)
    field = current.find(names[-1])
    if field is None:
        raise MetadataError(f"{current.name} has no field {names[-1]!r}")
    return FieldPath(sobject.name, tuple(hops), field)


def formula_value(field: Field, stored: Any) -> Any:
    """Stored text of dates as dates, so that they can be compared and subtracted."""
    if stored is None:
        return None
    if field.type == "date":
        return date.fromisoformat(stored)
    if field.type == "datetime":
        return datetime.fromisoformat(stored)
    return Decimal(stored) if field.type in NUMERIC else stored


class Compiler(Transformer[Token, Node]):
    """From the innermost node outwards; every method returns a Node."""

    def __init__(self, schema: Schema, sobject: SObject, blank_as_zero: bool) -> None:
        super().__init__()
        self.schema = schema
        self.sobject = sobject
        self.zero = Decimal(0) if blank_as_zero else None

    def number(self, items: list[Token]) -> Node:
        value = Decimal(items[0])
        return Node(lambda _: value)

    def string(self, items: list[Token]) -> Node:
        value = items[0][1:-1].replace('\\"', '"').replace("\\'", "'").replace("\\\\", "\\")
        return Node(lambda _: value)

    def path(self, items: list[Token]) -> Node:
        names = [str(item) for item in items]
        if len(names) == 1 and names[0].upper() in CONSTANTS:
            constant = CONSTANTS[names[0].upper()]
            return Node(lambda _: constant)
        path = find_path(self.schema, self.sobject, names)
        return Node(lambda scope: scope.read(scope.record, path), path)

    def global_value(self, items: list[Token]) -> Node:
        group, name = str(items[0]), str(items[1])
        if group.lower() == "permission":
            return Node(lambda scope: name in scope.permissions)
        attribute = GLOBALS.get((group.lower(), name.lower()))
        if attribute is None:
            raise MetadataError(f"the simulator does not know ${group}.{name}")
        return Node(lambda scope: getattr(scope, attribute))

    def call(self, items: list[Any]) -> Node:
        name, args = str(items[0]).upper(), [item for item in items[1:] if item is not None]
        if name in RECORD_FUNCTIONS:
            return RECORD_FUNCTIONS[name](args)
        if name in ("AND", "OR"):
            return self.all_of(args) if name == "AND" else self.any_of(args)
        if name not in FUNCTIONS:
            raise MetadataError(f"the simulator does not know the function {name}")
        fewest, most, function = FUNCTIONS[name]
        if not fewest <= len(args) <= most:
            raise MetadataError(f"{name} takes {fewest} to {most} arguments, not {len(args)}")
        runs = [arg.run for arg in args]
        return Node(lambda scope: function(*(run(scope) for run in runs)))

    def any_of(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else Node(lambda scope: any(truth(item.run(scope)) for item in items))

    def all_of(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else Node(lambda scope: all(truth(item.run(scope)) for item in items))

    def negated(self, items: list[Node]) -> Node:
        return Node(lambda scope: not truth(items[0].run(scope)))

    def compare(self, items: list[Any]) -> Node:
        if len(items) == 1:
            return Node(items[0].run, items[0].path)
        left, operator, right = items[0], str(items[1]), items[2]
        return Node(lambda scope: compare(operator, left.run(scope), right.run(scope)))

    def concat(self, items: list[Node]) -> Node:
        if len(items) == 1:
            return items[0]
        return Node(lambda scope: "".join(as_text(item.run(scope)) for item in items))

    def signed(self, items: list[Any]) -> Node:
        sign = -1 if items[0] == "-" else 1
        return Node(lambda scope: None if (value := items[1].run(scope)) is None else sign * value)

    def arithmetic(self, items: list[Any]) -> Node:
        if len(items) == 1:
            return Node(items[0].run, items[0].path)

        def run(scope: Scope) -> Any:
            value = items[0].run(scope)
            for operator, node in zip(items[1::2], items[2::2], strict=True):
                value = calculate(str(operator), value, node.run(scope), self.zero)
            return value

        return Node(run)


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}


def calculate(operator: str, left: Any, right: Any, zero: Decimal | None) -> Any:
    """Numbers, days added to dates, days between dates, and text joined with ``+``."""
    left, right = (zero if left is None else left), (zero if right is None else right)
    if left is None or right is None:
        return None
    if operator == "+" and isinstance(left, str):
        return left + as_text(right)
    if isinstance(left, date):
        if isinstance(right, date):
            left, right = aware(left), aware(right)
            return Decimal(str((left - right) / timedelta(days=1)))
        days = timedelta(days=float(right))
        return left + days if operator == "+" else left - days
    try:
        return OPERATORS[operator](left, right)
    except (InvalidOperation, ZeroDivisionError):
        return None


def aware(value: date) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def needs_path(name: str, args: list[Node]) -> FieldPath:
    if len(args) != 1 or args[0].path is None:
        raise MetadataError(f"{name} takes one field")
    return args[0].path


def is_changed(args: list[Node]) -> Node:
    path = needs_path("ISCHANGED", args)

    def run(scope: Scope) -> bool:
        return scope.prior is not None and not same(scope.read(scope.record, path), scope.read(scope.prior, path))

    return Node(run)


def prior_value(args: list[Node]) -> Node:
    path = needs_path("PRIORVALUE", args)
    return Node(lambda scope: scope.read(scope.record if scope.prior is None else scope.prior, path), path)


RECORD_FUNCTIONS: Mapping[str, Callable[[list[Node]], Node]] = {
    "ISNEW": lambda _: Node(lambda scope: scope.prior is None),
    "ISCHANGED": is_changed,
    "PRIORVALUE": prior_value,
    "TODAY": lambda _: Node(lambda scope: scope.now.date()),
    "NOW": lambda _: Node(lambda scope: scope.now),
}
