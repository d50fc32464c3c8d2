"""A configuration with fresh keys, a migrated database and a shorthand for running a command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from typer.testing import CliRunner

from gateway.cli import app
from gateway.engine.migrations import migrate

ORG = "00D5g000008XyZqEAK"
CONFIG = """\
[server]
audience = "stripe-gateway"

[database]
url = "sqlite:///{folder}/gateway.db"

[stripe]
base_url = "http://127.0.0.1:9"

[orgs.acme]
id = "00D5g000008XyZq"
mode = "test"
keys = [{{ file = "caller.pem" }}]
entities = ["us"]

[orgs.acme.salesforce]
login_url = "http://127.0.0.1:9"
username = "gateway@acme.example"
consumer_key = "consumer-key-of-acme"
private_key = "file:caller.key"

[entities.us]
mode = "test"
account = "acct_1AcmeUS000000000"
secret_key = "sk_test_acme0000000000000"

[[routing]]
entity = "us"

[sealing]
current = "k1"
keys = {{ k1 = "c2VhbGluZy1rZXktb2YtMzItYnl0ZXMtYWJjZGVmZ2g=" }}
index_key = "aW5kZXgta2V5LW9mLTMyLWJ5dGVzLWFiY2RlZmdoaWo="

[audit]
signing_key = "c2lnbmluZy1rZXktb2YtMzItYnl0ZXMtYWJjZGVmZ2g="
"""


@dataclass(frozen=True)
class Installation:
    """A folder with gateway.toml, caller.key and caller.pem; ``url`` is its migrated database."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "gateway.toml"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/gateway.db"

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--config", str(self.file)], terminal_width=200)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture(scope="session")
def caller_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def installation(tmp_path: Path, caller_key: rsa.RSAPrivateKey) -> Installation:
    found = Installation(tmp_path)
    found.file.write_text(CONFIG.format(folder=tmp_path))
    private = tmp_path / "caller.key"
    private.touch(0o600)
    private.write_bytes(
        caller_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public = caller_key.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "caller.pem").write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    return found


@pytest.fixture
def migrated(installation: Installation) -> Installation:
    migrate(installation.url)
    return installation


@pytest.fixture
def command() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, list(arguments), terminal_width=200)
