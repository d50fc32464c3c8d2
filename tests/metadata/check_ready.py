"""Switched on and usable where it is deployed: states, form factors, compact layouts, and who a token names."""

from __future__ import annotations

from collections.abc import Iterator

from tests.metadata.tree import Component, Tree

ORG = "{!$Organization.Id}"
SUBJECTS = {"PerUserPrincipal": "{!$User.Id}", "NamedPrincipal": "gateway-automation"}
FORM_FACTORS = {"Large", "Small"}
NOT_COMPACT = {"Html", "LongTextArea", "MultiselectPicklist"}  # Salesforce refuses these in a compact layout


def findings(tree: Tree) -> list[str]:
    """Everything that would be deployed and then not be there."""
    checks = (_states, _identity, _form_factors, _compact)
    return [problem for check in checks for problem in check(tree)]


def _states(tree: Tree) -> Iterator[str]:
    for name, each in tree.named("CustomObject").items():
        if name.endswith("__c") and not each.text("customSettingsType") and each.text("deploymentStatus") != "Deployed":
            yield f"{name}: nobody sees an object that is not deployed"
    for name, each in tree.named("ReportType").items():
        if each.text("deployed") != "true":
            yield f"report type {name}: nobody sees it unless it is deployed"
    for name, each in tree.named("NamedCredential").items():
        if each.text("calloutStatus") != "Enabled":
            yield f"named credential {name}: allows no callouts"
    for each in tree.of("Flow"):
        if each.path.parts[0] != "examples" and each.text("status") != "Active":
            yield f"flow {each.name}: does nothing unless it is active"


def _identity(tree: Tree) -> Iterator[str]:
    for name, credential in tree.named("ExternalCredential").items():
        claims = _parameters(credential, "JwtBodyClaim")
        kinds = {row["parameterType"] for row in credential.rows("externalCredentialParameters")}
        wanted = [("iss", ORG), *(("sub", who) for kind, who in SUBJECTS.items() if kind in kinds)]
        for claim, value in wanted:
            if claims.get(claim) != value:
                yield f"external credential {name}: {claim} is {claims.get(claim)}, the gateway expects {value}"


def _parameters(credential: Component, kind: str) -> dict[str, str]:
    rows = credential.rows("externalCredentialParameters")
    return {row["parameterName"]: row.get("parameterValue", "") for row in rows if row["parameterType"] == kind}


def _form_factors(tree: Tree) -> Iterator[str]:
    for name, bundle in tree.named("LightningComponentBundle").items():
        for config in bundle.each("targetConfigs/targetConfig"):
            if "lightning__RecordPage" in config.get("targets", ""):
                offered = {each.get("type") for each in config.iter() if each.tag.endswith("supportedFormFactor")}
                missing = sorted(FORM_FACTORS - offered)
                yield from (f"lwc {name}: cannot be placed on pages of form factor {each}" for each in missing)


def _compact(tree: Tree) -> Iterator[str]:
    for layout in tree.of("CompactLayout"):
        for element in layout.each("fields"):
            field = tree.fields.get((layout.sobject, element.text or ""))
            if field is not None and field.text("type") in NOT_COMPACT:
                yield f"compact layout {layout.sobject}.{layout.name}: {field.name} is a {field.text('type')}"
