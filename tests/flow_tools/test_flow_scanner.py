"""Every shipped flow before the flow scanner: hard-coded ids, database work in loops, missing fault paths and more."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.tools import PATH, demand

HERE = Path(__file__).parent
METADATA = HERE.parents[1] / "salesforce_metadata"
FLOWS = sorted(METADATA.rglob("*.flow-meta.xml"))
CLOSED_WON = METADATA / "examples/flows/Stripe_Invoice_on_Closed_Won.flow-meta.xml"


def scan(*flows: Path) -> dict[str, Any]:
    demand("node", packages=HERE)
    command = ["node", str(HERE / "scan.mjs"), *map(str, flows)]
    done = subprocess.run(
        command, cwd=HERE, check=True, capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": PATH}
    )
    return json.loads(done.stdout)


def test_the_scanner_finds_nothing_in_any_flow():
    result = scan(*FLOWS)

    drafts = {"InactiveFlow"}  # examples are drafts on purpose; tests/metadata sees to that
    assert [each for each in result["findings"] if each["rule"] not in drafts] == []
    assert result["flows"] == len(FLOWS)
    assert {"MissingFaultPath", "HardcodedId", "DMLStatementInLoop", "UnconnectedElement"} <= set(result["rules"])


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<stringValue>High<", "<stringValue>0015g00000XyZabAAB<", "HardcodedId"),
        ("<name>Was_It_Queued</name>", "<name>Was_It_Sent</name>", "UnconnectedElement"),
    ],
)
def test_the_scanner_bites(tmp_path, old, new, rule):
    bad = tmp_path / CLOSED_WON.name
    text = CLOSED_WON.read_text(encoding="utf-8")
    assert old in text
    bad.write_text(text.replace(old, new, 1), encoding="utf-8")

    assert rule in {each["rule"] for each in scan(bad)["findings"]}
