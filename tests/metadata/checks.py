"""All checks of the metadata as one, and the names that other work still has to bring."""

from __future__ import annotations

from collections.abc import Mapping

from tests.metadata import (
    check_access,
    check_apex,
    check_calls,
    check_classes,
    check_code,
    check_credentials,
    check_external_services,
    check_flow_values,
    check_flows,
    check_lwc,
    check_ready,
    check_reports,
    check_rules,
    check_schema,
    check_screens,
    check_soql,
    check_templates,
    check_tests,
)
from tests.metadata.tree import Tree
from tests.metadata.written import Written


def findings(tree: Tree, written: Mapping[tuple[str, str], Written]) -> list[str]:
    """Everything any check has to say; a tree that is not metadata at all is looked at no further."""
    return check_schema.findings(tree) or [
        *check_rules.findings(tree),
        *check_code.findings(tree, written),
        *check_access.findings(tree),
        *check_screens.findings(tree),
        *check_reports.findings(tree),
        *check_flows.findings(tree),
        *check_flow_values.findings(tree),
        *check_apex.findings(tree),
        *check_classes.findings(tree),
        *check_soql.findings(tree),
        *check_tests.findings(tree),
        *check_lwc.findings(tree),
        *check_templates.findings(tree),
        *check_calls.findings(tree),
        *check_ready.findings(tree),
        *check_credentials.findings(tree),
        *check_external_services.findings(tree),
    ]
