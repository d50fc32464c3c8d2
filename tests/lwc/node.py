"""Running the Node tools of this folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.tools import PATH, demand

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORE = ROOT / "salesforce_metadata" / "main" / "core"


def node(*arguments: str | Path, cwd: Path = ROOT, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """One Node program, with the packages of this folder."""
    demand("node", packages=HERE)
    return subprocess.run(
        ["node", *map(str, arguments)],
        cwd=cwd,
        input=text,
        env=os.environ | {"PATH": PATH, "FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
