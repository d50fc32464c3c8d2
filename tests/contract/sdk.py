"""The installed stripe-python as a judge: its TypedDicts for requests, its class annotations for answers."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import sys
import types
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, Union, cast, get_args, get_origin

import stripe
import typing_extensions
from stripe import params as stripe_params
from stripe._object_classes import get_object_class
from stripe._request_options import RequestOptions
from stripe._stripe_context import StripeContext
from stripe._stripe_object import StripeObject, UntypedStripeObject

from tests.contract.problems import MISSING, UNKNOWN, Problem, best, decimal, joined, truth, whole

OPTIONS = frozenset(RequestOptions.__annotations__)
# On classes, but never in answers of the current version: markers of deletion and the class's own name.
NOT_SENT = frozenset({"deleted", "OBJECT_NAME"})
WRAPPERS = (NotRequired, Required, typing_extensions.NotRequired, typing_extensions.Required)
UNIONS = (Union, types.UnionType)
ROOT = Path(stripe.__file__).parent


class _Names(dict[str, Any]):
    """The SDK imports names for annotations only while type checking; here they are looked up when they are met."""

    def __init__(self, module: Mapping[str, Any]) -> None:
        super().__init__(
            {"StripeContext": StripeContext, "UntypedStripeObject": UntypedStripeObject, "Mapping": Mapping}
        )
        self.module = module

    def __missing__(self, name: str) -> Any:
        if name in self.module or hasattr(builtins, name):
            raise KeyError(name)
        return getattr(stripe, name, None) or getattr(stripe_params, name, None) or Any


@cache
def hints(cls: type) -> dict[str, Any]:
    module = vars(sys.modules[cls.__module__])
    return typing_extensions.get_type_hints(cls, module, _Names(module), include_extras=True)


@cache
def routes() -> dict[tuple[str, str], tuple[str, str]]:
    """(method, path with ``{}``) -> module and TypedDict of its parameters, read from the services' own source."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for source in sorted(ROOT.rglob("*_service.py")):
        package = ".".join(("stripe", "params", *source.relative_to(ROOT).parts[:-1]))
        for function in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                route, name = _route(function), _params_name(function)
                if route and name:
                    found[route] = (package, name)
    return found


def _route(function: ast.FunctionDef) -> tuple[str, str] | None:
    text = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    method = next((value for value in text if value in ("get", "post", "delete")), None)
    path = next((value for value in text if value.startswith("/v1/")), None)
    if method is None or path is None:
        return None
    return method.upper(), re.sub(r"\{[^}]+\}", "{}", path)


def _params_name(function: ast.FunctionDef) -> str | None:
    arguments = [*function.args.posonlyargs, *function.args.args]
    argument = next((arg for arg in arguments if arg.arg == "params"), None)
    if argument is None or argument.annotation is None:
        return None
    names = re.findall(r"\w+Params", ast.unparse(argument.annotation))
    return names[0] if names else None


def params_for(method: str, path: str) -> type | None:
    fitting = [
        (template.count("{}"), place)
        for (verb, template), place in routes().items()
        if verb == method.upper() and fits(template, path)
    ]
    if not fitting:
        return None
    package, name = min(fitting)[1]
    return cast("type", getattr(importlib.import_module(package), name))


def request_problems(method: str, path: str, params: Any) -> list[Problem]:
    cls = params_for(method, path)
    if cls is None:
        return [Problem(f"{method} {path}", "not in the SDK")]
    return list(_typed_dict(cls, params, ""))


def parameters(cls: type) -> dict[str, Any]:
    """The TypedDict's members without the request options that the SDK mixes in."""
    return {name: hint for name, hint in hints(cls).items() if name not in OPTIONS}


def _typed_dict(cls: Any, value: Any, where: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(where, "not a hash")
        return
    known = parameters(cls) if issubclass_of_options(cls) else hints(cls)
    for key, child in value.items():
        name = f"{where}[{key}]" if where else key
        if key in known:
            yield from _argument(known[key], child, name)
        else:
            yield Problem(name, UNKNOWN)
    for key in known:
        if key in cls.__required_keys__ and key not in value:
            yield Problem(f"{where}[{key}]" if where else key, MISSING)


def issubclass_of_options(cls: Any) -> bool:
    return not OPTIONS - hints(cls).keys()


def _argument(hint: Any, value: Any, where: str) -> Iterator[Problem]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or origin is UntypedStripeObject:
        return
    if origin in WRAPPERS:
        yield from _argument(arguments[0], value, where)
    elif origin in UNIONS:
        options = [o for o in closed(arguments) if not (isinstance(value, dict | list) and get_origin(o) is Literal)]
        yield from best(list(_argument(option, value, where)) for option in options or arguments)
    elif origin is list:
        items = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(items, list | tuple):
            yield Problem(where, "not an array")
            return
        for position, item in enumerate(items):
            yield from _argument(arguments[0], item, f"{where}[{position}]")
    elif origin in (dict, Mapping):
        if not isinstance(value, dict):
            yield Problem(where, "not a hash")
    elif isinstance(hint, type) and hasattr(hint, "__required_keys__"):
        yield from _typed_dict(hint, value, where)
    elif not _argument_fits(hint, value):
        yield Problem(where, f"{value!r} is not {hint}")


def closed(options: tuple[Any, ...]) -> tuple[Any, ...]:
    """The SDK leaves every enumeration open by adding ``str``; here only the listed values count."""
    listed = any(get_origin(option) is Literal and get_args(option) != ("",) for option in options)
    return tuple(option for option in options if not (listed and option is str))


def _argument_fits(hint: Any, value: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    fits = {int: whole, Decimal: decimal, float: decimal, bool: truth, str: lambda text: isinstance(text, str)}
    return fits[hint](value) if hint in fits else value is None


def class_of(kind: str) -> Any:
    return get_object_class("V1", kind)


def response_problems(body: Any, where: str = "") -> list[Problem]:
    """A whole answer: an object, a list or a search result."""
    if not isinstance(body, dict) or "object" not in body:
        return [Problem(where, "no object")]
    if body.get("deleted") is True:
        return []
    if body["object"] in ("list", "search_result"):
        rows = enumerate(body["data"])
        return [problem for i, row in rows for problem in response_problems(row, joined(where, f"data[{i}]"))]
    return list(_class(class_of(body["object"]), body, where))


def _class(cls: type, value: Any, where: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(where, "not an object")
        return
    known = members(cls)
    for key, child in value.items():
        if key not in known:
            yield Problem(joined(where, key), UNKNOWN)
        elif child is not None:
            yield from _member(known[key], child, joined(where, key))


@cache
def members(cls: type) -> dict[str, Any]:
    own = {name for base in cls.__mro__ if _answers(base) for name in inspect.get_annotations(base)}
    return {name: hint for name, hint in hints(cls).items() if name in own and name not in NOT_SENT and name[0] != "_"}


def _answers(base: type) -> bool:
    return issubclass(base, StripeObject) and base.__module__ not in ("stripe._stripe_object", "stripe._api_resource")


def _member(hint: Any, value: Any, where: str) -> Iterator[Problem]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in UNIONS:
        options = [option for option in closed(arguments) if option is not type(None)]
        objects = [option for option in options if _is_object(option)]
        named = [option for option in objects if isinstance(value, dict) and _kind(option) == value.get("object")]
        if not named and Any in options:
            return
        fitting = named or (objects if isinstance(value, dict) and objects else options)
        yield from best(list(_member(option, value, where)) for option in fitting)
    elif origin is list:
        if not isinstance(value, list):
            yield Problem(where, "not an array")
            return
        for position, item in enumerate(value):
            yield from _member(arguments[0], item, f"{where}[{position}]")
    elif origin is stripe.ListObject:
        yield from response_problems(value, where)
    elif _is_object(hint):
        if isinstance(value, dict) and value.get("deleted") is True:
            return
        yield from _class(hint, value, where)
    elif not _member_fits(hint, value):
        yield Problem(where, f"{value!r} is not {hint}")


def _kind(cls: Any) -> str | None:
    return getattr(cls, "OBJECT_NAME", None)


def _is_object(hint: Any) -> bool:
    typed = isinstance(hint, type) and get_origin(hint) is None and issubclass(hint, StripeObject)
    return typed and hint not in (StripeObject, UntypedStripeObject)


def _member_fits(hint: Any, value: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    simple: dict[Any, Any] = {int: int, bool: bool, str: str, Decimal: str, float: int | float}
    if hint in simple:
        return isinstance(value, simple[hint]) and (hint is bool or not isinstance(value, bool))
    return True


def fits(template: str, path: str) -> bool:
    return re.fullmatch(re.escape(template).replace(r"\{\}", "[^/]+"), path) is not None


def unknown_parameters(method: str, path: str, accepts: Any) -> list[str]:
    """Names in one of the simulator's parameter tables that the SDK's TypedDict does not have."""
    cls = params_for(method, path)
    return [path] if cls is None else list(_strangers(cls, accepts, ""))


def _strangers(cls: Any, accepts: Any, where: str) -> Iterator[str]:
    for name, param in accepts.members.items():
        full = f"{where}[{name}]" if where else name
        hint = hints(cls).get(name)
        if hint is None:
            yield full
            continue
        inner = getattr(param, "of", param)
        nested = _typed_dict_in(hint)
        if hasattr(inner, "members") and nested is not None:
            yield from _strangers(nested, inner, full)


def _typed_dict_in(hint: Any) -> Any:
    if isinstance(hint, type) and hasattr(hint, "__required_keys__"):
        return hint
    found = (_typed_dict_in(option) for option in get_args(hint))
    return next((option for option in found if option is not None), None)
