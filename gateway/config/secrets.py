"""Secrets: they come from the environment or from files, and no ``repr`` ever shows one."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.config.problems import Wrong

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_BYTES = 65_536


class Secret:
    """A text that is shown only to whoever calls ``reveal()``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)


class SecretBytes:
    """Key material, shown only to whoever calls ``reveal()``."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def reveal(self) -> bytes:
        return self._data

    def __repr__(self) -> str:
        return "SecretBytes('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretBytes) and hmac.compare_digest(self._data, other._data)

    def __hash__(self) -> int:
        return hash(self._data)


@dataclass(slots=True)
class Sources:
    """
    Where the values of one configuration come from.

    ``literals`` allows secrets to stand in the file, which only a sandbox may: every address is loopback, every mode
    is test. ``warnings`` collects what was noticed while reading.
    """

    environ: Mapping[str, str]
    folder: Path
    literals: bool
    now: datetime
    warnings: list[str] = field(default_factory=list)

    def secret(self, written: object) -> str:
        """The text behind ``env:NAME`` or ``file:PATH``; a literal only in a sandbox."""
        if not isinstance(written, str) or not written:
            raise Wrong("must be env:NAME or file:PATH")
        if found := self.referenced(written):
            return found
        if not self.literals:
            raise Wrong("a secret must not stand in the file", "write env:NAME or file:PATH")
        return written

    def text(self, written: object) -> str:
        """Like ``secret``, for values that may also stand in the file."""
        if not isinstance(written, str):
            raise Wrong("must be text in quotes")
        return self.referenced(written) or written

    def referenced(self, written: str) -> str | None:
        if written.startswith("env:"):
            return self._from_environment(written.removeprefix("env:"))
        if written.startswith("file:"):
            return self.read(written.removeprefix("file:"), secret=True)
        return None

    def read(self, name: str, *, secret: bool = False) -> str:
        """A file's text, relative to the configuration file, without the newline at its end."""
        path = self.folder / name
        try:
            with path.open("rb") as opened:
                data = opened.read(_MAX_BYTES + 1)
            loose = path.stat().st_mode & 0o027
        except OSError as exc:
            raise Wrong(f"cannot read {path}: {exc.strerror}") from exc
        if len(data) > _MAX_BYTES:
            raise Wrong(f"{path} is larger than {_MAX_BYTES} bytes")
        # Docker and Kubernetes mount secrets world-readable inside a container only the gateway lives in.
        if secret and loose and not str(path).startswith(("/run/secrets/", "/var/run/secrets/")):
            self.warnings.append(f"{path} can be read by others: chmod 600 {path}")
        try:
            text = data.decode().rstrip("\r\n")
        except UnicodeDecodeError as exc:
            raise Wrong(f"{path} is not text (UTF-8)") from exc
        if not text:
            raise Wrong(f"{path} is empty")
        return text

    def _from_environment(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise Wrong(f"{name!r} is not the name of an environment variable")
        value, file = self.environ.get(name), self.environ.get(f"{name}_FILE")
        if value is not None and file is not None:
            raise Wrong(f"both {name} and {name}_FILE are set", "set one of them")
        if file:
            return self.read(file, secret=True)
        if not value:
            raise Wrong(f"environment variable {name} is not set", f"set {name}, or {name}_FILE to the path of a file")
        return value


def key_bytes(text: str) -> SecretBytes:
    """32 bytes from their base64 form (``openssl rand -base64 32``)."""
    try:
        data = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Wrong("is not base64", "make one with: openssl rand -base64 32") from exc
    if len(data) != 32:
        raise Wrong(f"holds {len(data)} bytes, 32 are needed", "make one with: openssl rand -base64 32")
    if len(set(data)) < 8:
        raise Wrong("is not random", "make one with: openssl rand -base64 32")
    return SecretBytes(data)
