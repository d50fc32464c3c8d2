"""Running the Node tools of this folder, and what is said where they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORE = ROOT / "salesforce_metadata" / "main" / "core"
PATH = os.pathsep.join([str(ROOT / "var" / "node" / "bin"), os.environ["PATH"]])


def node(*arguments: str | Path, cwd: Path = ROOT, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """One Node program, with the packages of this folder."""
    demand("node")
    return subprocess.run(
        ["node", *map(str, arguments)],
        cwd=cwd,
        input=text,
        env=os.environ | {"PATH": PATH, "FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def demand(*programs: str) -> None:
    """Skip where something is missing, which is an error in CI."""
    lacking = [name for name in programs if shutil.which(name, path=PATH) is None]
    lacking += [] if (HERE / "node_modules").is_dir() else ["the npm packages of tests/lwc"]
    words = f"missing: {', '.join(lacking)}; run tools/ensure-node tests/lwc and tools/ensure-chromium"
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(words)
    if lacking:
        pytest.skip(words)
