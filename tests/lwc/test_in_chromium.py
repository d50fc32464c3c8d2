"""
Each state of the Lightning components in a real Chromium, with Salesforce's own base components and design system.

``tools/build-lwc`` bundles them, ``harness/look.js`` plays every state of ``harness/states.js`` at the width of a
desktop and of a phone and writes down what is there; what must be there is in ``expected.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.lwc.expected import EXPECTED, Look
from tests.lwc.node import HERE, ROOT, node
from tests.support.tools import PATH, demand

BUNDLE = ROOT / "build" / "lwc"
SHIPPED = ROOT / "gateway" / "sandbox" / "salesforce" / "lwc"
FILES = ("stripe-payments.js", "stripe-payments.css")
LIMIT = 1_000_000  # bytes of script and styles together: a page must not wait for them


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_state_is_what_a_person_needs_at_both_widths(tmp_path: Path) -> None:
    demand("node", os.environ.get("CHROMIUM", "/usr/bin/chromium"), packages=HERE)
    build = subprocess.run(
        [ROOT / "tools" / "build-lwc", BUNDLE],
        env=os.environ | {"PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stdout + build.stderr

    run = node(HERE / "harness" / "look.js", BUNDLE, tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert set(seen) == {f"{name}-{width}" for name in EXPECTED for width in ("desktop", "phone")}
    problems = {
        place: found for place, look in seen.items() if (found := wrong(EXPECTED[place.rpartition("-")[0]], look))
    }
    assert not problems, json.dumps(problems, indent=1, ensure_ascii=False)
    assert sum((BUNDLE / name).stat().st_size for name in FILES) < LIMIT
    assert [name for name in FILES if (BUNDLE / name).read_bytes() != (SHIPPED / name).read_bytes()] == []


def wrong(expected: Look, seen: dict[str, Any]) -> list[str]:
    """Everything in a look that is not as it should be."""
    told = seen["snapshot"].replace("\u00a0", " ")
    focus = seen["focus"]["text"].replace("\u00a0", " ")
    calls = Counter(call["method"] for call in seen["calls"])
    found = [f"could not be played: {seen['problem']}"] if seen["problem"] else []
    found += [f"does not show {part}" for part in expected.shows if part not in told]
    found += [f"shows {part}" for part in expected.hides if part in told]
    found += [f"the browser complains: {error}" for error in seen["errors"]]
    found += [f"axe complains: {violation}" for violation in seen["axe"]]
    found += [f"does not fit: {element}" for element in seen["doesNotFit"]]
    if expected.focus and not focus.startswith(expected.focus):
        found.append(f"the focus is on {seen['focus']}, not on {expected.focus}")
    if seen["dialogs"] != expected.dialogs:
        found.append(f"{seen['dialogs']} dialogs")
    found += [
        f"{method} was called {calls[method]} times"
        for method, n in (expected.calls or {}).items()
        if calls[method] != n
    ]
    return found


def test_a_look_that_is_wrong_is_called_wrong() -> None:
    good = {
        "snapshot": 'button "Send\u00a0invoice"', "focus": {"tag": "button", "text": "Send invoice"}, "dialogs": 1,
        "calls": [{"method": "run"}], "problem": None, "errors": [], "axe": [], "doesNotFit": [],
    }  # fmt: skip
    expected = Look(('button "Send invoice"',), ("alert",), focus="Send", calls={"run": 1})
    changes: list[dict[str, Any]] = [
        {"snapshot": ""}, {"snapshot": good["snapshot"] + "alert"}, {"focus": {"tag": "body", "text": ""}},
        {"dialogs": 2}, {"calls": [{"method": "run"}, {"method": "run"}]}, {"problem": "x"}, {"errors": ["x"]},
        {"axe": ["x"]}, {"doesNotFit": ["x"]},
    ]  # fmt: skip

    assert wrong(expected, good) == []
    assert [len(wrong(expected, {**good, **change})) for change in changes] == [1] * len(changes)
