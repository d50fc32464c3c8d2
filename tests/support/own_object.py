"""The project's metadata as an org has it that bills an object of its own, ``Project__c``."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.cli.salesforce_package import PROJECT
from gateway.projections.rows import POINTING

PROJECT_OBJECT = """<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <deploymentStatus>Deployed</deploymentStatus>
    <label>Project</label>
    <nameField><label>Project Name</label><type>Text</type></nameField>
    <pluralLabel>Projects</pluralLabel>
    <sharingModel>ReadWrite</sharingModel>
</CustomObject>
"""


def metadata_with_projects(folder: Path, *, lookups: tuple[str, ...] = POINTING) -> Path:
    """A copy of ``salesforce_metadata/`` with the stamp on ``Project__c`` and a lookup to it on ``lookups``."""
    tree = folder / "metadata"
    shutil.copytree(PROJECT, tree)
    core = tree / "main/core/objects"
    own = core / "Project__c"
    shutil.copytree(core / "Opportunity/fields", own / "fields")
    (own / "Project__c.object-meta.xml").write_text(PROJECT_OBJECT)
    for ours in lookups:
        [template] = tree.glob(f"optional/orders/objects/{ours}/fields/Order__c.field-meta.xml")
        text = template.read_text().replace("Order", "Project")
        text = text.replace("<referenceTo>Project<", "<referenceTo>Project__c<")
        [fields] = tree.glob(f"main/*/objects/{ours}/fields")
        (fields / "Project__c.field-meta.xml").write_text(text)
    return tree
