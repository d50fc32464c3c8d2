"""docs/configuration.md, made from the models: ``python -m gateway.config.reference > docs/configuration.md``."""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway.config.explain import model_in
from gateway.config.inbound import KeySource
from gateway.config.model import (
    Audit,
    Database,
    Entity,
    Login,
    Mapping,
    Org,
    Route,
    SealingKeys,
    Server,
    StripeUpstream,
    When,
)
from gateway.config.secrets import Secret, SecretBytes

HEAD = """\
# Configuration

One TOML file, read at start; `SIGHUP` has its keys and secrets read again. `gateway config check --config gateway.toml`
reports every problem at once, each with its line and, where there is one, what was probably meant; it ends with exit
code 2. Unknown keys are errors.
[examples/gateway.toml](examples/gateway.toml) is a complete, commented file to start from.

## Secrets

A key of kind *secret* takes `env:NAME` (the environment variable `NAME`, or the file that `NAME_FILE` names, as Docker
and Kubernetes secrets do) or `file:PATH` (relative to the configuration file). A secret that stands in the file itself
is refused, except in a sandbox: every address in it is this machine and every mode is `test`.

## Environment

`[server]`, `[database]` and `[stripe]` can be set from the environment, which stands above the file:
`GATEWAY_SERVER_PORT=9000`, `GATEWAY_DATABASE_URL`, or `GATEWAY_DATABASE_URL_FILE` for a file that holds the value.
Lists are separated by commas.

Addresses must begin with `https:`; `http:` is accepted for this machine only.
"""

TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("[server]", Server),
    ("[database]", Database),
    ("[stripe]", StripeUpstream),
    ("[orgs.NAME]", Org),
    ("[[orgs.NAME.keys]]", KeySource),
    ("[orgs.NAME.salesforce]", Login),
    ("[entities.NAME]", Entity),
    ("[[routing]]", Route),
    ("[routing.when]", When),
    ("[mappings.OBJECT]", Mapping),
    ("[sealing]", SealingKeys),
    ("[audit]", Audit),
)


def render() -> str:
    """The whole page."""
    return HEAD + "".join(_table(title, model) for title, model in TABLES)


def _table(title: str, model: type[BaseModel]) -> str:
    rows = "".join(_rows(model))
    return f"\n## `{title}`\n\n{model.__doc__}\n\n| key | kind | default | meaning |\n|---|---|---|---|\n{rows}"


def _rows(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if field.description:
            kind, meaning = _kind(field), f"{field.description}{_limits(field)}"
            yield f"| `{field.alias or name}` | {kind} | {_default(field)} | {meaning} |\n"


def _kind(field: FieldInfo) -> str:
    if model_in(field.annotation):
        return "table"
    return _kind_of(field.annotation)


def _kind_of(annotation: Any) -> str:  # annotations are whatever typing offers
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kind_of(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in {tuple, frozenset}:
        return f"list of {_kind_of(inner[0])}"
    if isinstance(origin, type) and issubclass(origin, typing.get_origin(typing.Mapping[str, str]) or dict):
        return f"table of {_kind_of(inner[1])}"
    if inner:
        return " or ".join(dict.fromkeys(_kind_of(one) for one in inner if one is not type(None)))
    return _KINDS.get(annotation, "secret" if annotation in {Secret, SecretBytes} else annotation.__name__)


_KINDS = {RSAPrivateKey: "secret (PEM)", str: "text", int: "whole number", float: "number", bool: "true or false"}


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is PydanticUndefined:
        return "**required**"
    if default is None or default == "" or isinstance(default, BaseModel):
        return ""
    if isinstance(default, tuple | frozenset):
        return ", ".join(f"`{one}`" for one in default)
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default}`"


def _limits(field: FieldInfo) -> str:
    low = next((str(bound) for rule in field.metadata if (bound := getattr(rule, "ge", None)) is not None), None)
    high = next((str(bound) for rule in field.metadata if (bound := getattr(rule, "le", None)) is not None), None)
    if low is None and high is None:
        return ""
    return f" ({low}–{high})" if low and high else f" (at most {high})" if high else f" (at least {low})"


if __name__ == "__main__":
    sys.stdout.write(render())
