"""The simulated world's clock: real time plus an offset that only ever grows, so waiting days takes no time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class SandboxClock:
    """Epoch seconds; ``moved`` holds what has to run when somebody pulls the clock forward."""

    offset: float = 0.0
    moved: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> float:
        return time.time() + self.offset

    def advance(self, seconds: float) -> float:
        if seconds < 0:
            raise ValueError("the sandbox clock only moves forward")
        self.offset += seconds
        for callback in self.moved:
            callback()
        return self.now()
