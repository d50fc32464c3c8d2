"""Faults that speak Salesforce: of a whole request (session, limit) or of one record, wherever it stands in a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gateway.sandbox.faults import Fault, Faults, When
from gateway.sandbox.salesforce.errors import SalesforceError, record_error

REQUEST_KINDS: dict[str, When] = {"expired_session": "before", "request_limit": "before"}
# Kind -> error code and message (messages: as the platform words them).
RECORD_KINDS: dict[str, tuple[str, str]] = {
    "lock_row": ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: {id}"),
    "entity_locked": (
        "ENTITY_IS_LOCKED",
        "This record is locked. If you need to edit this record, contact your admin.",
    ),
    "trigger_failure": (
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "SalesOps.Trigger: execution of BeforeUpdate caused by: System.LimitException: Too many SOQL queries: 101",
    ),
    "validation": ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Ask Sales Operations before you change this record."),
}


@dataclass(frozen=True)
class Target:
    """One record about to be written: where it is addressed and what it is. ``key`` is its external id, if any."""

    method: str
    path: str
    sobject: str
    record_id: str | None = None
    key: str | None = None


class SalesforceFaults(Faults):
    """The common table; record faults stay armed until a record is hit, however it travels."""

    def __init__(self) -> None:
        super().__init__(app_kinds={**REQUEST_KINDS, **dict.fromkeys(RECORD_KINDS, "before")})

    def arm(self, spec: Mapping[str, Any]) -> Fault:
        """``match`` may also name ``sobject`` and ``record`` (id or external id); both are kept in ``extra``."""
        match = dict(spec.get("match", {}))
        where = {name: match.pop(name) for name in ("sobject", "record") if name in match}
        return super().arm({**spec, "match": match, "extra": {**spec.get("extra", {}), **where}})

    def take(self, method: str, path: str) -> Fault | None:
        """For the gate: record faults are not its business."""
        return self._first(lambda fault: fault.kind not in RECORD_KINDS and fault.matches(method, path))

    def strike(self, target: Target) -> None:
        """Raise the record fault that hits this record, if one is armed."""
        if not self.armed:
            return
        fault = self._first(lambda fault: fault.kind in RECORD_KINDS and hits(fault, target))
        if fault is not None:
            raise error_of(fault, target)

    def _first(self, wanted: Any) -> Fault | None:
        for fault in self.armed:
            if not wanted(fault):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.hits += 1
            if fault.exhausted():
                self.armed.remove(fault)
            return fault
        return None


def hits(fault: Fault, target: Target) -> bool:
    if fault.method not in ("*", target.method) or not fnmatchcase(target.path, fault.path):
        return False
    if fault.extra.get("sobject", target.sobject) != target.sobject:
        return False
    record = fault.extra.get("record")
    return record is None or record in (target.record_id, target.key)


def error_of(fault: Fault, target: Target) -> SalesforceError:
    code, message = RECORD_KINDS[fault.kind]
    return record_error(code, str(fault.extra.get("message", message)).format(id=target.record_id or target.key or ""))


def request_error(kind: str) -> SalesforceError:
    if kind == "request_limit":
        return SalesforceError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    return expired_session()


def expired_session() -> SalesforceError:
    return SalesforceError("INVALID_SESSION_ID", "Session expired or invalid")
