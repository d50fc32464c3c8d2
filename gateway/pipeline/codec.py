"""Plans and requests as JSON and back. A plan is versioned: a process reads its own version and the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from gateway.errors import Misconfigured
from gateway.records import Json, Lookup, Plan, Step, StepKind

_VERSIONS = {1}


def plan_to_json(plan: Plan) -> dict[str, Json]:
    """The plan as it is stored: every step complete; defaults left out, a ledger keeps millions of them."""
    members = {name: getattr(plan, name) for name in _PLAN_MEMBERS}
    return {**members, "steps": [_step_to_json(step) for step in plan.steps]}


_PLAN_MEMBERS = tuple(name for name in Plan.__dataclass_fields__ if name != "steps")
_BLANK = Step("", "", "")


def _step_to_json(step: Step) -> dict[str, Json]:
    told = {name: getattr(step, name) for name in Step.__dataclass_fields__}
    told = {name: value for name, value in told.items() if value != getattr(_BLANK, name)}
    if step.lookup is not None:
        told["lookup"] = {name: getattr(step.lookup, name) for name in Lookup.__dataclass_fields__}
    return told


def plan_from_json(stored: Mapping[str, Json]) -> Plan:
    """The plan read back; a version this process does not know is the operator's to solve (older release running)."""
    if stored["version"] not in _VERSIONS:
        raise Misconfigured("plan_version", "The plan was stored by a newer release: upgrade this process.")
    return Plan(**{**stored, "steps": tuple(_step(step) for step in stored["steps"])})


def _step(stored: Mapping[str, Json]) -> Step:
    values = dict(stored)
    if lookup := values.get("lookup"):
        done = {name: tuple(expected) for name, expected in lookup["done_when"].items()}
        count = lookup.get("count")
        values["lookup"] = Lookup(
            lookup["path"], lookup["params"], done, lookup.get("match", {}), tuple(count) if count else None
        )
    if "kind" in values:
        values["kind"] = StepKind(values["kind"])
    for name in ("compares", "skip_if", "only_if", "expect"):
        if name in values:
            values[name] = {key: tuple(expected) for key, expected in values[name].items()}
    return Step(**values)


def request_to_json(request: BaseModel) -> dict[str, Json]:
    """The validated members that were sent; decimals as strings."""
    return request.model_dump(exclude_unset=True)


def request(model: type[BaseModel], stored: Mapping[str, Json]) -> Any:
    """The request read back; it was valid when it was stored."""
    return model.model_validate(stored)
