"""``gateway demo`` to its end: every chapter as promised, the summary, exit code 0, and nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CHAPTERS = 8
MOST_SECONDS = 300  # only ends what hangs; it takes some ten


def test_the_demo_ends_as_promised(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "120", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "gateway", "demo"]

    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=MOST_SECONDS, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.findall(r"^(\d)\. ", ended.stdout, re.MULTILINE) == [str(n + 1) for n in range(CHAPTERS)]
    assert re.search(r"^As promised, in [0-9.]+ s\.", ended.stdout, re.MULTILINE)
    assert "Not as promised" not in ended.stdout
    assert list(tmp_path.iterdir()) == []
