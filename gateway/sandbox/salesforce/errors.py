"""Salesforce's refusals, in the shape its REST API gives them: ``[{"message", "errorCode", "fields"}]``."""

from collections.abc import Sequence
from typing import Any

# HTTP status by error code where it is not 400 (REST API Developer Guide, "Status Codes and Error Responses").
STATUS = {
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "API_DISABLED_FOR_ORG": 403,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "PRECONDITION_FAILED": 412,
    "SERVER_UNAVAILABLE": 503,
    "UNKNOWN_EXCEPTION": 500,
}


class SalesforceError(Exception):
    """One refusal. ``fields`` is None where Salesforce leaves the member out (errors that are not about a record)."""

    def __init__(
        self, code: str, message: str, fields: Sequence[str] | None = None, *, status: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status or STATUS.get(code, 400)

    def body(self) -> list[dict[str, Any]]:
        entry: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = list(self.fields)
        return [entry]

    def save_error(self) -> dict[str, Any]:
        """The same inside a SaveResult of a collection, where the code is called ``statusCode``."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or [])}


class MultipleMatchesError(SalesforceError):
    """300: several records carry the same external id; the body is the list of their addresses."""

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__("MULTIPLE_CHOICES", "multiple records match the external id", status=300)
        self.urls = list(urls)

    def body(self) -> list[Any]:
        return list(self.urls)


class MetadataError(ValueError):
    """The metadata tree holds something the simulator does not understand; it refuses to start on a guess."""


def record_error(code: str, message: str, *fields: str) -> SalesforceError:
    return SalesforceError(code, message, fields)


def no_such_column(field: str, sobject: str) -> SalesforceError:
    message = (
        f"No such column '{field}' on sobject of type {sobject}. If you are attempting to use a custom field, be sure "
        "to append the '__c' after the custom field name."
    )
    return SalesforceError("INVALID_FIELD", message, [])


def not_found() -> SalesforceError:
    return SalesforceError("NOT_FOUND", "The requested resource does not exist")


def malformed_json(what: str) -> SalesforceError:
    return SalesforceError("JSON_PARSER_ERROR", what)
