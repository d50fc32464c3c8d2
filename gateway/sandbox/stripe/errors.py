"""Stripe's error object: status, type, code, message, param (docs.stripe.com/api/errors)."""

from typing import Any

DOCS = "https://docs.stripe.com/error-codes#"


class StripeError(Exception):
    """Answered as JSON. ``kept``: the endpoint had begun, so an idempotency key replays this error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        kept: bool = True,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.headers = headers or {}
        self.code = code
        members = {"code": code, "message": message, "param": param, "type": kind, **extra}
        if code:
            members["doc_url"] = f"{DOCS}{code.replace('_', '-')}"
        self.body: dict[str, Any] = {"error": {k: v for k, v in members.items() if v is not None}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A parameter that does not pass validation: never remembered under an idempotency key."""
    return StripeError(400, message, param=param, code=code, kept=False)


def refused(message: str, param: str | None = None, code: str | None = None, **extra: Any) -> StripeError:
    """The endpoint ran and said no: remembered under an idempotency key."""
    return StripeError(400, message, param=param, code=code, **extra)


def missing(kind: str, value: str, param: str = "id", status: int = 404) -> StripeError:
    return StripeError(status, f"No such {kind}: '{value}'", code="resource_missing", param=param)
