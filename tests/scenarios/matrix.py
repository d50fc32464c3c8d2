"""
The fault matrix: every kind of fault the simulators know, at every call a story makes to Stripe or Salesforce.

The calls are not listed here but recorded from a clean run. Of the product of calls and kinds, ``sample`` draws a part
in which no call and no kind is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gateway.sandbox.faults import WIRE_KINDS
from gateway.sandbox.salesforce.faults import RECORD_KINDS, REQUEST_KINDS
from gateway.sandbox.stripe.trouble import APP_KINDS
from tests.scenarios.lab import Lab

_ID = re.compile(r"(?<=/)[a-z]+_(?=[^/]*[0-9A-Z])[^/]+")
_RECORD = re.compile(r"/sobjects/(?P<sobject>\w+)/")
_LOGIN = "/services/oauth2/token"


@dataclass(frozen=True, order=True)
class Step:
    """A call of a story: the ``nth`` (from 1) that fits. With ``sobject`` it is a record written by any call."""

    upstream: str
    method: str
    path: str
    nth: int = 1
    sobject: str = ""

    @property
    def family(self) -> str:
        """Which kinds of fault it can meet."""
        if self.sobject:
            return "record"
        return "login" if self.path == _LOGIN else self.upstream

    def __str__(self) -> str:
        if self.sobject:
            return f"Salesforce record of {self.sobject}"
        return f"{self.upstream.capitalize()} {self.method} {self.path}" + (f" ({self.nth})" if self.nth > 1 else "")


@dataclass(frozen=True, order=True)
class Kind:
    """``when``: before or after the upstream has done its work."""

    name: str
    when: str

    def __str__(self) -> str:
        return f"{self.name} {self.when}"


def _kinds(*tables: dict[str, Any]) -> tuple[Kind, ...]:
    merged = {name: when for table in tables for name, when in table.items()}
    return tuple(Kind(name, when) for name, when in merged.items())


# The nastiest answer there is: the work was done, and an error is what Stripe keeps under the key.
DONE_BUT_REFUSED = Kind("http_500", "after")
KINDS: dict[str, tuple[Kind, ...]] = {
    "stripe": (*_kinds(dict(WIRE_KINDS), dict(APP_KINDS)), DONE_BUT_REFUSED),
    "salesforce": _kinds(dict(WIRE_KINDS), REQUEST_KINDS),
    "login": _kinds(dict(WIRE_KINDS)),
    "record": tuple(Kind(name, "before") for name in RECORD_KINDS),
}


@dataclass(frozen=True, order=True)
class Case:
    step: Step
    kind: Kind

    def __str__(self) -> str:
        return f"{self.kind} at {self.step}"


def recorded(lab: Lab, since: dict[str, int]) -> list[Step]:
    """The calls (and records written) since then, as steps; numbered the way a fault counts them."""
    steps: list[Step] = []
    for upstream, after in since.items():
        calls = [(c["method"], c["path"], c["params"]) for c in lab.calls(upstream, after)]
        # Actions read by Composite; a query of its own is the look at the outbox, which comes once a minute.
        calls = [
            call for call in calls if call[1].startswith(("/v1/", "/services/")) and not call[1].endswith("/query")
        ]
        for n, (method, path, _) in enumerate(calls):
            shape = _ID.sub("*", path)
            before = [1 for earlier, where, _ in calls[:n] if earlier == method and fnmatchcase(where, shape)]
            steps.append(Step(upstream, method, shape, len(before) + 1))
        written = {name for _, _, params in calls for name in _sobjects(params)}
        steps += [Step(upstream, "*", "*", 1, name) for name in sorted(written)]
    return steps


def _sobjects(params: Any) -> Iterable[str]:
    for graph in params.get("graphs", ()) if isinstance(params, dict) else ():
        for part in graph["compositeRequest"]:
            if part["method"] != "GET":
                yield _RECORD.search(part["url"])["sobject"]  # type: ignore[index]  # a graph writes records only


def marks(lab: Lab) -> dict[str, int]:
    """Where the logs of both simulators stand."""
    return {upstream: max((c["n"] for c in lab.calls(upstream)), default=0) for upstream in ("stripe", "salesforce")}


def product(steps: Sequence[Step]) -> list[Case]:
    """Everything with everything."""
    return [Case(step, kind) for step in steps for kind in KINDS[step.family]]


def sample(steps: Sequence[Step], seed: int, part: int, parts: int) -> list[Case]:
    """
    One of ``parts`` samples: in each no step is left out, in all of them together no kind of fault.

    What is drawn depends on the arguments only.
    """
    cases: set[Case] = set()
    for family in sorted({step.family for step in steps}):
        dice = random.Random(f"{seed} {family} {part}")
        mine = [step for step in steps if step.family == family]
        dice.shuffle(mine)
        kinds = list(KINDS[family])
        random.Random(f"{seed} {family}").shuffle(
            kinds
        )  # the same order in all parts, so that they share the kinds out
        due = kinds[part::parts]
        rest = [dice.choice(kinds) for _ in range(len(mine) - len(due))]
        cases |= {Case(mine[n % len(mine)], kind) for n, kind in enumerate([*due, *rest])}
    return sorted(cases)
