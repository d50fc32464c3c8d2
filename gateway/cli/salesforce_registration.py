"""The registration that makes every action one of Flow's, without Apex (External Services)."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape as xml_text

NAME = "Stripe_Gateway"
FILE = f"externalServiceRegistrations/{NAME}.externalServiceRegistration-meta.xml"


def registration(named_credential: str, *, refunds: bool) -> str:
    """An ExternalServiceRegistration with the document as it is now."""
    from gateway.web import external_services

    document = external_services.document(money_out=refunds)
    names = sorted(each["operationId"] for item in document["paths"].values() for each in item.values())
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ExternalServiceRegistration xmlns="http://soap.sforce.com/2006/04/metadata">',
        "    <description>Actions of the Stripe gateway, for flows without Apex.</description>",
        "    <label>Stripe Gateway</label>",
        f"    <namedCredential>{xml_text(named_credential)}</namedCredential>",
        *(
            f"    <operations>\n        <active>true</active>\n        <name>{name}</name>\n    </operations>"
            for name in names
        ),
        "    <registrationProviderType>Custom</registrationProviderType>",
        f"    <schema>{xml_text(json.dumps(document, indent=1, ensure_ascii=False))}</schema>",
        "    <schemaType>OpenApi</schemaType>",
        "    <schemaUploadFileExtension>json</schemaUploadFileExtension>",
        "    <schemaUploadFileName>stripe-gateway</schemaUploadFileName>",
        "    <status>Complete</status>",
        "</ExternalServiceRegistration>",
    ]
    return "\n".join(lines) + "\n"
