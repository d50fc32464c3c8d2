"""keys generate: everything an installation needs that must be random or secret."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import AsJson, Impossible, command, emit, escape, writing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

app = typer.Typer(help="Keys of an installation.", no_args_is_help=True)

PRIVATE_KEY, CERTIFICATE, SEALING_KEYS = "salesforce-login.key", "salesforce-login.crt", "sealing-keys"


@app.command()
@command
def generate(
    out: Annotated[Path, typer.Option(help="Folder to write into; made if it is missing.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="Life of the certificate.")] = 730,
    as_json: AsJson = False,
) -> None:
    """Make the key pair for the Salesforce login and the keys that seal stored data. Never overwrites a file."""
    paths = [out / name for name in (PRIVATE_KEY, CERTIFICATE, SEALING_KEYS)]
    if present := [str(path) for path in paths if path.exists()]:
        raise Impossible(f"{', '.join(present)} exists already: move it away, or choose another folder.")
    with writing(out):
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(paths, days)
    texts = {
        PRIVATE_KEY: "the gateway's private key: orgs.<name>.salesforce.private_key",
        CERTIFICATE: "its certificate: upload it to the external client app in Salesforce",
        SEALING_KEYS: "keys that seal stored data: [sealing]. Keep a copy apart from the database's backup",
    }
    shown = "\n".join(f"{out / name}  {text}" for name, text in texts.items())
    lines = _lines(out)
    emit(
        {"folder": str(out), "files": texts, "toml": lines},
        lambda console: console.print(escape(f"{shown}\n\n{lines}"), soft_wrap=True, highlight=False),
        as_json=as_json,
    )


def _lines(out: Path) -> str:
    """For a configuration that lies where the command was given."""
    return f"""\
[orgs.NAME.salesforce]
private_key = "file:{out / PRIVATE_KEY}"

[sealing]
current = "k1"
keys = "file:{out / SEALING_KEYS}"
"""


def _write(paths: list[Path], days: int) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 3072)
    encryption = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    for path, content in zip(paths, (private, _certificate(key, days), _sealing_keys()), strict=True):
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(content)


def _certificate(key: RSAPrivateKey, days: int) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stripe-action-gateway")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def _sealing_keys() -> bytes:
    lines = [f"{name}={base64.b64encode(secrets.token_bytes(32)).decode()}" for name in ("k1", "index", "audit")]
    return ("\n".join(lines) + "\n").encode()
