"""db, token, keys, version: what an installation begins with."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from gateway.cli.common import actor
from gateway.engine.clock import SystemClock
from gateway.engine.database import transaction
from gateway.engine.store import Store
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

    assert result.exit_code == 2
    assert "acme" in result.stderr


def test_minting_with_something_that_is_no_key_says_so(installation: Installation) -> None:
    result = installation.run("token", "mint", "--key", str(installation.file), "--sub", USER)

    assert result.exit_code == 2
    assert "private key" in result.stderr


WEAK = rsa.generate_private_key(65537, 1024)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (Ed25519PrivateKey.generate(), "neither an RSA key nor a P-256 key"),
        (generate_private_key(SECP384R1()), "ES256 needs P-256"),
        (WEAK, "RSA needs at least 2048"),
    ],
    ids=["ed25519", "p384", "rsa1024"],
)
def test_a_key_that_no_org_could_be_configured_with_mints_nothing(
    installation: Installation, key: Any, words: str
) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (installation.folder / "odd.key").write_bytes(pem)

    result = installation.run("token", "mint", "--key", str(installation.folder / "odd.key"), "--sub", USER)

    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--sub", ""), "neither the id of a user"),
        (("--sub", "gateway-autonation"), "neither the id of a user"),
        (("--sub", "0065g00000XyZabAAF"), "neither the id of a user"),
        (("--sub", USER, "--seconds", "901"), "at most 900 seconds"),
    ],
)
def test_what_the_gateway_would_refuse_is_not_minted(
    installation: Installation, arguments: tuple[str, ...], words: str
) -> None:
    result = installation.run("token", "mint", "--key", str(installation.folder / "caller.key"), *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("words", [("keys", "generate"), ("salesforce", "external-service")])
@pytest.mark.parametrize("place", ["/proc/secrets", "file/secrets", "file"])
def test_a_folder_that_cannot_be_written_is_a_message(
    tmp_path: Path, command: Callable[..., Result], place: str, words: tuple[str, str]
) -> None:
    (tmp_path / "file").touch()

    result = command(*words, "--out", str(tmp_path / place))

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_what_the_generated_files_are_for_is_told_with_its_section(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    assert "[sealing]" in command("keys", "generate", "--out", str(tmp_path)).stdout


@pytest.mark.parametrize("command_line", [("db", "check"), ("actions", "list"), ("dead", "list"), ("audit", "verify")])
def test_a_mistyped_database_stays_missing(installation: Installation, command_line: tuple[str, ...]) -> None:
    result = installation.run(*command_line)

    assert result.exit_code in {1, 2}
    assert "gateway db migrate" in result.output
    assert not (installation.folder / "gateway.db").exists()


@pytest.mark.parametrize(
    "command_line", [("db", "check"), ("db", "migrate"), ("actions", "list"), ("audit", "verify"), ("serve",)]
)
@pytest.mark.parametrize("damage", ["text", "cut"])
def test_a_file_that_is_no_database_is_a_message_and_not_a_traceback(
    migrated: Installation, command_line: tuple[str, ...], damage: str
) -> None:
    path = migrated.folder / "gateway.db"
    whole = path.read_bytes()
    path.write_bytes(b"dear diary, " * 1000 if damage == "text" else whole[:4096] + b"x" * 4096)

    result = migrated.run(*command_line)

    assert result.exit_code == 2
    assert "gateway.db is damaged, or no SQLite database" in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_the_database_is_for_its_owner_alone(installation: Installation) -> None:
    before = os.umask(0o022)
    try:
        installation.run("db", "migrate")
        store = Store.open(installation.url, clock=SystemClock())
        with transaction(installation.url) as conn:
            conn.execute(sa.text("INSERT INTO setting VALUES ('a', 'b')"))
            found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in installation.folder.glob("gateway.db*")}
        store.close()
    finally:
        os.umask(before)

    assert set(found) >= {"gateway.db", "gateway.db-wal", "gateway.db-shm", "gateway.db.lock"}
    assert set(found.values()) == {0o600}


def test_a_user_without_a_name_is_on_record_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)

    assert actor() == "cli:uid:4000000"


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


def test_the_single_process_example_is_ready_with_the_files_the_readme_makes(
    tmp_path: Path, command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = tomllib.loads(json.loads(command("keys", "generate", "--out", "secrets", "--json").stdout)["toml"])
    example = (Path(__file__).parents[2] / "docs/examples/single.toml").read_text()
    Path("gateway.toml").write_text(example)
    for name, text in {
        "stripe-key": "rk_test_51abcdefghijklmnop",
        "Stripe_Gateway_2026.crt": Path("secrets/salesforce-login.crt").read_text(),
    }.items():
        Path("secrets", name).touch(0o600)
        Path("secrets", name).write_text(text)

    result = command("config", "check")

    written = tomllib.loads(example)
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines["sealing"] == written["sealing"]
    assert lines["orgs"]["NAME"]["salesforce"].items() <= written["orgs"]["acme"]["salesforce"].items()


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
