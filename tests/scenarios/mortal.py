"""
A gateway that kills itself, with SIGKILL, at the point that a file names: ``python -m tests.scenarios.mortal serve …``.

``GATEWAY_TEST_DIE_AT`` is the file. It is looked at whenever something happens, so a process can be told at any time.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gateway.app
from gateway.__main__ import main
from tests.scenarios.effects import Effects

WHERE = "GATEWAY_TEST_DIE_AT"


class Mortal(Effects):
    """Effects, and the end of the process at one of them."""

    def __init__(self, order: Path) -> None:
        super().__init__()
        self._order = order

    def _meet(self, name: str | None) -> bool:
        if not self._order.exists():
            return False
        told = json.loads(self._order.read_text())
        if name == told["point"] and not told["after"]:
            self._die()
        return bool(name == told["point"])

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def order(path: Path, point: str, *, after: bool) -> None:
    """Have the process die at the next ``point``."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps({"point": point, "after": after}))
    half.rename(path)


def watched(build: Callable[..., Any]) -> Callable[..., Any]:
    """The composition root, with every effect of what it makes watched."""

    def built(*args: Any, **more: Any) -> Any:
        made = build(*args, **more)
        Mortal(Path(os.environ[WHERE])).watch(made)
        return made

    return built


if __name__ == "__main__":
    gateway.app.build = watched(gateway.app.build)
    main()
