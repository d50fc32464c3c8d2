"""From the mirror to the records of a simulated org, over real sockets."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from gateway.engine.worker import Claim, Done
from tests.support.engine import until
from tests.support.upstreams import run
from tests.support.writeback import desk, refs, words_of
from tests.writeback.conftest import MakeOrg

GRAPH, COLLECTION = "POST composite/graph", "PATCH composite/sobjects"


def test_one_click_is_one_call_and_the_record_holds_it(make_org: MakeOrg, database_url: str) -> None:
    async def main() -> None:
        world = make_org()
        [deal] = refs(world)
        async with desk(world, database_url) as at:
            await at.outcome(deal)
            states = await at.settled("clean")

            assert states == {"clean": 3}
            assert at.calls() == [GRAPH]
            [told] = at.told
            assert (told.org, told.outcome, told.rows) == ("acme", "written", 3)
        [record], [invoice], [action] = (
            world.objects(name) for name in ("Opportunity", "Stripe_Invoice__c", "Stripe_Action__c")
        )
        assert record["Stripe_Status__c"] == "Invoice Open"
        assert (invoice["Opportunity__c"], invoice["Sync_Version__c"]) == (deal.record_id, 1)
        assert action["Gateway_Action_Id__c"] == f"act_{deal.record_id}_1"

    run(main())


def test_a_change_after_the_first_second_of_silence_is_written_with_a_rising_version(
    make_org: MakeOrg, sqlite_url: str
) -> None:
    async def main() -> None:
        world = make_org()
        [deal] = refs(world)
        async with desk(world, sqlite_url) as at:
            with at.standing_still():  # all of it happens within one second, however slow the machine
                await at.outcome(deal)
                await at.settled("clean")
                await at.outcome(deal, status="Paid")
                await at.outcome(deal, status="Void")
            await at.settled("clean")

            assert at.calls() == [GRAPH, GRAPH]  # the second gathered both changes
        [invoice] = world.objects("Stripe_Invoice__c")
        assert (invoice["Status__c"], invoice["Sync_Version__c"]) == ("Void", 3)

    run(main())


def test_a_thousand_outcomes_in_a_burst_cost_at_most_twenty_calls(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(1000)
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))
            states = await at.settled("clean", seconds=90, hurry=False)

            calls = Counter(at.calls())
            assert states == {"clean": 3000}
            assert sum(calls.values()) <= 20, calls
        assert {record["Stripe_Status__c"] for record in world.objects("Opportunity")} == {"Invoice Open"}
        assert len(world.objects("Stripe_Invoice__c")) == 1000

    run(main())


def test_a_row_lock_passes_by_itself(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(2)
        world.fault("lock_row", match={"sobject": "Stripe_Invoice__c"})
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))

            assert await at.settled("clean") == {"clean": 6}

    run(main())


def test_a_record_under_approval_parks_its_stamp_until_it_is_unlocked(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org()
        [deal] = refs(world)
        world.control("lock", {"record": deal.record_id})
        async with desk(world, sqlite_url) as at:
            await at.outcome(deal)
            await at.settled("clean", "parked")
            [parked] = words_of(await at.rows(), "parked")
            assert parked[:2] == ("Opportunity", "ENTITY_IS_LOCKED")
            assert len(world.objects("Stripe_Invoice__c")) == 1  # truth does not wait

            world.control("lock", {"record": deal.record_id, "locked": False})
            await at.later(3600)

            assert await at.settled("clean") == {"clean": 3}

    run(main())


def test_a_validation_rule_is_tried_alone_and_then_quoted(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(2)
        [deal, other] = refs(world)
        world.fault("validation", match={"sobject": "Opportunity", "record": deal.record_id}, times=None)
        async with desk(world, sqlite_url) as at:
            await at.outcome(deal, other)
            states = await at.settled("clean", "dead")

            assert states == {"clean": 5, "dead": 1}
            assert words_of(await at.rows(), "dead") == [
                (
                    "Opportunity",
                    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                    "Ask Sales Operations before you change this record.",
                )
            ]
            assert len(at.calls()) <= 4

    run(main())


def test_truth_that_a_rule_refuses_takes_no_other_row_of_its_record_down(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org()
        world.fault("validation", match={"sobject": "Stripe_Invoice__c"}, times=None)
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))
            await at.settled("clean", "dead")

            assert [row[0] for row in words_of(await at.rows(), "dead")] == ["Stripe_Invoice__c"]
        assert len(world.objects("Stripe_Action__c")) == 1

    run(main())


def test_a_trigger_that_fails_once_is_forgiven(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org()
        world.fault("trigger_failure", match={"sobject": "Opportunity"})
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))

            assert await at.settled("clean") == {"clean": 3}

    run(main())


def test_a_trigger_that_cannot_bear_many_records_gets_fewer(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(90, profile={"base": "plain", "trigger_limits": {"Opportunity": 20}})
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))

            assert await at.settled("clean", seconds=60) == {"clean": 270}
            assert at.sender.paces["acme"].sizes.records < 40

    run(main())


def test_an_expired_session_costs_one_login(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org()
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))
            await at.settled("clean")
            world.control("sessions/expire", {})
            await at.outcome(*refs(world), status="Paid")
            await at.settled("clean")

        assert world.control("usage", {})["logins"] == 2

    run(main())


@pytest.mark.parametrize("fault", ["request_limit", "outage"])
def test_a_fault_of_the_whole_org_opens_its_circuit_and_leaves_everything_to_be_sent(
    make_org: MakeOrg, sqlite_url: str, fault: str
) -> None:
    async def main() -> None:
        world = make_org(3)
        deals = refs(world)
        if fault == "request_limit":
            world.control("usage", {"used": 5, "limit": 5})
        else:
            world.control("outage", {"down": True})
        async with desk(world, sqlite_url) as at:
            await at.outcome(*deals)
            await at.parked()
            assert await at.states() == {"dirty": 9}

            if fault == "request_limit":
                world.control("usage", {"used": 5, "limit": 5000})
            else:
                world.control("outage", {"down": False})
            await at.later(60)  # one probe a minute

            assert await at.settled("clean") == {"clean": 9}
            await at.recovered()

    run(main())


def test_a_removed_permission_set_makes_no_dead_letters(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(60)
        held = {"user": "gateway@northwind.example", "remove": ["Stripe_Gateway_Integration"]}
        world.control("permission_sets", held)
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))
            await at.parked()
            assert "dead" not in await at.states()

            world.control("permission_sets", {"user": held["user"], "add": held["remove"]})
            await at.later(60)
            await at.later(60)

            assert await at.settled("clean") == {"clean": 180}

    run(main())


def test_after_a_lost_answer_the_rows_go_again_and_the_stamp_once_more_when_nothing_late_can_come(
    make_org: MakeOrg, sqlite_url: str
) -> None:
    async def main() -> None:
        world = make_org()
        world.fault("drop_after", match={"path": "*composite/graph"})
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world))
            assert await at.settled("clean", "uncertain") == {"clean": 2, "uncertain": 1}
            assert at.calls() == [GRAPH, GRAPH]
            [stamp] = [row for row in await at.rows() if row.state == "uncertain"]
            assert (stamp.sobject, stamp.written, stamp.dirty_since) == ("Opportunity", stamp.version, None)

            await at.later(151)

            assert await at.settled("clean") == {"clean": 3}
            assert at.calls() == [GRAPH, GRAPH, GRAPH]
        assert len(world.objects("Stripe_Invoice__c")) == 1

    run(main())


def test_a_call_that_takes_too_long_is_halved(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(2)
        world.fault("hang", match={"path": "*composite/graph"})
        async with desk(world, sqlite_url, write_seconds=0.3) as at:
            await at.outcome(*refs(world))
            await until(lambda: "acme" in at.sender.paces and at.sender.paces["acme"].failures == 1)
            assert at.sender.paces["acme"].sizes.graphs == 37

            await at.settled("clean", "uncertain")
            await at.later(151)

            assert await at.settled("clean") == {"clean": 6}

    run(main())


def test_an_org_that_refuses_every_call_is_parked_and_buries_nothing(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(2)
        async with desk(world, sqlite_url, api_version="64.0") as at:  # a version the org does not have
            await at.outcome(*refs(world))
            for _ in range(4):
                await at.later(60)
                await asyncio.sleep(0.1)
            await at.parked()

            assert await at.states() == {"dirty": 6}

    run(main())


def test_graphs_that_were_halted_are_sent_again(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org(40)
        deals = refs(world)
        for deal in deals[:20]:
            rule = {"sobject": "Stripe_Invoice__c", "record": f"us:in_{deal.record_id}_1"}
            world.fault("validation", match=rule, times=None)
        async with desk(world, sqlite_url) as at:
            await at.outcome(*deals)
            states = await at.settled("clean", "dead")

        assert states == {"clean": 100, "dead": 20}

    run(main())


def test_a_record_that_was_deleted_keeps_its_truth_as_an_orphan(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org()
        [deal] = refs(world)
        world.control("delete", {"record": deal.record_id})
        async with desk(world, sqlite_url) as at:
            await at.outcome(deal)
            states = await at.settled("clean", "dead")

            assert states == {"clean": 2, "dead": 1}
            [(sobject, code, message)] = words_of(await at.rows(), "dead")
            assert (sobject, code) == ("Opportunity", "ENTITY_IS_DELETED")
            assert message is not None
            assert message.startswith("The record was deleted or merged in Salesforce")
        [invoice] = world.objects("Stripe_Invoice__c")
        assert (invoice["Opportunity__c"], invoice["Source_Record_Id__c"]) == (None, deal.record_id)

    run(main())


def test_writes_do_not_wake_an_assignment_rule(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        case = {"ref": "c", "sobject": "Case", "fields": {"Subject": "Bent wheel", "Origin": "Email", "Status": "New"}}
        world = make_org(seed=[case], profile={"base": "plain", "assignment": {"Case": "dispatcher"}})
        [before] = world.objects("Case")
        async with desk(world, sqlite_url) as at:
            await at.outcome(*refs(world, "Case"))
            await at.settled("clean")

        [after] = world.objects("Case")
        assert (after["OwnerId"], after["Stripe_Status__c"]) == (before["OwnerId"], "Invoice Open")

    run(main())


def test_a_sender_that_lost_its_claim_sends_nothing(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org()
        async with desk(world, sqlite_url) as at:
            await at.engine.stop(1.0)
            await at.outcome(*refs(world))
            stale = Claim("sender:acme", "sender", "sf:acme", 1, 0, 0, "another process's", None, 0.0, 1, None, None)

            verdict = await at.sender.handle(stale)

            assert verdict == Done()
            assert await at.states() == {"dirty": 3}
            assert at.calls() == []

    run(main())


def test_a_stop_does_not_wait_for_what_gathers_and_the_next_start_sends_it(make_org: MakeOrg, sqlite_url: str) -> None:
    async def main() -> None:
        world = make_org()
        [deal] = refs(world)
        async with desk(world, sqlite_url) as at:
            with at.standing_still():
                await at.outcome(deal)
                await at.settled("clean")
                await at.outcome(deal, status="Paid")  # gathers for three seconds
                at.sender.stop()
                await at.engine.stop(10.0)
            assert at.calls() == [GRAPH]

        async with desk(world, sqlite_url) as at:
            assert await at.settled("clean") == {"clean": 3}
        [invoice] = world.objects("Stripe_Invoice__c")
        assert invoice["Status__c"] == "Paid"

    run(main())
