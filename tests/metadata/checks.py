"""All checks of the metadata as one, and the names that other work still has to bring."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.metadata import (
    check_access,
    check_apex,
    check_classes,
    check_code,
    check_credentials,
    check_external_services,
    check_flows,
    check_lwc,
    check_reports,
    check_rules,
    check_schema,
    check_screens,
    check_soql,
)
from tests.metadata.apex import classes
from tests.metadata.lwc import bundles
from tests.metadata.tree import Tree
from tests.metadata.written import Written


def awaited() -> frozenset[str]:
    """Apex classes and components that are named here and built elsewhere; none once all is in one tree."""
    path = Path(__file__).with_name("awaited.txt")
    return frozenset(path.read_text(encoding="utf-8").split()) if path.exists() else frozenset()


def findings(tree: Tree, written: Mapping[tuple[str, str], Written]) -> list[str]:
    """Everything any check has to say; a tree that is not metadata at all is looked at no further."""
    names = awaited()
    return check_schema.findings(tree) or [
        *check_rules.findings(tree),
        *check_code.findings(tree, written),
        *check_access.findings(tree, names),
        *check_screens.findings(tree, names),
        *check_reports.findings(tree),
        *check_flows.findings(tree, names),
        *check_apex.findings(tree),
        *check_classes.findings(tree),
        *check_soql.findings(tree),
        *check_lwc.findings(tree, names),
        *check_credentials.findings(tree),
        *check_external_services.findings(tree),
        *(f"{name} is awaited no longer: take it off awaited.txt" for name in sorted(names & _there(tree))),
    ]


def _there(tree: Tree) -> set[str]:
    return {*classes(tree), *bundles(tree)}
