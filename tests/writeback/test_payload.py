"""Mirror rows as calls: no limit is ever broken, no row is lost, every reference points back."""

from __future__ import annotations

import random
import re
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.connectors.salesforce_types import Graph
from gateway.engine.mirror import MirrorRow
from gateway.records import SourceRef
from gateway.writeback.payload import FULL, MOST_FAILURES, Sizes, Stamps, Truth, compose
from tests.writeback.rows import OPPORTUNITY, failed, row, stamp

KINDS = tuple(f"Stripe_Kind_{number}__c" for number in range(18))
PREFIXES = {"Opportunity": "006", "Case": "500"}
PARENTS = tuple(SourceRef(name, f"{prefix}{n:015d}") for name, prefix in PREFIXES.items() for n in range(12))
CODES = (None, "UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "INVALID_FIELD")


def mirror(seed: int) -> list[MirrorRow]:
    """Up to several hundred rows of many source records; drawn from one number, so that a failure prints small."""
    dice = random.Random(seed)
    found: dict[tuple[str, str], MirrorRow] = {}
    for number in range(dice.choice((0, 1, 5, 60))):
        parent = dice.choice((*PARENTS, None))
        for part in range(dice.randint(1, 14)):
            key = f"us:obj_{number}_{part}"
            target = dice.choice([each.key for each in found.values()]) if found and dice.random() < 0.5 else None
            fields = {"Stripe_Kind_0__r": {"Stripe_Key__c": target}} if target else {}
            made = row(key, dice.choice(KINDS), parent=parent, fields=fields)
            code = dice.choice(CODES)
            found[made.sobject, key] = failed(made, code) if code else made
        if parent and dice.random() < 0.5:
            found[parent.sobject, parent.record_id] = stamp(parent)
    return list(found.values())


seeds = st.integers(0, 2**32)
sizes = st.one_of(st.just(FULL), st.builds(Sizes, st.integers(1, 75), st.integers(1, 500), st.integers(1, 200)))


@settings(max_examples=50, deadline=None)
@given(seeds, sizes)
def test_every_row_goes_exactly_once_and_no_limit_is_broken(seed: int, most: Sizes) -> None:
    waiting = mirror(seed)

    parcels = compose(waiting, most)

    sent = [(each.sobject, each.key) for parcel in parcels for each in parcel.rows.values()]
    assert sorted(sent) == sorted((each.sobject, each.key) for each in waiting)
    for parcel in parcels:
        if isinstance(parcel, Stamps):
            assert len(parcel.records) <= min(200, most.records)
            continue
        nodes = [node for graph in parcel.graphs for node in graph.nodes]
        assert len(parcel.graphs) <= min(75, most.graphs)
        assert len(nodes) <= 500
        assert len({node.url.split("/")[1] for node in nodes}) <= 15
        assert len({node.ref for node in nodes}) == len(nodes)
        assert len({graph.id for graph in parcel.graphs}) == len(parcel.graphs)
        for graph in parcel.graphs:
            assert references_point_back(graph)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_a_graph_holds_one_source_record_and_a_suspect_row_goes_by_itself(seed: int) -> None:
    for parcel in compose(mirror(seed)):
        if isinstance(parcel, Stamps):
            continue
        for graph in parcel.graphs:
            placed = [parcel.rows[node.ref] for node in graph.nodes]
            assert len({each.parent.record_id if each.parent else each.key for each in placed}) == 1
            if any(each.id_field == "Id" for each in placed):
                assert len(placed) == 1
        if parcel.alone:
            assert all(len(graph.nodes) == 1 for graph in parcel.graphs)
            assert len(parcel.graphs) <= MOST_FAILURES


def references_point_back(graph: Graph) -> bool:
    known: set[str] = set()
    for node in graph.nodes:
        used = set(re.findall(r"@\{(\w+)\.id\}", str(node.body)))
        if not used <= known:
            return False
        known.add(node.ref)
    return True


def test_one_click_is_one_call_with_the_stamp_in_a_graph_of_its_own() -> None:
    action = row("act_1", "Stripe_Action__c", id_field="Gateway_Action_Id__c", fields={"Status__c": "succeeded"})

    [parcel] = compose([row(), action, stamp()])

    assert isinstance(parcel, Truth)
    assert [[node.url for node in graph.nodes] for graph in parcel.graphs] == [
        ["sobjects/Stripe_Invoice__c/Stripe_Key__c/us:in_1", "sobjects/Stripe_Action__c/Gateway_Action_Id__c/act_1"],
        [f"sobjects/Opportunity/{OPPORTUNITY.record_id}"],
    ]


def test_a_thousand_outcomes_are_nineteen_calls() -> None:
    waiting = []
    for number in range(1000):
        parent = SourceRef("Opportunity", f"006{number:012d}AAA")
        action = row(f"act_{number}", "Stripe_Action__c", parent=parent, id_field="Gateway_Action_Id__c")
        waiting += [row(f"us:in_{number}", parent=parent), action, stamp(parent)]

    parcels = compose(waiting)

    assert Counter(type(parcel) for parcel in parcels) == {Truth: 14, Stamps: 5}


def test_truth_carries_its_version_and_the_stamp_does_not() -> None:
    [parcel] = compose([row(version=7, fields={"Stripe_Key__c": "us:in_1", "Total__c": Decimal("12.50")}), stamp()])

    assert isinstance(parcel, Truth)
    truth, stamped = (graph.nodes[0].body for graph in parcel.graphs)
    assert truth == {"Total__c": Decimal("12.50"), "Sync_Version__c": 7}
    assert stamped == {"Stripe_Status__c": "Invoice Open"}


def test_a_relation_within_the_graph_becomes_a_reference_and_one_beyond_it_stays() -> None:
    refund = row("us:re_1", "Stripe_Refund__c", fields={"Stripe_Invoice__r": {"Stripe_Key__c": "us:in_1"}})
    invoice = row("us:in_1", fields={"Stripe_Customer__r": {"Stripe_Key__c": "us:cus_1"}})

    [parcel] = compose([refund, invoice])

    assert isinstance(parcel, Truth)
    [graph] = parcel.graphs
    assert [node.body for node in graph.nodes] == [
        {"Stripe_Customer__r": {"Stripe_Key__c": "us:cus_1"}, "Sync_Version__c": 1},
        {"Stripe_Invoice__c": f"@{{{graph.nodes[0].ref}.id}}", "Sync_Version__c": 1},
    ]


def test_the_graph_that_others_point_to_comes_first() -> None:
    account = SourceRef("Account", "001000000000001AAA")
    invoice = row("us:in_1", fields={"Stripe_Customer__r": {"Stripe_Key__c": "us:cus_1"}})

    [parcel] = compose([invoice, row("us:cus_1", "Stripe_Customer__c", parent=account)])

    assert isinstance(parcel, Truth)
    assert [graph.nodes[0].url.rpartition("/")[2] for graph in parcel.graphs] == ["us:cus_1", "us:in_1"]


def test_rows_that_point_at_each_other_are_still_sent() -> None:
    one = row("us:a_1", fields={"Other__r": {"Stripe_Key__c": "us:b_1"}})
    two = row("us:b_1", fields={"Other__r": {"Stripe_Key__c": "us:a_1"}})

    [parcel] = compose([one, two])

    assert len(parcel.rows) == 2


def test_text_that_looks_like_a_reference_is_made_inert() -> None:
    [parcel] = compose([row(fields={"Description__c": "Pay @{now}"})])

    assert isinstance(parcel, Truth)
    assert parcel.graphs[0].nodes[0].body["Description__c"] == "Pay @ {now}"


def test_a_key_is_quoted_in_the_address() -> None:
    [parcel] = compose([row("us:in/1?x")])

    assert isinstance(parcel, Truth)
    assert parcel.graphs[0].nodes[0].url == "sobjects/Stripe_Invoice__c/Stripe_Key__c/us:in%2F1%3Fx"


@pytest.mark.parametrize("own", ["Opportunity__c", "Project__c"])
def test_lookups_to_a_merged_record_are_dropped_the_source_records_own_last(own: str) -> None:
    source = {own: OPPORTUNITY.record_id, "Source_Record_Id__c": OPPORTUNITY.record_id}
    whole = row(fields={**source, "Contact__c": "003000000000001AAA", "Status__c": "Paid"})

    bodies = []
    for attempts in (1, 2):
        [parcel] = compose([failed(whole, "ENTITY_IS_DELETED", attempts=attempts)])
        assert isinstance(parcel, Truth)
        bodies.append(parcel.graphs[0].nodes[0].body)

    assert bodies == [
        {**source, "Status__c": "Paid", "Sync_Version__c": 1},
        {"Source_Record_Id__c": OPPORTUNITY.record_id, "Status__c": "Paid", "Sync_Version__c": 1},
    ]


def test_a_row_that_met_a_lock_is_not_suspect() -> None:
    [parcel] = compose([failed(row(), "UNABLE_TO_LOCK_ROW"), row("us:in_2")])

    assert not getattr(parcel, "alone", True)
    assert len(parcel.rows) == 2
