"""setup: credentials and external client app with one org's values filled in, and the path to click. Nothing secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape as xml_text

from gateway.cli.common import Wrong
from gateway.cli.salesforce_package import not_ours

if TYPE_CHECKING:
    from gateway.config import Org, Server

CREDENTIALS, CLIENT_APP = "credentials", "external-client-app"
PROJECT_FILE = """\
{
  "packageDirectories": [{ "path": "credentials", "default": true }, { "path": "external-client-app" }],
  "namespace": "",
  "sourceApiVersion": "65.0"
}
"""
# What stands in the files of a release, to be replaced; each must be found somewhere.
_ADDRESS, _CERTIFICATE = "https://gateway.invalid", "Stripe_Gateway_2026"
_AUDIENCE, _AUTOMATION = ">stripe-gateway<", ">gateway-automation<"
_ORG_ID = "{!$Organization.Id}"
_SANDBOX = "{!IF($Organization.IsSandbox, &quot;true&quot;, &quot;false&quot;)}"
_PLACEHOLDER = re.compile(r"\{\{ *(\w+) *\}\}")
_LEFT = re.compile(r"\{\{.*?\}\}|[\w.-]+\.invalid\b")


@dataclass(frozen=True, slots=True)
class Values:
    """What differs from org to org. ``client_app`` fills the templates of the app; None = it is made by hand."""

    org: str
    address: str
    certificate: str
    audience: str
    automation: str
    issuer: str | None = None  # None: the formula of the org's own id
    org_id: str | None = None  # None: the formula, also in the header
    sandbox: str | None = None  # None: the formula
    client_app: Mapping[str, str] | None = None


def values(server: Server, name: str, org: Org, certificate: str | None, *, literal_org_id: bool) -> Values:
    """From the configuration. Raises Wrong where it does not say enough."""
    address = server.public_url
    if address is None or not address.startswith("https://"):
        raise Wrong("Set server.public_url to the https address Salesforce reaches.")
    kid = certificate or next((key.kid for key in org.keys if key.kid), None)
    if kid is None or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,79}", kid):
        raise Wrong(
            f"Name the org's signing certificate with --certificate, or as kid in orgs.{name}.keys: letters, digits, _",
        )
    return Values(
        org=name,
        address=address,
        certificate=kid,
        audience=server.audience,
        automation=min(org.automation_subjects, default=_AUTOMATION.strip("<>")),
        issuer=org.issuer if literal_org_id or org.issuer != org.id else None,
        org_id=org.id if literal_org_id else None,
        sandbox=str(org.salesforce.is_sandbox).lower() if literal_org_id else None,
    )


def render(root: Path, told: Values) -> dict[str, str]:
    """Path below the folder → text. Raises Wrong where anything is left to be filled in."""
    files = {"sfdx-project.json": PROJECT_FILE}
    for path in sorted((root / "unpackaged").glob("*Credentials/*-meta.xml")):
        text = _credential(path.read_text(encoding="utf-8"), told, named=path.parent.name == "namedCredentials")
        files[f"{CREDENTIALS}/{path.parent.name}/{path.name}"] = text
    if told.client_app is not None:
        for path in sorted((root / "unpackaged" / CLIENT_APP).glob("*/*.template")):
            text = _filled(path.read_text(encoding="utf-8").replace(_ADDRESS, xml_text(told.address)), told.client_app)
            files[f"{CLIENT_APP}/{path.parent.name}/{path.name.removesuffix('.template')}"] = text
    if len(files) == 1:
        raise not_ours(root)
    for name, text in files.items():
        if left := _LEFT.findall(text):
            raise Wrong(f"{name}: {', '.join(sorted(set(left)))} is filled by nothing.")
    return files


def _credential(text: str, told: Values, *, named: bool) -> str:
    org_id = told.org_id if named else told.issuer
    for old, new in (
        (_ADDRESS, told.address),
        (_CERTIFICATE, told.certificate),
        (_AUDIENCE, f">{xml_text(told.audience)}<"),
        (_AUTOMATION, f">{xml_text(told.automation)}<"),
        (_ORG_ID, org_id or _ORG_ID),
        (_SANDBOX, told.sandbox or _SANDBOX),
    ):
        text = text.replace(old, new)
    return text


def _filled(text: str, given: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: xml_text(given.get(match[1], match[0])), text)


def client_app(org: Org, contact_email: str, login_certificate: Path, permission_set_id: str) -> dict[str, str]:
    """What the templates of the app need; the certificate must be that of the configured login key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from gateway.ids import salesforce_id

    try:
        certificate = x509.load_pem_x509_certificate(login_certificate.read_bytes())
    except (OSError, ValueError) as exc:
        raise Wrong(f"{login_certificate} cannot be read as a certificate (PEM).") from exc
    if certificate.public_key() != org.salesforce.private_key.public_key():
        raise Wrong(f"{login_certificate} does not belong to the private key of this org's login: use its own.")
    if not re.fullmatch(r"[^@\s<>&]+@[^@\s<>&]+", contact_email):
        raise Wrong(f"{contact_email} is not an e-mail address.")
    if not permission_set_id.startswith("0PS"):
        raise Wrong("The id of a permission set begins with 0PS.")
    return {
        "contact_email": contact_email,
        # Of the file nothing but the certificate, whatever else stands in it.
        "certificate_pem": certificate.public_bytes(Encoding.PEM).decode().strip(),
        "permission_set_id": salesforce_id(permission_set_id, field="permission_set_id"),
    }
