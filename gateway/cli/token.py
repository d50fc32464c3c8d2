"""token mint: for trying things out; in production Salesforce signs its own."""

from __future__ import annotations

import contextlib
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import DEFAULT_CONFIG, AsJson, ConfigFile, Wrong, command, emit, load_config

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from gateway.config import Config, Org

app = typer.Typer(help="Inbound tokens.", no_args_is_help=True)


@app.command()
@command
def mint(
    key: Annotated[Path, typer.Option(help="Private key (PEM) whose public half the org's `keys` name.")],
    sub: Annotated[str, typer.Option(help="18-character user id, or the name of an automation.")],
    org: Annotated[
        str | None, typer.Option(help="Org by its name in the configuration; default: the only one.")
    ] = None,
    kid: Annotated[str | None, typer.Option(help="Key id to put into the header.")] = None,
    seconds: Annotated[int, typer.Option(min=1, help="Life of the token.")] = 300,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Sign a token the way Salesforce does, for curl and for scripts."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    loaded = load_config(config, as_json=as_json)
    name = _org(loaded, org)
    _check_subject(loaded.orgs[name], sub)
    if seconds > loaded.server.max_token_seconds:
        raise Wrong(f"The gateway takes tokens of at most {loaded.server.max_token_seconds} seconds.")
    private = _private_key(key)
    now = int(time.time())
    claims = {
        "iss": loaded.orgs[name].issuer,
        "sub": sub,
        "aud": loaded.server.audience,
        "iat": now,
        "exp": now + seconds,
        "jti": str(uuid.uuid4()),
    }
    algorithm = "RS256" if isinstance(private, RSAPrivateKey) else "ES256"
    token = jwt.encode(claims, private, algorithm=algorithm, headers={"kid": kid} if kid else None)
    shown = {"token": token, "expires": now + seconds, "claims": claims}
    emit(shown, lambda console: console.print(token, soft_wrap=True), as_json=as_json)


def _org(loaded: Config, asked: str | None) -> str:
    known = ", ".join(loaded.orgs)
    if asked is None and len(loaded.orgs) != 1:
        raise Wrong(f"There are several orgs: say --org with one of {known}.")
    if asked is not None and asked not in loaded.orgs:
        raise Wrong(f"There is no org {asked!r} in the configuration: {known}.")
    return asked or next(iter(loaded.orgs))


def _check_subject(org: Org, sub: str) -> None:
    """The gateway would refuse any other; the answer there does not say why."""
    from gateway.errors import Rejected
    from gateway.ids import USER, key_prefix, salesforce_id

    with contextlib.suppress(Rejected):
        if sub in org.automation_subjects or key_prefix(salesforce_id(sub)) == USER:
            return
    automations = ", ".join(sorted(org.automation_subjects)) or "none"
    raise Wrong(f"--sub is neither the id of a user (005…) nor an automation of org {org.name} ({automations}).")


def _private_key(path: Path) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """One of those whose public half an org may be configured with."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from gateway.config.jwks import check_key
    from gateway.config.problems import Wrong as NotTrusted

    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
        check_key(private.public_key())
    except NotTrusted as exc:
        raise Wrong(f"{path} {exc.message}.") from exc
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise Wrong(f"{path} cannot be read as an unencrypted private key (PEM): {exc}") from exc
    assert isinstance(private, RSAPrivateKey | EllipticCurvePrivateKey)  # noqa: S101 - checked just above
    return private
