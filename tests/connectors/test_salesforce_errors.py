"""Salesforce's error codes, classified."""

from __future__ import annotations

import pytest

from gateway.connectors import without_personal_data
from gateway.connectors.salesforce_errors import Fault, classify


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        ("UNABLE_TO_LOCK_ROW", "", Fault.RETRY),
        ("INVALID_SESSION_ID", "", Fault.REFRESH),
        ("REQUEST_LIMIT_EXCEEDED", "", Fault.PARK_LIMIT),
        ("ENTITY_IS_LOCKED", "the entity is locked for editing", Fault.LOCKED),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Closed records may not change", Fault.ALONE),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "OppTrigger: System.NullPointerException", Fault.ALONE),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "OppTrigger: UNABLE_TO_LOCK_ROW, unable to …", Fault.RETRY),
        ("UNKNOWN_EXCEPTION", "Apex CPU time limit exceeded", Fault.ALONE),
        ("INVALID_FIELD", "Foreign key external ID: us:cus_1 not found for field Stripe_Key__c", Fault.RETRY),
        ("INVALID_FIELD", "No such column 'Stripe_Status__c'", Fault.PERMANENT),
        ("ENTITY_IS_DELETED", "", Fault.RELINK),
        ("DUPLICATE_VALUE", "", Fault.DUPLICATE),
        ("A_CODE_OF_NEXT_YEAR", "", Fault.PERMANENT),
    ],
)
def test_a_code_and_its_words_say_what_to_do(code: str, message: str, fault: Fault) -> None:
    assert classify(code, message) is fault


def test_an_upstreams_words_are_kept_without_personal_data() -> None:
    text = without_personal_data("Invalid e-mail ann.lee@example.co.uk, card 4242 4242 4242 4242 " + "x" * 900)

    assert text.startswith("Invalid e-mail (e-mail address), card (number) ")
    assert len(text) == 500
