#!/usr/bin/env python3
"""
Write the subset of Salesforce's Metadata API schema that the metadata tests check against.

    npm pack @salesforce/types@1.9.0 && tar xzf salesforce-types-1.9.0.tgz
    tools/extract_metadata_schema.py package/lib/metadata.d.ts > tests/metadata/schema.json

Salesforce generates that file from the Metadata API WSDL: cardinality and the values of enumerations are all there.
Later versions also drop types, so the version is pinned. Add a type to ROOTS before adding metadata of that type.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOTS = (
    "ApexClass", "ApexTrigger", "CompactLayout", "CustomApplication", "CustomField", "CustomLabels", "CustomObject",
    "CustomPermission", "CustomTab", "Dashboard", "Folder", "ExternalClientApplication", "ExternalCredential",
    "ExternalServiceRegistration", "ExtlClntAppGlobalOauthSettings", "ExtlClntAppOauthConfigurablePolicies",
    "ExtlClntAppOauthSettings", "FlexiPage", "Flow", "Layout", "LightningComponentBundle", "ListView",
    "NamedCredential", "PermissionSet", "PermissionSetGroup", "QuickAction", "Report", "ReportType", "ValidationRule",
)  # fmt: skip
SCALARS = {"string": "string", "boolean": "boolean", "number": "number", "any": "string"}

ENUM = re.compile(r"^export type (\w+) = ('[^;]*');$", re.MULTILINE)
TEXT = re.compile(r"^export type (\w+) = string;$", re.MULTILINE)
ALIAS = re.compile(r"^export type (\w+) = (Folder);$", re.MULTILINE)
TYPE = re.compile(r"^export type (\w+) = (?:(\w+) & )?\{\n(.*?)^\};$", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^    (\w+)(\??): (\w+)(\[\])?;$", re.MULTILINE)


def extract(source: str) -> dict[str, dict[str, object]]:
    """``types``: name → base and members ``[type, "1" | "?" | "*"]``; ``enums``: name → values."""
    enums = {name: re.findall(r"'([^']*)'", values) for name, values in ENUM.findall(source)}
    texts = set(TEXT.findall(source))
    bodies = {name: (base, MEMBER.findall(body)) for name, base, body in TYPE.findall(source)}
    types: dict[str, object] = {name: {"base": base, "members": {}} for name, base in ALIAS.findall(source)}
    used: dict[str, object] = {}
    wanted = list(ROOTS)
    while wanted:
        name = wanted.pop()
        if name in enums:
            used[name] = enums[name]
        if name not in bodies or name in types:
            continue
        base, members = bodies[name]
        kinds = {member: "string" if kind in texts else SCALARS.get(kind, kind) for member, _, kind, _ in members}
        types[name] = {
            "base": base or None,
            "members": {member: [kinds[member], "*" if many else maybe or "1"] for member, maybe, _, many in members},
        }
        wanted += [base, *kinds.values()]
    return {"types": dict(sorted(types.items())), "enums": dict(sorted(used.items()))}


if __name__ == "__main__":
    json.dump(extract(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.stdout, indent=1)
    print()
