"""Whose turn it is: what a process may claim now, and what falls back when a process is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.lanes import CLAIM_COLUMNS, NEXT_SEQ, TAKE, Claim, Holder, in_state, parked
from gateway.engine.schema import circuit, job

_other = job.alias("other")
_first = job.alias("first")
_lane_taken = sa.or_(
    sa.exists().where(_other.c.lane == job.c.lane, in_state(_other, "running", "waiting")),
    sa.exists().where(_first.c.lane == job.c.lane, in_state(_first, "ready"), _first.c.seq < job.c.seq),
)
_found = sa.select(job.c.seq, job.c.lane)
_RESTED = (
    _found.where(in_state(job, "waiting"), job.c.due <= bindparam("now"), ~parked)
    .order_by(job.c.due)
    .limit(bindparam("limit"))
)
_READY = (
    _found.where(in_state(job, "ready"), job.c.priority <= bindparam("priority"), ~_lane_taken, ~parked)
    .order_by(job.c.priority, job.c.seq)
    .limit(bindparam("limit"))
)
_HELD = _found.where(in_state(job, "held"), job.c.due <= bindparam("now")).order_by(job.c.due).limit(bindparam("limit"))
_CIRCUITS = sa.select(circuit.c.scope, circuit.c.next_probe)
# A job made to be the probe goes first: what it does proves something, whatever else a job may be held up by.
_PROBES = (
    _found.where(job.c.id == sa.literal("probe:") + bindparam("scope"), in_state(job, "waiting", "ready")),
    _found.where(job.c.scope == bindparam("scope"), in_state(job, "waiting"), job.c.waits_for.is_(None)).limit(1),
    _found.where(job.c.scope == bindparam("scope"), in_state(job, "ready"), ~_lane_taken).limit(1),
)


@dataclass(frozen=True, slots=True)
class Turns:
    """Rows a process may claim now, rows whose delay is over, and the probes that are due: (scope, seq)."""

    open_scopes: frozenset[str]
    runnable: tuple[int, ...]
    released: tuple[int, ...]
    probes: tuple[tuple[str, int], ...]
    lanes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.runnable or self.released or self.probes)


def look(conn: Connection, now: float, *, slots: int, priority: int = 9) -> Turns:
    """What is to be done now, for at most ``slots`` jobs up to that priority. Only reads."""
    rested = _rows(conn, _RESTED, now=now, limit=slots)
    ready = _rows(conn, _READY, priority=priority, limit=max(slots - len(rested), 0))
    held = _rows(conn, _HELD, now=now, limit=256)
    circuits = [(row.scope, row.next_probe) for row in conn.execute(_CIRCUITS)]
    due = [scope for scope, next_probe in circuits if next_probe <= now]
    probes = [(scope, row) for scope in due for row in _probe(conn, scope)]
    return Turns(
        open_scopes=frozenset(scope for scope, _ in circuits),
        runnable=tuple(seq for seq, _ in (*rested, *ready)),
        released=tuple(seq for seq, _ in held),
        probes=tuple((scope, seq) for scope, (seq, _) in probes),
        lanes=tuple({lane for _, lane in (*rested, *ready, *held, *(row for _, row in probes))}),
    )


def _rows(conn: Connection, query: sa.Select[int, str], **values: object) -> list[tuple[int, str]]:
    return [(row.seq, row.lane) for row in conn.execute(query, values)]


def _probe(conn: Connection, scope: str) -> list[tuple[int, str]]:
    """One job of the scope: rather one that has started than a new one."""
    return [row for query in _PROBES for row in _rows(conn, query, scope=scope)][:1]


_free_now = sa.or_(
    in_state(job, "waiting"),
    sa.and_(
        in_state(job, "ready"),
        ~sa.exists().where(_other.c.lane == job.c.lane, in_state(_other, "running", "waiting")),
    ),
)
_CLAIM = (
    sa.update(job)
    .where(job.c.seq.in_(bindparam("b_seqs", expanding=True)), _free_now)
    .values(**TAKE, waits_for=None)
    .returning(*CLAIM_COLUMNS)
)
_RELEASE = {
    name: sa.update(job).where(job.c.seq == bindparam("b_seq"), in_state(job, "held")).values(state="ready", seq=seq)
    for name, seq in NEXT_SEQ.items()
}
_NEXT_PROBE = (
    sa.update(circuit)
    .where(circuit.c.scope == bindparam("b_scope"), circuit.c.next_probe <= bindparam("b_now"))
    .values(next_probe=bindparam("b_next"))
)
PROBE_SECONDS = 60.0


def claim(conn: Connection, turns: Turns, holder: Holder, now: float) -> list[Claim]:
    """Claim what `look` found and is still free; delayed jobs whose time has come rejoin their lanes at the end."""
    for seq in turns.released:
        conn.execute(_RELEASE[conn.dialect.name], {"b_seq": seq})
    seqs = [*turns.runnable]
    for scope, seq in turns.probes:
        values = {"b_scope": scope, "b_now": now, "b_next": now + PROBE_SECONDS}
        if conn.execute(_NEXT_PROBE, values).rowcount == 1:
            seqs.append(seq)
    if not seqs:
        return []
    rows = conn.execute(_CLAIM, {"b_seqs": seqs, "b_node": holder.node, "b_claim": holder.token})
    return sorted((Claim(*row) for row in rows), key=lambda found: found.seq)


_running = in_state(job, "running")
_FALLEN = {"state": "waiting", "due": 0.0, "node": None, "claim": None}
_FALL_BACK_ALL = sa.update(job).where(_running).values(**_FALLEN)
_FALL_BACK = sa.update(job).where(_running, job.c.node == bindparam("b_node")).values(**_FALLEN)
_FALL_BACK_ONE = (
    sa.update(job).where(_running, job.c.id == bindparam("b_id"), job.c.claim == bindparam("b_claim")).values(**_FALLEN)
)
_HELD_BY = sa.select(job.c.id, job.c.claim).where(_running, job.c.node == bindparam("node"))


def fall_back(conn: Connection, node: int | None) -> int:
    """Jobs that node was running keep their lanes and run again, first; None: every running job (SQLite at start)."""
    if node is None:
        return conn.execute(_FALL_BACK_ALL).rowcount
    return conn.execute(_FALL_BACK, {"b_node": node}).rowcount


def held_by(conn: Connection, node: int) -> list[tuple[str, str]]:
    """(id, claim) of every job the node is on record as running."""
    return [(row.id, row.claim) for row in conn.execute(_HELD_BY, {"node": node})]


def fall_back_each(conn: Connection, orphans: Sequence[tuple[str, str]]) -> None:
    """Let these claims go: their commit stood, but the answer to it was lost with the connection."""
    conn.execute(_FALL_BACK_ONE, [{"b_id": job_id, "b_claim": claim_} for job_id, claim_ in orphans])
