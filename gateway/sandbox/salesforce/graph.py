"""
``composite/graph``: many graphs in one call, each all or nothing.

Limits: REST API Developer Guide, "Composite Graph Limits".
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.sandbox.salesforce import composite
from gateway.sandbox.salesforce.calls import Answer, Call
from gateway.sandbox.salesforce.errors import SalesforceError, malformed_json
from gateway.sandbox.salesforce.references import used

MAX_GRAPHS, MAX_NODES, MAX_KINDS, MAX_DEPTH, MAX_FAILURES = 75, 500, 15, 15, 14
GRAPH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,39}")
NODE_PATH = re.compile(r"/services/data/(v[0-9.]+)/sobjects/([^/]+)(?:/([^/]+)(?:/([^/]+))?)?/?")
# Segments after the object -> methods ("Using Composite Graphs": the only addresses a node may have).
NODE_METHODS = {0: {"POST"}, 1: {"DELETE", "GET", "PATCH"}, 2: {"DELETE", "GET", "PATCH", "POST"}}
HALTED = "Processing was halted because too many graphs of this request failed."


def handle(call: Call) -> Answer:
    graphs = read_graphs(call.record_body().get("graphs"))
    answers: list[dict[str, Any]] = []
    failures = 0
    for graph in graphs:
        if failures >= MAX_FAILURES:
            answers.append(shown(graph, halted(graph), successful=False))
            continue
        nodes, successful = run(call, graph)
        failures += not successful
        answers.append(shown(graph, nodes, successful=successful))
    return Answer(200, {"graphs": answers})


def read_graphs(given: Any) -> list[Mapping[str, Any]]:
    """Shape and limits of the whole payload; a breach refuses all of it."""
    if not isinstance(given, list) or not given:
        raise malformed_json("graphs must be a list of graphs")
    refuse(len(given) > MAX_GRAPHS, f"The maximum number of graphs allowed is {MAX_GRAPHS}")
    seen: set[str] = set()
    kinds: set[tuple[str, str, str]] = set()
    for graph in given:
        if not isinstance(graph, dict) or set(graph) != {"graphId", "compositeRequest"}:
            raise malformed_json("every graph needs graphId and compositeRequest, nothing else")
        name = str(graph["graphId"])
        if not GRAPH_ID.fullmatch(name) or name in seen:
            raise SalesforceError("INVALID_INPUT", f"Invalid or duplicate graph id: {name}")
        seen.add(name)
        composite.read_subrequests(graph["compositeRequest"], MAX_NODES)
        kinds |= {kind_of(node) for node in graph["compositeRequest"]}
        refuse(depth(graph["compositeRequest"]) > MAX_DEPTH, f"The maximum depth of a graph is {MAX_DEPTH}")
    total = sum(len(graph["compositeRequest"]) for graph in given)
    refuse(total > MAX_NODES, f"The maximum number of nodes allowed is {MAX_NODES}; this request has {total}")
    refuse(
        len(kinds) > MAX_KINDS, f"The maximum number of different nodes is {MAX_KINDS}; this request has {len(kinds)}"
    )
    return given


def refuse(breach: bool, message: str) -> None:
    if breach:
        raise SalesforceError("LIMIT_EXCEEDED", message)


def kind_of(node: Mapping[str, Any]) -> tuple[str, str, str]:
    """Nodes differ by API version, method and object."""
    match = NODE_PATH.fullmatch(urlsplit(node["url"]).path)
    method = node["method"].upper()
    if match is None or method not in NODE_METHODS[sum(part is not None for part in match.groups()[2:])]:
        raise SalesforceError("INVALID_INPUT", f"A graph does not support {method} {node['url']}")
    return match[1], method, match[2].lower()


def depth(nodes: list[Mapping[str, Any]]) -> int:
    """The longest chain of references."""
    level: dict[str, int] = {}
    for node in nodes:
        needed = used(node["url"]) | used(node.get("body"))
        if missing := needed - set(level):
            message = f"{node['referenceId']} refers to {min(missing)}, which does not come before it"
            raise SalesforceError("INVALID_INPUT", message)
        level[node["referenceId"]] = 1 + max((level[name] for name in needed), default=0)
    return max(level.values())


def run(call: Call, graph: Mapping[str, Any]) -> tuple[list[Answer], bool]:
    nodes = graph["compositeRequest"]
    with call.org.store.transaction() as mark:
        answers = composite.run_all(call, nodes, stop=True)
        if not any(composite.failed(answer) for answer in answers):
            return answers, True
        call.org.store.rollback(mark)
    return composite.halted(answers, len(nodes)), False


def halted(graph: Mapping[str, Any]) -> list[Answer]:
    error = SalesforceError("PROCESSING_HALTED", HALTED)
    return [Answer(400, error.body()) for _ in graph["compositeRequest"]]


def shown(graph: Mapping[str, Any], answers: list[Answer], *, successful: bool) -> dict[str, Any]:
    entries = [composite.entry(node, answer) for node, answer in zip(graph["compositeRequest"], answers, strict=True)]
    return {"graphId": graph["graphId"], "graphResponse": {"compositeResponse": entries}, "isSuccessful": successful}
