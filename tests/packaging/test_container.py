"""Dockerfile, compose.yaml and the example they mount fit the program (no image is built here)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from click.testing import Result
from cryptography import x509

from gateway.config import load

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_example_loads_with_exactly_the_secrets_that_compose_mounts(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    secrets = tmp_path / "secrets"
    command("keys", "generate", "--out", str(secrets))
    texts = {
        "database_password": "correct horse",
        "stripe_secret_key": "rk_test_51abcdefghijklmnop",
        "salesforce_consumer_key": "3MVG9consumer",
        "salesforce_caller.crt": (secrets / "salesforce-login.crt").read_text(),
    }
    for name, text in texts.items():
        (secrets / name).write_text(text)
        (secrets / name).chmod(0o600)
    files = dict(re.findall(r"^  (\w+): \{file: \./secrets/(\S+)\}$", COMPOSE, re.MULTILINE))
    environ = {name: str(secrets / files[secret]) for name, secret in _environment().items()}
    config = tmp_path / "gateway.toml"
    example = (ROOT / "docs/examples/compose.toml").read_text()
    config.write_text(example.replace("/run/secrets/salesforce_caller", str(secrets / files["salesforce_caller"])))

    loaded = load(config, environ)

    assert loaded.database.url == "postgresql://gateway:correct%20horse@database/gateway"
    assert loaded.entities["us"].secret_key.reveal() == "rk_test_51abcdefghijklmnop"
    assert {*files} == {*_environment().values(), "salesforce_caller"}


def test_generated_certificates_are_certificates_the_gateway_accepts(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    command("keys", "generate", "--out", str(tmp_path))

    certificate = x509.load_pem_x509_certificate((tmp_path / "salesforce-login.crt").read_bytes())

    assert certificate.not_valid_after_utc > certificate.not_valid_before_utc


def test_the_image_runs_as_nobody_special_and_names_its_program_without_a_shell() -> None:
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["gateway"\]$', DOCKERFILE, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .* CMD \["gateway", "health"\]$', DOCKERFILE, re.MULTILINE)
    assert "read_only: true" in COMPOSE


def test_the_container_can_be_run_as_the_owner_of_its_secrets() -> None:
    assert re.search(r'^  user: "\$\{GATEWAY_USER:-10001:10001\}"$', COMPOSE, re.MULTILINE)
    assert "chown 10001:10001 secrets/*" in COMPOSE


def test_the_image_gets_every_file_the_project_is_built_from() -> None:
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert {"gateway", "requirements", "pyproject.toml", project["readme"], *project["license-files"]} <= allowed


def _environment() -> dict[str, str]:
    return dict(re.findall(r"^    (\w+_FILE): /run/secrets/(\w+)$", COMPOSE.partition("services:")[0], re.MULTILINE))
