"""The row that makes a customer is claimed by one job."""

from __future__ import annotations

from gateway.engine import links
from gateway.engine.database import transaction


def test_the_first_to_claim_a_customer_makes_it_and_is_told_so(database_url: str) -> None:
    with transaction(database_url) as conn:
        first = links.claim(conn, "00D", "us", "001", "act_1", 1.0)
        again = links.claim(conn, "00D", "us", "001", "act_2", 2.0)
        other = links.claim(conn, "00D", "de", "001", "act_3", 3.0)
        row = links.find(conn, "00D", "us", "001")

    assert (first, again, other) == (True, False, True)
    assert row is not None
    assert (row.job_id, row.state) == ("act_1", "making")
