"""The mirror on both databases: what is merged, what is stale, what is sent, and what a late answer may not undo."""

import asyncio
from decimal import Decimal

import pytest
import sqlalchemy as sa

from gateway.engine import mirror
from gateway.engine.database import transaction
from gateway.engine.mirror import ALWAYS
from gateway.errors import Misconfigured
from gateway.records import SourceRef, Upsert
from gateway.sealing import Sealer
from tests.support.engine import opened

ORG = "00D000000000001AAA"
OPPORTUNITY = SourceRef("Opportunity", "006000000000001AAA")
SEALER = Sealer({"k": bytes(32)}, "k", bytes(32))


def invoice(key="us:in_1", **fields):
    return Upsert("Stripe_Invoice__c", key, fields, OPPORTUNITY)


def stamp(**fields):
    return Upsert("Opportunity", OPPORTUNITY.record_id, fields, OPPORTUNITY, id_field="Id")


def merge(url, *upserts, number=1, now=100.0, priority=0):
    with transaction(url) as conn:
        return mirror.merge(conn, SEALER, ORG, upserts, number=number, now=now, priority=priority)


def row(url, upsert):
    with transaction(url, readonly=True) as conn:
        return mirror.get(conn, SEALER, ORG, upsert.sobject, upsert.key)


def unsent(url, now=1000.0, limit=100):
    with transaction(url, readonly=True) as conn:
        return mirror.unsent(conn, SEALER, ORG, limit, now)


def act(url, change, *arguments, **options):
    with transaction(url) as conn:
        return change(conn, *arguments, **options)


def test_fields_are_merged_over_what_the_row_had(database_url):
    merge(database_url, invoice(Status__c="open", Number__c="A-1"), number=1)

    merged = merge(database_url, invoice(Status__c="paid", Paid_On__c=None), number=2)

    stored = row(database_url, invoice())
    assert stored.fields == {"Status__c": "paid", "Number__c": "A-1", "Paid_On__c": None}
    assert (stored.version, stored.written, stored.number, stored.state) == (2, 0, 2, "dirty")
    assert (merged.changed, merged.stale) == (1, ())


def test_money_and_relationships_come_back_as_they_were_merged(database_url):
    fields = {"Amount__c": Decimal("12.50"), "Lines__c": 3, "Stripe_Customer__r": {"Stripe_Key__c": "us:cus_1"}}

    merge(database_url, invoice(**fields))

    stored = row(database_url, invoice()).fields
    assert stored == fields
    assert isinstance(stored["Amount__c"], Decimal)
    assert str(stored["Amount__c"]) == "12.50"


def test_what_changes_nothing_gives_nothing_to_send(database_url):
    merge(database_url, invoice(Amount__c=Decimal("12.50")), number=1)
    act(database_url, mirror.mark_written, unsent(database_url), 210.0)

    merged = merge(database_url, invoice(Amount__c=Decimal("12.5")), number=5)

    stored = row(database_url, invoice())
    assert (merged.changed, len(merged.applied)) == (0, 1)
    assert (stored.version, stored.state, stored.number) == (1, "clean", 5)
    assert unsent(database_url) == []


def test_an_older_observation_is_stale_even_when_the_newer_one_changed_nothing(database_url):
    merge(database_url, invoice(Status__c="paid"), number=1)
    merge(database_url, invoice(Status__c="paid"), number=7)

    merged = merge(database_url, invoice(Status__c="open"), number=6)

    assert [upsert.key for upsert in merged.stale] == ["us:in_1"]
    assert merged.applied == ()
    assert row(database_url, invoice()).fields == {"Status__c": "paid"}


def test_one_observation_may_be_merged_in_parts(database_url):
    merge(database_url, invoice(Status__c="open"), number=4)

    merged = merge(database_url, invoice(Number__c="A-1"), number=4)

    assert merged.changed == 1


def test_a_stamp_follows_its_rows_and_has_no_observation_of_its_own(database_url):
    merge(database_url, stamp(Stripe_Status__c="open"), number=9)
    merge(database_url, stamp(Stripe_Status__c="paid"), number=ALWAYS)

    merged = merge(database_url, stamp(Stripe_Status__c="refunded"), number=3)

    assert merged.stale == ()
    assert row(database_url, stamp()).fields == {"Stripe_Status__c": "refunded"}


def test_two_upserts_of_one_row_in_one_merge_are_one_change(database_url):
    merged = merge(database_url, invoice(Status__c="open"), invoice(Status__c="paid", Number__c="A-1"))

    assert merged.changed == 1
    assert row(database_url, invoice()).fields == {"Status__c": "paid", "Number__c": "A-1"}
    assert row(database_url, invoice()).version == 1


def test_a_week_of_outcomes_is_one_row_to_send(database_url):
    for number in range(1, 101):
        merge(database_url, invoice(Count__c=number), number=number, now=float(number))

    [waiting] = unsent(database_url)

    assert (waiting.fields, waiting.version, waiting.dirty_since) == ({"Count__c": 100}, 100, 1.0)


def test_the_roll_up_sees_the_children_of_its_record_only(database_url):
    other = SourceRef("Order", "801000000000001AAA")
    merge(
        database_url,
        invoice("us:in_1", Status__c="open"),
        invoice("us:in_2", Status__c="paid"),
        Upsert("Stripe_Invoice__c", "us:in_3", {"Status__c": "open"}, other),
        stamp(Stripe_Status__c="open"),
    )

    with transaction(database_url) as conn:
        children = mirror.children_of(conn, SEALER, ORG, OPPORTUNITY)

    assert sorted(child.key for child in children) == ["us:in_1", "us:in_2"]
    assert {child.parent for child in children} == {OPPORTUNITY}


def test_interactive_rows_go_first_and_then_the_longest_waiting(database_url):
    merge(database_url, invoice("us:batch", A=1), now=1.0, priority=2)
    merge(database_url, invoice("us:late", A=1), now=3.0, priority=0)
    merge(database_url, invoice("us:early", A=1), now=2.0, priority=0)

    rows = unsent(database_url)

    assert [found.key for found in rows] == ["us:early", "us:late", "us:batch"]
    with transaction(database_url) as conn:
        assert mirror.backlog(conn, ORG) == (1.0, 3)
        assert mirror.backlog(conn, "another org") == (None, 0)


def test_a_row_being_sent_is_not_sent_twice_until_its_answer_is_overdue(database_url):
    merge(database_url, invoice(A=1))
    act(database_url, mirror.mark_sending, unsent(database_url), 500.0)

    before, after = unsent(database_url, now=499.0), unsent(database_url, now=500.0)

    assert before == []
    assert [found.state for found in after] == ["uncertain"]


def test_a_row_without_an_answer_goes_again_at_once(database_url):
    merge(database_url, invoice(A=1))
    sent = unsent(database_url)
    act(database_url, mirror.mark_sending, sent, 500.0)

    act(database_url, mirror.mark_unclear, sent, 500.0)

    [waiting] = unsent(database_url, now=351.0)
    assert (waiting.state, waiting.doubt) == ("dirty", None)  # a late write of it is refused by its version


def test_a_stamp_without_an_answer_is_written_a_last_time_when_no_late_write_can_arrive(database_url):
    merge(database_url, stamp(Stripe_Status__c="Paid"))
    sent = unsent(database_url)
    act(database_url, mirror.mark_sending, sent, 500.0)
    act(database_url, mirror.mark_unclear, sent, 500.0)

    act(database_url, mirror.mark_written, unsent(database_url, now=352.0), 353.0)
    between, last = unsent(database_url, now=499.0), unsent(database_url, now=500.0)
    act(database_url, mirror.mark_sending, last, 650.0)
    act(database_url, mirror.mark_written, last, 501.0)

    assert between == []
    assert [(found.written, found.dirty_since) for found in last] == [(1, None)]
    stored = row(database_url, stamp())
    assert (stored.state, stored.doubt) == ("clean", None)


def test_what_comes_in_while_a_stamp_is_in_doubt_waits_for_nothing(database_url):
    merge(database_url, stamp(Stripe_Status__c="Open"), now=300.0)
    sent = unsent(database_url, now=350.0)
    act(database_url, mirror.mark_sending, sent, 500.0)
    act(database_url, mirror.mark_unclear, sent, 500.0)
    act(database_url, mirror.mark_written, unsent(database_url, now=352.0), 353.0)

    merge(database_url, stamp(Stripe_Status__c="Paid"), now=400.0)

    [waiting] = unsent(database_url, now=400.0)
    act(database_url, mirror.mark_written, [waiting], 401.0)
    stored = row(database_url, stamp())
    assert (waiting.state, waiting.fields) == ("dirty", {"Stripe_Status__c": "Paid"})
    assert (stored.state, stored.due) == ("uncertain", 500.0)


def test_rows_that_a_sender_left_behind_are_taken_up_by_the_next(database_url):
    merge(database_url, invoice(A=1), stamp(Stripe_Status__c="Open"))
    act(database_url, mirror.mark_sending, unsent(database_url), 500.0)

    with transaction(database_url) as conn:
        before = mirror.left_behind(conn, ORG), mirror.left_behind(conn, "another org")
        taken = mirror.take_up(conn, ORG)
        after = mirror.left_behind(conn, ORG)

    assert (before, taken, after) == ((True, False), 2, False)
    assert {(found.sobject, found.doubt) for found in unsent(database_url, now=351.0)} == {
        ("Opportunity", 500.0),
        ("Stripe_Invoice__c", None),
    }


def test_what_was_merged_while_a_version_was_under_way_is_still_to_be_sent(database_url):
    merge(database_url, invoice(A=1), number=1)
    sent = unsent(database_url)
    act(database_url, mirror.mark_sending, sent, 500.0)
    merge(database_url, invoice(A=2), number=2, now=200.0)

    act(database_url, mirror.mark_written, sent, 210.0)

    [waiting] = unsent(database_url, now=201.0)
    assert (waiting.fields, waiting.version, waiting.written, waiting.state) == ({"A": 2}, 2, 1, "dirty")


def test_a_late_answer_about_an_older_version_undoes_nothing(database_url):
    merge(database_url, invoice(A=1), number=1)
    old = unsent(database_url)
    merge(database_url, invoice(A=2), number=2)
    act(database_url, mirror.mark_written, unsent(database_url), 210.0)

    act(database_url, mirror.mark_written, old, 210.0)

    stored = row(database_url, invoice())
    assert (stored.version, stored.written, stored.state) == (2, 2, "clean")


def test_a_failed_row_waits_a_parked_one_too_and_a_dead_one_for_a_human(database_url):
    merge(database_url, invoice("us:1", A=1), invoice("us:2", A=1), invoice("us:3", A=1))
    rows = {found.key: found for found in unsent(database_url)}
    act(database_url, mirror.mark_failed, rows["us:1"], "row_locked", "busy", due=300.0)
    act(database_url, mirror.mark_failed, rows["us:2"], "entity_is_locked", "in approval", due=900.0, state="parked")
    act(database_url, mirror.mark_failed, rows["us:3"], "validation", "Closed deals are closed", state="dead")

    early, late = unsent(database_url, now=299.0), unsent(database_url, now=901.0)

    assert early == []
    assert [(found.key, found.state, found.attempts) for found in late] == [
        ("us:1", "dirty", 1),
        ("us:2", "parked", 1),
    ]
    assert row(database_url, invoice("us:3")).error == "Closed deals are closed"


def test_a_dead_row_is_tried_again_when_its_fields_change_or_by_hand(database_url):
    merge(database_url, invoice("us:1", A=1), invoice("us:2", A=1), number=1)
    for waiting in unsent(database_url):
        act(database_url, mirror.mark_failed, waiting, "validation", "no", state="dead")

    merge(database_url, invoice("us:1", A=2), number=2, now=200.0)
    replayed = act(database_url, mirror.replay, ORG, "Stripe_Invoice__c", "us:2", 300.0)
    again = act(database_url, mirror.replay, ORG, "Stripe_Invoice__c", "us:2", 300.0)

    assert (replayed, again) == (True, False)
    assert {(found.key, found.state, found.attempts) for found in unsent(database_url)} == {
        ("us:1", "dirty", 0),
        ("us:2", "dirty", 1),  # by hand: its attempts stay counted
    }


@pytest.mark.parametrize("state", ["parked", "dirty"])
def test_a_row_that_waits_for_its_next_attempt_makes_it_now_by_hand(database_url, state):
    merge(database_url, invoice("us:1", A=1), invoice("us:2", A=1))
    for waiting in unsent(database_url):
        act(database_url, mirror.mark_failed, waiting, "row_locked", "busy", due=300.0, state=state)

    assert act(database_url, mirror.replay, ORG, "Stripe_Invoice__c", "us:2", 200.0)

    [now_due] = unsent(database_url, now=200.0)
    assert (now_due.key, now_due.attempts) == ("us:2", 1)


def test_a_row_that_changed_while_its_older_version_was_refused_is_not_buried(database_url):
    merge(database_url, invoice(A=1), number=1)
    [sent] = unsent(database_url)
    merge(database_url, invoice(A=2), number=2)

    act(database_url, mirror.mark_failed, sent, "validation", "no", state="dead")

    assert [found.state for found in unsent(database_url)] == ["dirty"]


def test_a_row_moved_to_another_key_does_not_open(database_url):
    merge(database_url, invoice("us:1", A=1))
    with transaction(database_url) as conn:
        conn.execute(sa.text("UPDATE mirror SET key = 'us:2'"))

    with pytest.raises(Misconfigured):
        row(database_url, invoice("us:2"))


def test_two_processes_that_end_children_of_one_record_miss_neither(postgres_url):
    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:

            def end(n):
                def commit(conn):
                    mirror.lock_stamp(conn, ORG, OPPORTUNITY)
                    upsert = invoice(f"us:in_{n}", A=n)
                    mirror.merge(conn, SEALER, ORG, [upsert], number=n + 1, now=1.0, priority=0)
                    count = len(mirror.children_of(conn, SEALER, ORG, OPPORTUNITY))
                    rolled = stamp(Count__c=count)
                    mirror.merge(conn, SEALER, ORG, [rolled], number=ALWAYS, now=1.0, priority=0)

                return commit

            touches = [f"stamp:{ORG}:{OPPORTUNITY.record_id}"]
            await asyncio.gather(*((one, two)[n % 2].write(end(n), touches) for n in range(60)))

    asyncio.run(main())

    assert row(postgres_url, stamp()).fields == {"Count__c": 60}
