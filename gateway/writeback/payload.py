"""
Mirror rows as calls: truth in Composite Graphs, one per source record, stamps beside them or in Collections.

Salesforce: "Composite Graph Limits" (75 graphs, 500 nodes and 15 kinds of node in a payload; after 14 failed graphs the
rest is halted) and "Update Multiple Records with Fewer Round-Trips" (200 records).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar
from urllib.parse import quote

from gateway.connectors.salesforce_errors import Fault, classify
from gateway.connectors.salesforce_types import Graph, Node
from gateway.engine.mirror import MirrorRow
from gateway.projections.rows import LOOKUPS, SOURCE_ID
from gateway.records import Json

T = TypeVar("T")
Rows = Sequence[MirrorRow]

MOST_GRAPHS = 75
MOST_NODES = 500
MOST_KINDS = 15
MOST_FAILURES = 14
MOST_RECORDS = 200
MOST_IN_GRAPH = 100  # rows of one source record; more go in several graphs

OWNER = "OwnerId"
VERSION_FIELD = "Sync_Version__c"
SUSPECT = {Fault.ALONE, Fault.PERMANENT, Fault.DUPLICATE, Fault.RELINK}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much goes into one call; halved when Salesforce takes too long."""

    graphs: int = MOST_GRAPHS
    nodes: int = MOST_NODES
    records: int = MOST_RECORDS


FULL = Sizes()


@dataclass(frozen=True, slots=True)
class Truth:
    """A Composite Graph call; ``rows`` by reference id. ``alone``: every graph is one row that is suspect."""

    graphs: tuple[Graph, ...]
    rows: Mapping[str, MirrorRow]
    alone: bool = False

    def full(self, sizes: Sizes) -> bool:
        return len(self.graphs) >= sizes.graphs or len(self.rows) + MOST_IN_GRAPH > sizes.nodes


@dataclass(frozen=True, slots=True)
class Stamps:
    """A Collections call, answered in the order of ``rows``."""

    records: tuple[Mapping[str, Json], ...]
    stamped: tuple[MirrorRow, ...]

    @property
    def rows(self) -> Mapping[str, MirrorRow]:
        return {row.key: row for row in self.stamped}

    def full(self, sizes: Sizes) -> bool:
        return len(self.records) >= sizes.records


Parcel = Truth | Stamps


def compose(rows: Iterable[MirrorRow], sizes: Sizes = FULL) -> list[Parcel]:
    """The calls that write ``rows``: truth first, then stamps, then each row that is suspect in a graph of its own."""
    trusted: list[MirrorRow] = []
    suspects: list[MirrorRow] = []
    for row in rows:
        (suspects if suspect(row) else trusted).append(row)
    truth = [row for row in trusted if not row.stamp]
    stamps = [row for row in trusted if row.stamp]
    packs = list(_packs(_groups(truth, min(MOST_IN_GRAPH, sizes.nodes)), sizes))
    if stamps and _fits_beside(packs, stamps, sizes):
        packs, stamps = [[*(packs[0] if packs else []), *([stamp] for stamp in stamps)]], []
    return [
        *(_truth(pack) for pack in packs),
        *(_stamps(part) for part in _cut(sorted(stamps, key=lambda row: row.sobject), sizes.records)),
        *(_truth([[row] for row in part], alone=True) for part in _cut(suspects, min(MOST_FAILURES, sizes.graphs))),
    ]


def suspect(row: MirrorRow) -> bool:
    """Whether it was refused for what may be its own fault: it must not take others down, nor be judged with them."""
    failed = row.attempts > 0 and row.error_code is not None
    return failed and classify(row.error_code or "", row.error or "") in SUSPECT


def _groups(rows: Rows, most: int) -> list[Rows]:
    """Rows by source record; a group that others point to comes before them."""
    by_parent: dict[str, list[MirrorRow]] = {}
    for row in rows:
        by_parent.setdefault(row.parent.record_id if row.parent else row.key, []).append(row)
    groups = [part for group in by_parent.values() for part in _parts(group, most)]
    home = {(row.id_field, row.key): place for place, group in enumerate(groups) for row in group}
    needs = {place: {home[key] for row in group for key in _targets(row) if key in home} - {place}
             for place, group in enumerate(groups)}  # fmt: skip
    return [groups[place] for place in _sorted(needs)]


def _parts(group: Rows, most: int) -> Iterator[Rows]:
    """One graph, unless the source record has more rows or kinds of them than a graph may have."""
    part: list[MirrorRow] = []
    for row in group:
        if part and (len(part) >= most or len({row.sobject, *(each.sobject for each in part)}) > MOST_KINDS):
            yield part
            part = []
        part.append(row)
    yield part


def _packs(groups: Iterable[Rows], sizes: Sizes) -> Iterator[list[Rows]]:
    pack: list[Rows] = []
    nodes, kinds = 0, set[str]()
    for group in groups:
        wider = kinds | {row.sobject for row in group}
        if pack and not _allowed(len(pack) + 1, nodes + len(group), len(wider), sizes):
            yield pack
            pack, nodes, wider = [], 0, {row.sobject for row in group}
        pack.append(group)
        nodes, kinds = nodes + len(group), wider
    if pack:
        yield pack


def _allowed(graphs: int, nodes: int, kinds: int, sizes: Sizes) -> bool:
    return graphs <= sizes.graphs and nodes <= sizes.nodes and kinds <= MOST_KINDS


def _fits_beside(packs: Sequence[Sequence[Rows]], stamps: Rows, sizes: Sizes) -> bool:
    truth = [row for group in packs[0] for row in group] if packs else []
    kinds = {row.sobject for row in (*truth, *stamps)}
    graphs = (len(packs[0]) if packs else 0) + len(stamps)
    return len(packs) <= 1 and _allowed(graphs, len(truth) + len(stamps), len(kinds), sizes)


def _truth(pack: Sequence[Rows], *, alone: bool = False) -> Truth:
    graphs: list[Graph] = []
    placed: dict[str, MirrorRow] = {}
    for number, group in enumerate(pack):
        refs = {f"g{number}n{place}": row for place, row in enumerate(group)}
        graphs.append(Graph(f"g{number}", _nodes(refs)))
        placed |= refs
    return Truth(tuple(graphs), placed, alone)


def _nodes(refs: Mapping[str, MirrorRow]) -> tuple[Node, ...]:
    """Upserts in an order in which every reference points back."""
    here = {(row.id_field, row.key): ref for ref, row in refs.items()}
    needs = {ref: {here[key] for key in _targets(row) if key in here} - {ref} for ref, row in refs.items()}
    return tuple(Node("PATCH", _address(refs[ref]), ref, _body(refs[ref], here)) for ref in _sorted(needs))


def _sorted(needs: Mapping[T, set[T]]) -> list[T]:
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError:
        return list(needs)


def _address(row: MirrorRow) -> str:
    record = row.key if row.id_field == "Id" else f"{row.id_field}/{quote(row.key, safe=':')}"
    return f"sobjects/{row.sobject}/{record}"


def _body(row: MirrorRow, here: Mapping[tuple[str, str], str]) -> dict[str, Json]:
    body: dict[str, Json] = {}
    for name, value in _written(row).items():
        target = _target(name, value)
        if target is not None and target in here:
            body[name.removesuffix("__r") + "__c"] = f"@{{{here[target]}.id}}"
        else:
            body[name] = _inert(value)
    if not row.stamp:
        body[VERSION_FIELD] = row.version
    return body


def _written(row: MirrorRow) -> Mapping[str, Json]:
    """The fields to write: without the key itself, and without lookups to records that are gone."""
    fields = {name: value for name, value in row.fields.items() if name != row.id_field}
    if row.stamp or row.attempts == 0 or classify(row.error_code or "") is not Fault.RELINK:
        return fields
    # A merged or deleted record refuses the whole row: first the other lookups go, then the source record's own.
    own = {name for name, value in fields.items() if row.parent and value == row.parent.record_id} - {SOURCE_ID}
    gone = {*LOOKUPS.values(), *own} - (own if row.attempts == 1 else set())
    return {name: value for name, value in fields.items() if name not in gone}


def _targets(row: MirrorRow) -> Iterator[tuple[str, str]]:
    for name, value in row.fields.items():
        if target := _target(name, value):
            yield target


def _target(name: str, value: Json) -> tuple[str, str] | None:
    """The row a relationship by external id points to: (id field, key)."""
    if not name.endswith("__r") or not isinstance(value, Mapping) or len(value) != 1:
        return None
    [(field, key)] = value.items()
    return (field, str(key))


def _inert(value: Json) -> Json:
    """People's text may hold ``@{``, which a graph would take for a reference."""
    return value.replace("@{", "@ {") if isinstance(value, str) else value


def _stamps(rows: Rows) -> Stamps:
    records = ({"attributes": {"type": row.sobject}, "Id": row.key, **_written(row)} for row in rows)
    return Stamps(tuple(records), tuple(rows))


def _cut(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
