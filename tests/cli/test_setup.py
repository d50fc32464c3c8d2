"""db, token, keys, version: what an installation begins with."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import jwt
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.cli.conftest import ORG, Installation

USER = "0055g00000AbCdEAAV"


def test_a_database_is_made_checked_and_migrated_again_without_harm(installation: Installation) -> None:
    before = installation.run("db", "check")
    first, second = installation.json("db", "migrate"), installation.json("db", "migrate")
    after = installation.run("db", "check")

    assert before.exit_code in {1, 4}
    assert first["before"] is None
    assert first["after"] == second["before"] == second["after"]
    assert after.exit_code == 0
    assert "up to date" in after.stdout


def test_a_minted_token_carries_what_the_gateway_asks_for(
    installation: Installation, caller_key: rsa.RSAPrivateKey
) -> None:
    key = str(installation.folder / "caller.key")

    result = installation.run("token", "mint", "--key", key, "--sub", USER, "--kid", "k1", "--seconds", "60")

    token = result.stdout.strip()
    claims = jwt.decode(token, caller_key.public_key(), algorithms=["RS256"], audience="stripe-gateway")
    assert (claims["iss"], claims["sub"]) == (ORG, USER)
    assert claims["exp"] - claims["iat"] == 60
    assert jwt.get_unverified_header(token)["kid"] == "k1"


def test_minting_for_an_org_that_is_not_there_names_those_that_are(installation: Installation) -> None:
    key = str(installation.folder / "caller.key")

    result = installation.run("token", "mint", "--key", key, "--sub", USER, "--org", "acne")

    assert result.exit_code == 5
    assert "acme" in result.stderr


def test_minting_with_something_that_is_no_key_says_so(installation: Installation) -> None:
    result = installation.run("token", "mint", "--key", str(installation.file), "--sub", USER)

    assert result.exit_code == 5
    assert "private key" in result.stderr


def test_generated_keys_fit_together_and_only_their_owner_reads_them(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    out = tmp_path / "secrets"

    result = command("keys", "generate", "--out", str(out))

    assert result.exit_code == 0
    key = load_pem_private_key((out / "salesforce-login.key").read_bytes(), password=None)
    certificate = x509.load_pem_x509_certificate((out / "salesforce-login.crt").read_bytes())
    assert certificate.public_key() == key.public_key()
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    names = [line.partition("=")[0] for line in (out / "sealing-keys").read_text().splitlines()]
    assert names == ["k1", "index", "audit"]


def test_generated_sealing_keys_are_what_the_configuration_reads(
    installation: Installation, command: Callable[..., Result]
) -> None:
    command("keys", "generate", "--out", str(installation.folder / "secrets"))
    text = installation.file.read_text()
    head = text[: text.index("[sealing]")]
    installation.file.write_text(f'{head}[sealing]\ncurrent = "k1"\nkeys = "file:secrets/sealing-keys"\n')

    result = installation.run("config", "check")

    assert result.exit_code == 0, result.stderr


def test_keys_are_never_overwritten(tmp_path: Path, command: Callable[..., Result]) -> None:
    command("keys", "generate", "--out", str(tmp_path))
    before = (tmp_path / "sealing-keys").read_bytes()

    result = command("keys", "generate", "--out", str(tmp_path))

    assert result.exit_code == 5
    assert "exists already" in result.stderr
    assert (tmp_path / "sealing-keys").read_bytes() == before


def test_the_version_names_the_api_version_it_speaks(command: Callable[..., Result]) -> None:
    shown = json.loads(command("version", "--json").stdout)

    assert shown["gateway"]
    assert shown["stripe_api"].startswith("20")
    assert command("version").exit_code == 0
