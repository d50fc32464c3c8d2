"""
The Apex classes under apex-ls (types and references) and PMD (security, performance, errors, practices).

Neither executes Apex: nothing outside Salesforce does. ``tools/ensure-java`` and ``tools/ensure-node`` bring the tools.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.metadata.tree import ROOT
from tests.support.tools import PATH, demand

TOOLS = Path(__file__).parents[1] / "salesforce_tools"
MODERATE = 3  # 1 is critical; 4 and 5 are matters of taste

# File, what is replaced by what, what says so. Each is an error that these two tools find and our own checks do not.
DEFECTS = {
    "a method nobody has": ("StripeGatewayClient", "response.getBody()", "response.getText()", "getText"),
    "a type nobody has": ("StripeOutboxJob", "AsyncOptions options", "AsyncOption options", "AsyncOption"),
    "a member of the wrong type": ("StripeGatewayAnswer", "answer.pending = true", "answer.pending = 'yes'", "Boolean"),
    "a field that does not exist": ("StripeOverview", "row.Total_Display__c", "row.Total_Shown__c", "Total_Shown__c"),
    "a method that returns nothing": (
        "StripeRights",
        "return FeatureManagement.checkPermission('Stripe_Refund');",
        "",
        "return",
    ),
    "a label nobody wrote": ("StripeActionRunner", "Stripe_Gateway_Not_Saved", "Stripe_Not_Saved", "Stripe_Not_Saved"),
    "a class that decides on no sharing": ("StripeRights", "public with sharing", "public", "ApexSharingViolations"),
    "a query in a loop": (
        "StripeOutboxJob",
        "for (Stripe_Action__c row : inserted) {",
        "for (Stripe_Action__c row : inserted) {\nupdate new Account();",
        "OperationWithLimitsInLoop",
    ),
    "a query that asks for no permission": (
        "StripeRights",
        "return action == REFUND",
        "List<Contact> x = [SELECT Id FROM Contact];\nreturn action == REFUND",
        "ApexCRUDViolation",
    ),
    "an endpoint of its own": (
        "StripeGatewayClient",
        "(isAutomated() ? FOR_AUTOMATION : FOR_PEOPLE) + path",
        "'http://gateway.example.com/v1'",
        "ApexInsecureEndpoint",
    ),
    "an id of one org": ("StripeRights", "'refund-payment'", "'005300000000001'", "AvoidHardcodingId"),
    "an error that is swallowed": (
        "StripeGatewayJson",
        "            return null;\n        }\n    }\n",
        "        }\n        return null;\n    }\n",
        "EmptyCatchBlock",
    ),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the tools say of the project, and of a copy with every defect in it."""
    demand("node", "java", packages=TOOLS)
    spoiled = tmp_path_factory.mktemp("spoiled") / "project"
    spoil(spoiled)
    command = ["node", str(TOOLS / "apex.mjs"), str(ROOT), str(spoiled)]
    run = subprocess.run(command, env=os.environ | {"PATH": PATH}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    clean, wrong = json.loads(run.stdout)
    return clean, wrong


def spoil(project: Path) -> None:
    shutil.copytree(ROOT, project)
    for name, (owner, old, new, _) in DEFECTS.items():
        [path] = project.rglob(f"{owner}.cls")
        text = path.read_text(encoding="utf-8")
        assert old in text, name
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def findings(told: dict[str, Any]) -> list[Any]:
    return [*told["types"], *(each for each in told["practices"] if each["severity"] <= MODERATE)]


def test_the_apex_classes_are_clean(told: tuple[dict[str, Any], dict[str, Any]]) -> None:
    clean, _ = told

    assert clean["files"] == len(list(ROOT.rglob("*.cls"))) + len(list(ROOT.rglob("*.trigger")))
    assert len(clean["rules"]) >= 50
    assert findings(clean) == []


def test_the_tools_find_what_is_wrong(told: tuple[dict[str, Any], dict[str, Any]]) -> None:
    _, wrong = told

    found = json.dumps(findings(wrong))

    assert [name for name, (_, _, _, says) in DEFECTS.items() if says not in found] == []
