"""token mint: for trying things out; in production Salesforce signs its own."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import DEFAULT_CONFIG, AsJson, ConfigFile, Impossible, command, emit, load_config

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
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="Life of the token.")] = 300,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Sign a token the way Salesforce does, for curl and for scripts."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    loaded = load_config(config, as_json=as_json)
    if org is None and len(loaded.orgs) != 1:
        raise Impossible(f"There are several orgs: say --org {' | '.join(loaded.orgs)}.")
    name = org or next(iter(loaded.orgs))
    if name not in loaded.orgs:
        raise Impossible(f"There is no org {name!r} in {config}: {', '.join(loaded.orgs)}.")
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as exc:
        raise Impossible(f"{key} cannot be read as an unencrypted private key (PEM): {exc}") from exc
    now = int(time.time())
    claims = {
        "iss": loaded.orgs[name].issuer,
        "sub": sub,
        "aud": loaded.server.audience,
        "iat": now,
        "exp": now + seconds,
        "jti": str(uuid.uuid4()),
    }
    algorithm = "ES256" if isinstance(private, EllipticCurvePrivateKey) else "RS256"
    token = jwt.encode(claims, key.read_bytes(), algorithm=algorithm, headers={"kid": kid} if kid else None)
    shown = {"token": token, "expires": now + seconds, "claims": claims}
    emit(shown, lambda console: console.print(token, soft_wrap=True), as_json=as_json)
