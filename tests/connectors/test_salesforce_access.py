"""What users may do with records is asked once a minute at most, and a refusal is soon asked again."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest

from gateway.connectors.salesforce_access import (
    GRANTED_SECONDS,
    REFUSED_SECONDS,
    AccessMemory,
    access_of,
    access_query,
)
from gateway.connectors.salesforce_types import Access
from tests.connectors.test_salesforce_connector import connected, org_at
from tests.support.scripted import reply
from tests.support.upstreams import SteppedClock, run

EDIT, READ, NONE = Access(read=True, edit=True), Access(read=True, edit=False), Access(read=False, edit=False)


def test_edit_access_is_believed_for_a_minute_and_for_this_user_record_and_org_only() -> None:
    clock = SteppedClock()
    memory = AccessMemory(clock)
    memory.remember("acme", "005A", "006A", EDIT)

    clock.ahead += GRANTED_SECONDS - 1
    known = memory.known("acme", "005A", "006A")
    others = [
        memory.known(*each) for each in (("beta", "005A", "006A"), ("acme", "005B", "006A"), ("acme", "005A", "006B"))
    ]
    clock.ahead += 2

    assert known == EDIT
    assert others == [None, None, None]
    assert memory.known("acme", "005A", "006A") is None


@pytest.mark.parametrize("access", [READ, NONE])
def test_less_than_edit_access_is_forgotten_within_seconds(access: Access) -> None:
    clock = SteppedClock()
    memory = AccessMemory(clock)
    memory.remember("acme", "005A", "006A", access)

    known = memory.known("acme", "005A", "006A")
    clock.ahead += REFUSED_SECONDS + 0.1

    assert REFUSED_SECONDS <= 5
    assert known == access
    assert memory.known("acme", "005A", "006A") is None


def test_the_newest_answer_counts_and_the_oldest_goes_when_it_is_full() -> None:
    memory = AccessMemory(SteppedClock(), most=3)
    for record in ("006A", "006B", "006C"):
        memory.remember("acme", "005A", record, EDIT)
    memory.remember("acme", "005A", "006A", NONE)
    memory.remember("acme", "005A", "006D", EDIT)

    found = {record: memory.known("acme", "005A", record) for record in ("006A", "006B", "006C", "006D")}

    assert found == {"006A": NONE, "006B": None, "006C": EDIT, "006D": EDIT}


def test_the_query_names_user_and_records_and_nothing_can_be_smuggled_in() -> None:
    assert access_query("005'x", ["006A", "006B"]) == (
        r"SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess "
        r"WHERE UserId = '005\'x' AND RecordId IN ('006A','006B')"
    )
    assert access_of([{"RecordId": "006A", "HasReadAccess": True, "HasEditAccess": False}]) == {"006A": READ}


def test_many_records_are_asked_for_200_at_a_time_and_known_ones_not_at_all() -> None:
    ids = [f"006{n:012d}AAA" for n in range(450)]

    rows = [{"RecordId": each, "HasReadAccess": True, "HasEditAccess": True} for each in ids]
    pages = [rows[:200], rows[200:400], rows[400:], []]

    async def main() -> None:
        with org_at(*(reply(200, {"records": page, "done": True}) for page in pages)) as upstream:
            async with connected(upstream.url) as connector:
                first = await connector.user_record_access("acme", "005A", ids)
                again = await connector.user_record_access("acme", "005A", [*ids, "006X00000000000AAA"])

        asked = [unquote_plus(request.path).count("'006") for request in upstream.requests if "/query" in request.path]
        assert first == again == dict.fromkeys(ids, EDIT)
        assert asked == [200, 200, 50, 1]

    run(main())
