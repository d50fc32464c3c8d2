"""Complete Stripe objects as a GET at API version 2026-10-28.endive answers them, and how they are varied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.projections import Snapshot, project
from gateway.records import SourceRef, Upsert

PAYLOADS = Path(__file__).with_name("payloads")
OPPORTUNITY = SourceRef("Opportunity", "0065g00000AbCdEAAV")
ACCOUNT, CONTACT = "0015g00000XyZaBAAV", "0035g00000QrStUAAV"


def stripe_object(name: str, **changes: Any) -> dict[str, Any]:
    """The literal payload with some members changed."""
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded | changes


def without(payload: Mapping[str, Any], *members: str) -> dict[str, Any]:
    """The payload as an older account or a smaller expand would answer it."""
    return {name: value for name, value in payload.items() if name not in members}


def projected(name: str, payload: Mapping[str, Any], **snapshot: Any) -> Upsert:
    """The one row the projection yields."""
    known = {"entity": "us", "livemode": True, "owner": OPPORTUNITY} | snapshot
    [row] = project(name, Snapshot(object=payload, **known))
    return row
