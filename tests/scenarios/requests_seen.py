"""What a gateway sent in a test, held against Stripe's own descriptions: each distinct shape once in a run."""

from __future__ import annotations

import re
from typing import Any

from gateway.sandbox.control import public_view
from gateway.sandbox.gate import Gate
from gateway.sandbox.wire import Server
from tests.contract.oracle import check_request, nested

_IDS = re.compile(r"\b[a-z]{2,5}_[A-Za-z0-9]{6,}\b")

Shape = tuple[str, str, str]
_checked: dict[Shape, list[str]] = {}


def sent_to_stripe(server: Server) -> list[dict[str, Any]]:
    """What gateways sent to this simulator, as it came in; also when it has been stopped since."""
    assert isinstance(server.app, Gate)
    calls = [public_view(exchange) for exchange in tuple(server.app.controls.log)]
    ours = (call for call in calls if call["headers"].get("user-agent", "").startswith("Stripe/"))
    # What a fault cut off was not read: there is nothing to look at.
    return [call for call in ours if call["params"] or not call["fault"]]


def misfits(calls: list[dict[str, Any]]) -> list[str]:
    """What is wrong with these calls; nothing when all is well."""
    found = set()
    for call in calls:
        shape = shape_of(call)
        if shape not in _checked:
            _checked[shape] = check_request(call["method"], call["path"], call["params"])
        found |= {f"{call['method']} {call['path']}: {problem}" for problem in _checked[shape]}
    return sorted(found)


def shape_of(call: dict[str, Any]) -> Shape:
    """Calls alike but for ids, numbers and texts are of one shape; what looks like a word of Stripe's is kept."""
    return call["method"], _IDS.sub("{id}", call["path"]), str(_outline(nested(call["params"])))


def _outline(value: Any) -> Any:
    if isinstance(value, dict):
        if value and all(name.isdigit() for name in value):
            return sorted({str(_outline(item)) for item in value.values()})
        return {name: _outline(inner) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return sorted({str(_outline(item)) for item in value})
    text = str(value)
    if re.fullmatch(r"[a-z_.]*", text):
        return text
    return "number" if re.fullmatch(r"-?[0-9]+", text) else "text"
