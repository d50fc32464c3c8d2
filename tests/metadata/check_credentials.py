"""Credentials: complete, tied to each other, pointing nowhere until set up, and without a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from tests.metadata.tree import Component, Tree

HEADERS = {"X-Salesforce-Org-Id", "X-Salesforce-Sandbox"}
CLAIMS = {"aud", "exp", "iss", "sub"}
# `.invalid` is reserved and never resolves: whoever forgets to set the address sends a token to nobody.
UNSET = re.compile(r"https://[\w.-]+\.invalid(?:/\w+)?")
SECRET = re.compile(r"-----BEGIN|consumerSecret>|consumerKey>|\b(?:sk|rk|pk)_(?:live|test)_|\bwhsec_|3MVG9")
PLACEHOLDER = re.compile(r"\{\{ *(\w+) *\}\}")
PLACEHOLDERS = {"certificate_pem", "contact_email", "permission_set_id"}


def findings(tree: Tree) -> list[str]:
    """Everything that would not authenticate, would go to a stranger, or should not be in a repository."""
    return [*_named(tree), *_external(tree), *_secrets(tree)]


def _named(tree: Tree) -> Iterator[str]:
    for name, credential in tree.named("NamedCredential").items():
        rows = list(credential.rows("namedCredentialParameters"))
        where = f"named credential {name}"
        if credential.text("namedCredentialType") != "SecuredEndpoint":
            yield f"{where}: only secured endpoints are supported by Salesforce in future"
        if credential.text("generateAuthorizationHeader") != "true":
            yield f"{where}: sends no token"
        if credential.text("allowMergeFieldsInBody") != "false":
            yield f"{where}: merge fields in bodies are not needed"
        if credential.text("allowMergeFieldsInHeader") != "true":
            yield f"{where}: formulas in headers would go out as they are written"
        addresses = [row["parameterValue"] for row in rows if row["parameterType"] == "Url"]
        if len(addresses) != 1 or not UNSET.fullmatch(addresses[0]):
            yield f"{where}: its address is set where it is deployed, not here"
        targets = [row.get("externalCredential") for row in rows if row["parameterType"] == "Authentication"]
        if len(targets) != 1 or targets[0] not in tree.named("ExternalCredential"):
            yield f"{where}: external credential {targets} does not exist"
        headers = {row["parameterName"] for row in rows if row["parameterType"] == "HttpHeader"}
        if headers != HEADERS:
            yield f"{where}: headers are {sorted(headers)}"


def _external(tree: Tree) -> Iterator[str]:
    for name, credential in tree.named("ExternalCredential").items():
        yield from (f"external credential {name}: {problem}" for problem in _claims(credential))
    used = {
        row.get("externalCredential")
        for each in tree.of("NamedCredential")
        for row in each.rows("namedCredentialParameters")
    }
    unused = set(tree.named("ExternalCredential")) - used
    yield from (f"external credential {name}: no named credential uses it" for name in sorted(unused))


def _claims(credential: Component) -> Iterator[str]:
    rows = list(credential.rows("externalCredentialParameters"))
    kinds = {row["parameterType"] for row in rows}
    if credential.text("authenticationProtocol") != "Jwt":
        yield "is not a JWT credential"
    claims = {row["parameterName"]: row["parameterValue"] for row in rows if row["parameterType"] == "JwtBodyClaim"}
    if set(claims) != CLAIMS:
        yield f"claims are {sorted(claims)}"
    if [row["parameterValue"] for row in rows if row["parameterName"] == "alg"] != ["RS256"]:
        yield "the gateway takes RS256 from Salesforce"
    if not any(row["parameterType"] == "SigningCertificate" and row.get("certificate") for row in rows):
        yield "names no signing certificate"
    principals = kinds & {"PerUserPrincipal", "NamedPrincipal"}
    if len(principals) != 1:
        yield "has one kind of principal"
    if ("PerUserPrincipal" in principals) != ("$User.Id" in claims.get("sub", "")):
        yield "a person calls under their own user id, an automation under a fixed name"
    if kinds & {"AuthHeader", "AuthParameter"}:
        yield "carries a parameter that could hold a secret"


@cache
def _secret(component: Component) -> bool:
    elements = [] if component.root is None else component.root.iter()
    return bool(SECRET.search(" ".join(f"{element.tag}> {element.text}" for element in elements)))


def _secrets(tree: Tree) -> Iterator[str]:
    for component in tree.components:
        if _secret(component):
            yield f"{component.path.name} holds a secret"
    for path, text in tree.texts.items():
        if SECRET.search(text):
            yield f"{path.name} holds a secret"
        if path.suffix == ".template":
            unknown = set(PLACEHOLDER.findall(text)) - PLACEHOLDERS
            yield from (f"{path.name}: placeholder {name} is filled by nothing" for name in sorted(unknown))
