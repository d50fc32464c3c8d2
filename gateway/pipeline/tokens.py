"""Preview tokens: what was shown is what is done, or it is refused as stale. Signed, 15 minutes, one per preview."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping

from gateway.errors import Rejected
from gateway.pipeline.work import Work
from gateway.records import Json, Plan, dumps, fingerprint
from gateway.sealing import Sealer

LIFE_SECONDS = 15 * 60


def make(sealer: Sealer, work: Work, plan: Plan, at: float) -> str:
    """The token of a preview, for the caller who asked for it."""
    body = dumps({**_bound(work), "plan": _mark(plan), "exp": int(at + LIFE_SECONDS), "id": work.id})
    return f"{_b64(body.encode())}.{_b64(sealer.blind('preview', body))}"


def read(sealer: Sealer, token: str) -> dict[str, str | int]:
    """The signed members, or ``invalid_preview_token``."""
    try:
        text, signature = token.split(".")
        body = _unb64(text)
        if hmac.compare_digest(sealer.blind("preview", body.decode()), _unb64(signature)):
            members: dict[str, str | int] = json.loads(body)
            return members
    except (ValueError, UnicodeDecodeError):
        pass
    raise Rejected("invalid_preview_token", "This is not a token of a preview.", field="preview_token")


def check(sealer: Sealer, work: Work, plan: Plan, at: float) -> None:
    """Refuse a token of another caller, action or record, an expired one, and one whose content has changed."""
    members = read(sealer, work.request.preview_token)
    if any(members.get(name) != value for name, value in _bound(work).items()):
        raise Rejected("invalid_preview_token", "The token belongs to another preview.", field="preview_token")
    if members.get("plan") != _mark(plan) or int(members["exp"]) < at:
        raise Rejected(
            "preview_stale", "Something changed since the preview: look at it again and confirm.", http_status=200
        )


def _mark(plan: Plan) -> str:
    """Everything that would be sent, to whom and when it is due, without the ids of the action that sends it."""
    steps = [[step.name, step.method, step.path, step.params, step.skip_if] for step in plan.steps]
    shown = [plan.entity, plan.content, plan.amount_minor, plan.currency, plan.summary.get("recipient")]
    return fingerprint([shown, _without_ids(steps)])


def _without_ids(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _without_ids(each) for name, each in value.items() if name != "gw_action_id"}
    return [_without_ids(each) for each in value] if isinstance(value, list | tuple) else value


def _bound(work: Work) -> dict[str, str]:
    return {
        "org": work.caller.org,
        "sub": work.caller.sub,
        "action": work.action.name,
        "record": work.ref.record_id,
        "entity": work.entity or "",
    }


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
