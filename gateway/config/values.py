"""Kinds of values a configuration is made of, each checked where it is read."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo

from gateway.config.keys import load_private
from gateway.config.problems import Wrong, did_you_mean
from gateway.config.secrets import Secret, SecretBytes, Sources, key_bytes
from gateway.errors import Rejected
from gateway.ids import salesforce_id, stripe_id
from gateway.money import currency_code

Check = Callable[[Any, ValidationInfo], Any]  # pydantic hands over whatever the file holds
_PASSWORDS = {"password", "sslpassword"}  # members of an address's query that libpq takes for one


class Model(BaseModel):
    """Strict and frozen: no guessing of types, unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )


def settle(model: Model, **values: object) -> None:
    """Fill in what follows from other members; frozen for everybody else, the model is still being made here."""
    for name, value in values.items():
        object.__setattr__(model, name, value)


def sources(info: ValidationInfo) -> Sources:
    """Where references in the file lead; the loader hands it to every model."""
    if not isinstance(info.context, Sources):
        raise TypeError("configuration models are made by gateway.config.load")
    return info.context


def is_loopback(host: str | None) -> bool:
    """Whether only this machine can reach it."""
    if host in {"localhost", None, ""}:
        return host == "localhost"
    try:
        return ipaddress.ip_address(str(host).strip("[]")).is_loopback
    except ValueError:
        return False


def _secret(value: object, info: ValidationInfo) -> Secret:
    return value if isinstance(value, Secret) else Secret(sources(info).secret(value))


def _resolved(value: object, info: ValidationInfo) -> str:
    return sources(info).text(value)


def _key_bytes(value: object, info: ValidationInfo) -> SecretBytes:
    return value if isinstance(value, SecretBytes) else key_bytes(sources(info).secret(value))


def _private_key(value: object, info: ValidationInfo) -> RSAPrivateKey:
    return value if isinstance(value, RSAPrivateKey) else load_private(sources(info).secret(value))


def web_address(value: object) -> str:
    """An https origin (http on loopback), with a path at most and no slash at its end."""
    if not isinstance(value, str):
        raise Wrong("must be text in quotes")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise Wrong(f"is not an address: {exc}") from exc
    if parts.scheme not in {"http", "https"} or not host or port == 0 or not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        raise Wrong("is not an address", "write https://host")
    if parts.username is not None or parts.query or parts.fragment or parts.password is not None:
        raise Wrong("must be an address without user, query or fragment", f"https://{host}")
    if parts.scheme == "http" and not is_loopback(host):
        raise Wrong("must begin with https: only addresses of this machine may use http", f"https://{parts.netloc}")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def database_address(value: object, info: ValidationInfo) -> str:
    """``sqlite:///path`` or ``postgresql://user@host/name``; a password in it comes from env or a file only."""
    given = sources(info)
    text = given.text(value)
    parts = urlsplit(text)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return text
    if parts.scheme not in {"postgresql", "postgres"} or not parts.hostname or len(parts.path) < 2:
        raise Wrong("is not a database address", "sqlite:///var/gateway.db or postgresql://gateway@host/gateway")
    told = parts.password or _PASSWORDS & dict(parse_qsl(parts.query)).keys()
    if told and text == value and not given.literals:
        raise Wrong("holds a password", "leave it out and write it as password = env:NAME")
    return urlunsplit(parts._replace(scheme="postgresql"))


def with_password(address: str, password: str) -> str:
    """The address with the password filled in (or replaced)."""
    parts = urlsplit(address)
    user = quote(unquote(parts.username or "gateway"), safe="")
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def without_password(address: str) -> str:
    """The address as it may be shown; a file's address has none, and taken apart it would lose slashes."""
    parts = urlsplit(address)
    if not parts.netloc:
        return address
    shown = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        parts._replace(netloc=f"{parts.username}@{shown}" if parts.username else shown, query=_harmless(parts.query))
    )


def _harmless(query: str) -> str:
    """Without what libpq would take for a password."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name not in _PASSWORDS])


def normal_issuer(text: str) -> str:
    """An organization id in its 18-character form, anything else as it is."""
    try:
        return salesforce_id(text)
    except Rejected:
        return text


def _time_zone(value: object) -> str:
    known = zoneinfo.available_timezones()
    if not isinstance(value, str) or value not in known:
        raise Wrong("is not a time zone", did_you_mean(str(value), known) or 'for example "Europe/Berlin"')
    return value


def _ours(check: Callable[..., str], *arguments: str) -> Callable[[object], str]:
    def checked(value: object) -> str:
        try:
            return check(value, *arguments, field="it")
        except Rejected as exc:
            raise Wrong(exc.message.rstrip(".").removeprefix("The it ")) from exc

    return checked


SecretText = Annotated[Secret, BeforeValidator(_secret)]
SecretKey = Annotated[SecretBytes, BeforeValidator(_key_bytes)]
PrivateKey = Annotated[RSAPrivateKey, BeforeValidator(_private_key)]
Resolved = Annotated[str, BeforeValidator(_resolved)]
Address = Annotated[str, BeforeValidator(web_address)]
DatabaseAddress = Annotated[str, BeforeValidator(database_address)]
TimeZone = Annotated[str, BeforeValidator(_time_zone)]
Currency = Annotated[str, BeforeValidator(_ours(currency_code))]
Organization = Annotated[str, BeforeValidator(_ours(salesforce_id)), StringConstraints(pattern="^00D")]
StripeAccount = Annotated[str, BeforeValidator(_ours(stripe_id, "acct"))]
# Part of addresses, keys of records and circuit names; Salesforce compares external ids without case.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")]
ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(?:_{1,2}[A-Za-z0-9]+)*$", max_length=80)]
CustomFieldName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*__c$", max_length=43)
]
FieldPath = Annotated[str, StringConstraints(pattern=r"^(?:[A-Za-z]\w*(?:\.[A-Za-z]\w*){0,4})?$", max_length=200)]
Lenient = Field(strict=False)  # TOML has arrays only: they become tuples and sets
