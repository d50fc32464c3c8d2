"""The path through an org, step by step, with its own values: what `setup` prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.salesforce_setup import CLIENT_APP, CREDENTIALS, Values

if TYPE_CHECKING:
    from gateway.config import Org

_MAIN = "--source-dir main --source-dir tests --test-level RunLocalTests"
_PERMISSION_SET = "Stripe_Gateway_Integration"


def steps(org: Org, told: Values, out: Path) -> Iterator[str]:
    """In the order in which they must be done; lines that begin with two spaces are commands."""
    alias = f"--target-org {told.org}"
    yield (
        f"Log in as administrator of org {org.id}:\n"
        f"  sf org login web --alias {told.org} --instance-url {org.salesforce.login_url}"
    )
    yield (
        "Setup → Certificate and Key Management → Create Self-Signed Certificate: label and unique name "
        f"{told.certificate}, key size 4096, private key not exportable. Download it and name the file in "
        f'orgs.{told.org}.keys with kid = "{told.certificate}".'
    )
    yield (
        f"Credentials, from {out}:\n"
        f"  sf project deploy start --dry-run --source-dir {CREDENTIALS} {alias}\n"
        "Read what it says, then the same without --dry-run."
    )
    yield (
        "Objects, permissions, code, from salesforce_metadata:\n"
        f"  sf project deploy start --dry-run {_MAIN} {alias}\n"
        "Read what it says, then the same without --dry-run."
    )
    yield (
        f"The gateway's own user, {org.salesforce.username}:\n"
        f"  sf org assign permset --name {_PERMISSION_SET} --on-behalf-of {org.salesforce.username} {alias}"
    )
    yield _client_app(told, out, alias)
    yield (
        "Setup → Custom Settings → Stripe Gateway Setting → Manage → New (default organization level): "
        f"Org ID {org.id}, Enabled on."
    )
    if not org.automation_subjects:
        key = f"orgs.{told.org}.automation_subjects"
        yield f'Automated users call as {told.automation}: set {key} = ["{told.automation}"].'
    yield f"Start the gateway (restart it, if it runs already), then:\n  gateway doctor --only {told.org}"


def _client_app(told: Values, out: Path, alias: str) -> str:
    take = (
        "Then Setup → External Client App Manager → Stripe Gateway → Settings → OAuth → Consumer Key: it becomes "
        f"orgs.{told.org}.salesforce.consumer_key."
    )
    if told.client_app is not None:
        return (
            "External client app (the org must allow access to OAuth consumer secrets via Metadata API), from "
            f"{out}:\n  sf project deploy start --dry-run --source-dir {CLIENT_APP} {alias}\n"
            f"then without --dry-run, then throw {out / CLIENT_APP} away. {take}"
        )
    query = f"SELECT Id FROM PermissionSet WHERE Name = '{_PERMISSION_SET}'"  # noqa: S608 - a name of ours
    return (
        "External client app, by hand: Setup → External Client App Manager → New: Stripe_Gateway, distribution Local; "
        "scopes api and refresh_token; JWT bearer flow with the certificate of the login key; policy: admin approved "
        f"users, permission set {_PERMISSION_SET}. Or by files: run setup again with --contact-email, "
        f'--login-certificate and --permission-set-id of\n  sf data query --query "{query}" {alias}\n{take}'
    )
