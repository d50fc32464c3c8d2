"""
Salesforce's errors as ours: which codes are tried again, which park, which need a person.

Salesforce: developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
(status codes), developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

from __future__ import annotations

from enum import StrEnum

import requests
from simple_salesforce.exceptions import SalesforceError

from gateway.connectors import without_personal_data
from gateway.connectors.salesforce_types import Flaw, flaws
from gateway.errors import GatewayError, Misconfigured, Refused, Throttled, Unavailable, UnknownOutcome, Unreachable


class Fault(StrEnum):
    """What a code asks for."""

    RETRY = "retry"  # passing: again, with jitter
    REFRESH = "refresh"  # a new token, once
    PARK_LIMIT = "park_limit"  # the org's limit: nothing goes until it resets
    LOCKED = "locked"  # an approval locks the record: again until it is unlocked
    ALONE = "alone"  # a rule, trigger, flow or limit in the org: again by itself before it may die
    PERMANENT = "permanent"  # an admin must act
    RELINK = "relink"  # the record was merged or deleted
    DUPLICATE = "duplicate"
    OWNER = "owner"  # whom a row of ours was to belong to cannot own it: it stays with the gateway's user


FAULTS: dict[str, Fault] = {
    **dict.fromkeys(
        (
            "UNABLE_TO_LOCK_ROW",
            "SERVER_UNAVAILABLE",
            "UNKNOWN_EXCEPTION",
            "REQUEST_RUNNING_TOO_LONG",
            "QUERY_TIMEOUT",
            "TOO_MANY_APEX_REQUESTS",
            "CONCURRENT_REQUESTS_LIMIT_EXCEEDED",
            "PROCESSING_HALTED",
        ),
        Fault.RETRY,
    ),
    "INVALID_SESSION_ID": Fault.REFRESH,
    **dict.fromkeys(("REQUEST_LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED"), Fault.PARK_LIMIT),
    "ENTITY_IS_LOCKED": Fault.LOCKED,
    **dict.fromkeys(
        (
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "CANNOT_EXECUTE_FLOW_TRIGGER",
            "CANNOT_EXECUTE_FLOW",
            "FLOW_EXCEPTION",
            "APEX_ERROR",
            "APEX_DATA_ACCESS_RESTRICTION",
            "LIMIT_EXCEEDED",
            "TRANSACTION_TOO_LARGE",
        ),
        Fault.ALONE,
    ),
    **dict.fromkeys(("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"), Fault.RELINK),
    **dict.fromkeys(
        ("INACTIVE_OWNER_OR_USER", "OP_WITH_INVALID_USER_TYPE_EXCEPTION", "TRANSFER_REQUIRES_READ"), Fault.OWNER
    ),
    **dict.fromkeys(("DUPLICATE_VALUE", "DUPLICATES_DETECTED", "DUPLICATE_EXTERNAL_ID"), Fault.DUPLICATE),
}

# Limits and locks that Salesforce reports under a general code, told only by the words.
_WORDS = (
    ("unable to obtain exclusive access", Fault.RETRY),
    ("UNABLE_TO_LOCK_ROW", Fault.RETRY),
    ("Foreign key external ID", Fault.RETRY),  # the row it points to is written later in the same burst
    ("Apex CPU time limit", Fault.ALONE),
    ("Too many SOQL queries", Fault.ALONE),
    ("LimitException", Fault.ALONE),
)


def classify(code: str, message: str = "") -> Fault:
    """What to do about an error; unknown codes are permanent: a person looks, once."""
    for words, fault in _WORDS:
        if words in message:
            return fault
    return FAULTS.get(code, Fault.PERMANENT)


def scope(org: str) -> str:
    """The circuit of an org."""
    return f"salesforce:{org}"


def unclear(code: str, *, writes: bool, retry_after: float | None = None) -> GatewayError:
    """No readable answer: a write may have been done, a read is simply asked again."""
    if writes:
        message = "Salesforce did not say clearly whether it was written; it is written again."
        return UnknownOutcome(code, message, retry_after=retry_after)
    return Unavailable(code, "Salesforce did not answer; the gateway asks again by itself.", retry_after=retry_after)


def lost(error: Exception, *, writes: bool, sent: bool, expired: bool) -> GatewayError:
    """Say what a failure without an answer means; ``sent`` tells that a connection had been made."""
    network = isinstance(error, requests.RequestException | OSError)
    if network and not sent:
        return Unreachable("salesforce_unreachable", "Salesforce cannot be reached; the gateway tries again by itself.")
    if expired or isinstance(error, requests.Timeout):
        return unclear("salesforce_timeout", writes=writes)
    broke = network and not isinstance(error, ValueError)  # requests' JSONDecodeError is both
    return unclear("salesforce_connection_lost" if broke else "salesforce_unreadable_answer", writes=writes)


def fault(error: SalesforceError, org: str, *, writes: bool, retry_after: float | None = None) -> GatewayError:
    """Say what an answer of 300 and above means; ``retry_after`` are the seconds it asks to wait."""
    status, listed = int(error.status), flaws(error.content)
    if status == 503 and listed and listed[0].code == "SERVER_UNAVAILABLE":
        message = "Salesforce is busy; the gateway tries again by itself."
        return Throttled("SERVER_UNAVAILABLE", message, retry_after=retry_after)
    if status == 429 and not listed:  # a proxy on the way turned it away
        return Throttled("salesforce_busy", "Salesforce is busy; the gateway tries again.", retry_after=retry_after)
    if status >= 500 or not listed:
        code = listed[0].code if listed else "salesforce_unreadable_answer"
        return unclear(code, writes=writes, retry_after=retry_after)
    flaw = listed[0]
    if status in {401, 403} or flaw.code.startswith("API_"):
        return _forbidden(flaw, org)
    if status == 429 or classify(flaw.code, flaw.message) is Fault.RETRY:
        return Throttled(flaw.code, f"Salesforce is busy: {words(flaw)}", retry_after=retry_after)
    return Refused(flaw.code, words(flaw), status=status, param=flaw.fields[0] if flaw.fields else None)


def _forbidden(flaw: Flaw, org: str) -> GatewayError:
    if classify(flaw.code) is Fault.PARK_LIMIT:
        message = f"The Salesforce org {org} has used up a limit; the gateway goes on when it resets. {words(flaw)}"
        return Misconfigured(flaw.code, message, scope=scope(org))
    message = (
        f"Salesforce refuses the gateway's user in org {org} ({flaw.code}: {words(flaw)}): check the user, its"
        ' permission set "Stripe Gateway Integration" and the external client app.'
    )
    return Misconfigured(flaw.code, message, scope=scope(org))


def words(flaw: Flaw) -> str:
    """The rule's own words, for the person who must act."""
    return without_personal_data(flaw.message or flaw.code)
