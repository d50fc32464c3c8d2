"""The checks of the Apex classes are shown to bite: each defect is put into a class of ours and must be found."""

from __future__ import annotations

import pytest

from tests.metadata.apex_defects import DEFECTS
from tests.metadata.apex_source import sources
from tests.metadata.seeding import TREE, changed, found

SOURCES = sources(TREE)
LABELS = "main/core/labels/CustomLabels.labels-meta.xml"


def test_the_checks_see_every_query_method_and_input() -> None:
    there = SOURCES.values()

    queries = sum(len(list(source.queries())) + source.code.count("'SELECT '") for source in there)

    assert queries == sum(source.code.count("SELECT\n") + source.code.count("SELECT ") for source in there)
    for name in ("InvocableMethod", "InvocableVariable", "AuraEnabled"):
        seen = sum(len(source.annotated(name)) for source in there)
        assert seen == sum(source.code.count(f"@{name}") for source in there)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_in_a_class_is_found(name: str) -> None:
    owner, old, new, says = DEFECTS[name]
    source = SOURCES[owner]
    # A check may find it in every place that says so; one place must be enough.
    every = says == "calls out without asking"
    assert old in source.text, "the defect no longer applies"

    text = source.text.replace(old, new, -1 if every else 1)

    assert [finding for finding in found(TREE.adding(**{str(source.path): text})) if says in finding]


def test_an_apostrophe_in_a_label_with_a_place_is_found() -> None:
    tree = changed(LABELS, "Due in {0} days", "It's due in {0} days")

    assert [finding for finding in found(tree) if "takes an apostrophe" in finding]


def test_a_label_that_no_class_uses_is_found() -> None:
    tree = changed(LABELS, "<fullName>Stripe_Gateway_Due_On<", "<fullName>Stripe_Gateway_Due_At<")

    assert [finding for finding in found(tree) if "Stripe_Gateway_Due_At is used nowhere" in finding]
