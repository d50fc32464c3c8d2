"""The sandbox's card is built from the components as they are; what answers it is shaped as the Apex classes say."""

from __future__ import annotations

import hashlib
import re

import pytest

from gateway.sandbox.salesforce.answers import blank, empty_preview
from gateway.sandbox.salesforce.controller import MEMBERS
from gateway.sandbox.salesforce.overview import INVOICE, LINK, PAYMENT, REFUNDED, RUNNING
from tests.lwc.node import CORE, HERE, ROOT

BUILT = ROOT / "gateway" / "sandbox" / "salesforce" / "lwc"
SOURCES = (CORE / "lwc", CORE / "labels", HERE / "harness")
CLASSES = CORE / "classes"


def checksum() -> str:
    """As tools/build-lwc takes it: sha256sum's lines of every source, in the order of their paths."""
    files = [path for folder in SOURCES for path in folder.rglob("*") if path.is_file()]
    names = sorted((str(path.relative_to(ROOT)) for path in (*files, HERE / "package-lock.json")), key=str.encode)
    lines = [f"{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_card_of_the_sandbox_is_built_from_these_components() -> None:
    built = (BUILT / "sources.sha256").read_text().strip()

    assert built == checksum(), "the components changed: run tools/build-lwc gateway/sandbox/salesforce/lwc"


def test_the_options_that_pass_are_those_of_the_apex_controller() -> None:
    source = (CLASSES / "StripePaymentsController.cls").read_text()
    table = source[source.index("MEMBERS = ") : source.index("/** Everything the card shows")]
    lists = re.findall(r"'([\w-]+)' => new Set<String>\{(.*?)\}", table, re.DOTALL)

    assert {action: frozenset(re.findall(r"'(\w+)'", names)) for action, names in lists} == MEMBERS


def members(source: str) -> set[str]:
    """What a class or an inner class, told by its text, shows to components."""
    return set(re.findall(r"@AuraEnabled\s+public (?:[\w.<>]+) (\w+)", source))


def inner(source: str, name: str) -> set[str]:
    body = re.search(rf"public class {name} \{{(.*?)\n    \}}", source, re.DOTALL)
    assert body
    return members(body[1])


def outer(source: str) -> set[str]:
    return members(re.sub(r"public class \w+ \{.*?\n    \}", "", source, flags=re.DOTALL))


def test_answers_and_previews_have_the_members_of_their_apex_classes() -> None:
    answer, preview = ((CLASSES / f"StripeGateway{name}.cls").read_text() for name in ("Answer", "Preview"))

    assert outer(answer) == set(blank("pending"))
    assert outer(preview) == set(empty_preview())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Invoice", {"id", "statusLabel", "overdue", *INVOICE.values()}),
        ("Link", {"id", "statusLabel", *LINK.values()}),
        ("Refund", {"id", "statusLabel", *REFUNDED.values()}),
        ("Payment", {"id", "statusLabel", "refundableText", *PAYMENT.values()}),
        ("Running", {"id", "startedAt", *RUNNING.values()}),
    ],
)
def test_rows_of_the_overview_have_the_members_of_their_apex_classes(name: str, shown: set[str]) -> None:
    assert inner((CLASSES / "StripeOverview.cls").read_text(), name) == shown
