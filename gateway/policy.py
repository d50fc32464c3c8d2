"""Guard rails that do not need to read anything: who may ask for what, of which object. Denials carry a code."""

from __future__ import annotations

from gateway.actions import Action
from gateway.config import Org
from gateway.errors import Rejected
from gateway.records import Caller, SourceRef


def allow(caller: Caller, org: Org, action: Action, ref: SourceRef, *, request_key: str | None) -> None:
    """Raise where the caller may not ask for this; checked after a repeat has been answered."""
    if ref.sobject not in org.objects:
        raise Rejected(
            "object_not_allowed",
            f"{ref.sobject} is not enabled for this org: add it to objects in the configuration.",
            field="record_id",
            http_status=403,
        )
    if action.money_out and caller.kind == "automation":
        raise Rejected(
            "automation_may_not_refund",
            "Automation may not move money out directly: let a person do it, or go through the outbox.",
            http_status=403,
        )
    if action.money_out and not request_key:
        raise Rejected(
            "request_key_required",
            "Send an Idempotency-Key or request_key: two equal refunds can both be meant.",
            field="request_key",
        )
