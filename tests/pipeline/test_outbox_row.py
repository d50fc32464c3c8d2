"""A row of the outbox as a request: who may ask for what."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import Rejected
from gateway.pipeline.outbox_row import columns, submission
from gateway.sandbox.identity import INTEGRATION, ORG, REP


def row(by: str, action: str = "send-invoice", **filled: object) -> dict[str, Any]:
    return {
        **dict.fromkeys(columns()),
        "Id": "a0000000000000HAAQ",
        "Action__c": action,
        "Source_Record_Id__c": "006000000000001",
        "Source_Object__c": "Opportunity",
        "CreatedById": by,
        "LastModifiedById": by,
        **filled,
    }


OWN = frozenset({INTEGRATION})


@pytest.mark.parametrize(
    "asked",
    [
        row(INTEGRATION, Replace_Open_Invoice__c=True),
        row(INTEGRATION, Additional_Invoice__c=True),
        row(INTEGRATION, "refund-payment"),
    ],
)
def test_a_row_of_the_gateways_own_user_asks_for_nothing_that_may_not_come_again(asked: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match="caused_by_gateway"):
        submission(ORG, asked, OWN)


@pytest.mark.parametrize(
    "asked",
    [
        row(INTEGRATION),
        row(INTEGRATION, Replace_Open_Invoice__c=False),
        row(REP, Replace_Open_Invoice__c=True),
        row(REP, "refund-payment"),
    ],
    ids=["plain", "said not to", "a person replaces", "a person refunds"],
)
def test_what_is_harmless_or_a_persons_goes_through(asked: dict[str, Any]) -> None:
    assert submission(ORG, asked, OWN).caller.sub == asked["CreatedById"]
