"""Programs from outside Python that a check needs: left out where one is missing, which is an error in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join([str(ROOT / "var" / "node" / "bin"), os.environ["PATH"]])  # Node as tools/ensure-node leaves it


def demand(*programs: str, packages: Path) -> None:
    """``packages``: the folder whose npm packages are needed. `make test` brings all of it or says what is missing."""
    lacking = [name for name in programs if shutil.which(name, path=PATH) is None]
    lacking += [] if (packages / "node_modules").is_dir() else [f"the npm packages of {packages.relative_to(ROOT)}"]
    if lacking:
        words = f"missing: {', '.join(lacking)}; `make test` brings it with tools/ensure-java, -chromium and -node"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(words)
