"""Composite graph: atomic graphs, the limits of a payload, and halting after fourteen failures."""

from typing import Any

import pytest
from simple_salesforce import Salesforce

from tests.support.salesforce_org import World

BASE = "/services/data/v65.0/sobjects"


def node(reference: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    entry = {"referenceId": reference, "method": method, "url": f"{BASE}/{path}"}
    return entry if body is None else {**entry, "body": body}


def account(reference: str, name: str | None) -> dict[str, Any]:
    return node(reference, "POST", "Account", {} if name is None else {"Name": name})


def graph(name: str, *nodes: dict[str, Any]) -> dict[str, Any]:
    return {"graphId": name, "compositeRequest": list(nodes)}


def send(sf: Salesforce, *graphs: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sf.restful("composite/graph", method="POST", json={"graphs": list(graphs)})["graphs"]
    return found


def nodes_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["graphResponse"]["compositeResponse"]
    return found


def names(world: World) -> set[str]:
    return {row["Name"] for row in world.objects("Account")}


def test_a_graph_is_written_whole(sf: Salesforce, world: World):
    invoice = {"Stripe_Id__c": "in_1", "Entity__c": "us", "Account__c": "@{a.id}"}

    [answer] = send(
        sf, graph("g1", account("a", "Delta"), node("i", "PATCH", "Stripe_Invoice__c/Stripe_Key__c/us%3Ain_1", invoice))
    )

    assert answer["isSuccessful"] is True
    assert [entry["httpStatusCode"] for entry in nodes_of(answer)] == [201, 201]
    assert world.objects("Stripe_Invoice__c")[0]["Account__c"] == nodes_of(answer)[0]["body"]["id"]


def test_a_failed_graph_leaves_nothing_and_harms_no_other(sf: Salesforce, world: World):
    bad, good = send(sf, graph("bad", account("a", "Lost"), account("b", None)), graph("good", account("a", "Kept")))

    assert (bad["isSuccessful"], good["isSuccessful"]) == (False, True)
    assert nodes_of(bad)[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert nodes_of(bad)[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert "Kept" in names(world)
    assert "Lost" not in names(world)


def test_after_fourteen_failed_graphs_the_rest_is_not_processed(sf: Salesforce, world: World):
    failing = [graph(f"bad{n}", account("a", None)) for n in range(14)]

    answers = send(sf, graph("first", account("a", "First")), *failing, graph("last", account("a", "Last")))

    assert answers[0]["isSuccessful"] is True
    assert [entry["isSuccessful"] for entry in answers[1:]] == [False] * 15
    assert nodes_of(answers[14])[0]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert nodes_of(answers[15])[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert "Last" not in names(world)


def test_thirteen_failed_graphs_do_not_halt(sf: Salesforce, world: World):
    send(sf, *(graph(f"bad{n}", account("a", None)) for n in range(13)), graph("last", account("a", "Last")))

    assert "Last" in names(world)


def test_the_largest_payload_is_taken(sf: Salesforce):
    answers = send(sf, *(graph(f"g{n}", *(account(f"a{m}", f"{n}-{m}") for m in range(6))) for n in range(75)))

    assert all(answer["isSuccessful"] for answer in answers)


def chain(length: int) -> dict[str, Any]:
    links = [account("n0", "Top")]
    links += [
        node(f"n{n}", "POST", "Account", {"Name": f"{n}", "ParentId": f"@{{n{n - 1}.id}}"}) for n in range(1, length)
    ]
    return graph("chain", *links)


# Objects whose records every graph may address; the kinds of a payload count object and method.
KINDS = ("Account", "Contact", "Opportunity", "Case", "Task", "Product2", "Pricebook2", "Order")
BREACHES = {
    "76 graphs": [graph(f"g{n}", account("a", "x")) for n in range(76)],
    "501 nodes": [graph("g", *(account(f"a{n}", "x") for n in range(501)))],
    "501 nodes in two graphs": [
        graph("g", *(account(f"a{n}", "x") for n in range(251))),
        graph("h", *(account(f"a{n}", "x") for n in range(250))),
    ],
    "16 kinds": [
        graph("g", *(node(f"p{k}", "POST", k, {}) for k in KINDS), *(node(f"g{k}", "GET", f"{k}/001") for k in KINDS))
    ],
    "depth 16": [chain(16)],
}


@pytest.mark.parametrize("graphs", BREACHES.values(), ids=BREACHES.keys())
def test_a_payload_beyond_the_limits_is_refused_whole(world: World, graphs: list[dict[str, Any]]):
    before = names(world)

    answer = world.call("POST", "composite/graph", {"graphs": graphs})

    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "LIMIT_EXCEEDED"
    assert names(world) == before


def test_depth_fifteen_and_fifteen_kinds_are_allowed(sf: Salesforce):
    [deep] = send(sf, chain(15))
    [many] = send(sf, graph("g", *(node(f"g{k}", "GET", f"{k}/001") for k in KINDS)))

    assert deep["isSuccessful"] is True
    assert nodes_of(many)[0]["body"][0]["errorCode"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "bad",
    [
        graph("g", {"referenceId": "q", "method": "GET", "url": "/services/data/v65.0/query?q=SELECT+Id+FROM+Account"}),
        graph("g", node("p", "PUT", "Account")),
        graph("g", node("d", "DELETE", "Account")),
        graph("g", account("a", "x"), account("a", "y")),
        graph("-g", account("a", "x")),
        graph("g", node("c", "POST", "Contact", {"LastName": "x", "AccountId": "@{later.id}"}), account("later", "x")),
    ],
)
def test_a_graph_that_is_not_well_formed_is_refused(world: World, bad: dict[str, Any]):
    answer = world.call("POST", "composite/graph", {"graphs": [bad]})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_INPUT")


def test_a_graph_with_unknown_members_is_refused(world: World):
    answer = world.call("POST", "composite/graph", {"graphs": [{**graph("g", account("a", "x")), "allOrNone": True}]})

    assert answer.json()[0]["errorCode"] == "JSON_PARSER_ERROR"
