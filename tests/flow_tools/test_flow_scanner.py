"""Every shipped flow before the flow scanner: hard-coded ids, database work in loops, missing fault paths and more."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
METADATA = HERE.parents[1] / "salesforce_metadata"
FLOWS = sorted(METADATA.rglob("*.flow-meta.xml"))
CLOSED_WON = METADATA / "examples/flows/Stripe_Invoice_on_Closed_Won.flow-meta.xml"


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """The locked packages, installed again when the lock changes."""
    assert shutil.which("npm"), "Node 20 or newer with npm is missing: apt-get install nodejs npm"
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules/.lock"
    if not stamp.exists() or stamp.read_text() != lock:
        subprocess.run(["npm", "ci"], cwd=HERE, check=True, capture_output=True, timeout=110)
        stamp.write_text(lock)


def scan(*flows: Path) -> dict[str, Any]:
    command = ["node", str(HERE / "scan.mjs"), *map(str, flows)]
    done = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=60)
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
