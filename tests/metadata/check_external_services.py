"""
Registrations for External Services: tied to a credential, complete, with a document that Salesforce takes, and with no
action that gives money back: such an action has no class access and asks no custom permission.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from gateway import actions
from gateway.web.external_services import identifier
from tests.metadata.tree import Component, Tree
from tests.web import external_services_rules as rules

EXPECTED = {"schemaType": "OpenApi", "schemaUploadFileExtension": "json", "registrationProviderType": "Custom",
            "status": "Complete"}  # fmt: skip


def findings(tree: Tree) -> list[str]:
    """Everything that would not register, or would call nobody."""
    credentials = set(tree.named("NamedCredential"))
    return [
        f"external service {name}: {problem}"
        for name, registration in tree.named("ExternalServiceRegistration").items()
        for problem in (*_header(registration, credentials), *_document(registration))
    ]


def _header(registration: Component, credentials: set[str]) -> Iterator[str]:
    if registration.text("namedCredential") not in credentials:
        yield f"named credential {registration.text('namedCredential')} does not exist"
    for tag, value in EXPECTED.items():
        if registration.text(tag) != value:
            yield f"{tag} is not {value}"


def _document(registration: Component) -> Iterator[str]:
    try:
        document = json.loads(registration.text("schema"))
    except ValueError:
        yield "its schema is not JSON"
        return
    yield from rules.findings(document)
    told = {operation.get("operationId") for _, _, operation in rules.operations(document)}
    yield from (f"operation {name} gives money back and asks no permission" for name in sorted(told & _money_out()))
    active = {row["name"] for row in registration.rows("operations") if row["active"] == "true"}
    yield from (f"operation {name} is not in its schema" for name in sorted(active - told))
    yield from (f"operation {name} is not active" for name in sorted(told - active))


def _money_out() -> set[str]:
    names = [action.name for action in actions.registry().values() if action.money_out]
    return {identifier(name) for name in names} | {identifier("preview", name) for name in names}
