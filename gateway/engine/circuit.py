"""Whole-upstream faults: an open circuit keeps its jobs waiting, unattempted, but for one probe a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from gateway.engine.clock import now
from gateway.engine.lanes import in_state
from gateway.engine.schema import action, circuit, job, step
from gateway.engine.turns import PROBE_SECONDS

_COLUMNS = ("scope", "since", "next_probe", "error_code", "error")
_OPEN = {
    name: (insert := dialect.insert(circuit).values({c: bindparam(c) for c in _COLUMNS})).on_conflict_do_update(
        index_elements=[circuit.c.scope],
        set_={
            "error_code": insert.excluded.error_code,
            "error": insert.excluded.error,
            # Whoever finds it open puts off no probe that is already set: with enough traffic none would ever go out.
            "next_probe": sa.case(
                (circuit.c.next_probe > insert.excluded.since, circuit.c.next_probe), else_=insert.excluded.next_probe
            ),
        },
    )
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_CLOSE = sa.delete(circuit).where(circuit.c.scope == bindparam("b_scope"))
_LET_RUN = (
    sa.update(job)
    .where(
        in_state(job, "waiting"),
        job.c.scope == bindparam("b_scope"),
        job.c.waits_for.is_(None),
        job.c.paused_by.is_(None),
    )
    .values(due=0.0)
)
_ALL = sa.select(*(circuit.c[name] for name in _COLUMNS)).order_by(circuit.c.since)
_HOLDING = _ALL.where(
    sa.or_(
        circuit.c.scope.in_(sa.select(job.c.scope).where(job.c.id == bindparam("job_id"))),
        circuit.c.scope.in_(bindparam("scopes", expanding=True)),
    )
)
_EXPIRED = 500  # jobs let go at once
# Only what has certainly sent nothing ends by itself: not planned yet, or put down with that said (see StepRow).
_LET_EXPIRE = (
    sa.update(job)
    .where(
        job.c.seq.in_(
            sa.select(job.c.seq)
            .join(action, action.c.id == job.c.id)
            .where(
                in_state(job, "ready", "waiting"),
                job.c.paused_by.is_(None),
                job.c.scope.in_(sa.select(circuit.c.scope)),
                action.c.expires < bindparam("b_now"),
                sa.or_(
                    action.c.plan.is_(None),
                    sa.exists().where(step.c.action_id == action.c.id, step.c.n == 0, step.c.state == "unsent"),
                ),
            )
            .limit(_EXPIRED)
        )
    )
    .values(scope=None, due=0.0)
)


@dataclass(frozen=True, slots=True)
class Circuit:
    """An open circuit; times in seconds since the epoch."""

    scope: str
    since: float
    next_probe: float
    error_code: str
    error: str


def open_circuit(conn: Connection, scope: str, code: str, error: str, *, probe_after: float = PROBE_SECONDS) -> None:
    """Keep the scope's jobs waiting; repeated it keeps ``since``, and the next probe where one is set."""
    at = now(conn)
    row = {"scope": scope, "since": at, "next_probe": at + probe_after, "error_code": code, "error": error}
    conn.execute(_OPEN[conn.dialect.name], row)


def close_circuit(conn: Connection, scope: str) -> bool:
    """Let the scope's jobs run again, at once; False when it was not open."""
    if conn.execute(_CLOSE, {"b_scope": scope}).rowcount == 0:
        return False
    conn.execute(_LET_RUN, {"b_scope": scope})
    return True


def open_circuits(conn: Connection) -> list[Circuit]:
    """All open circuits, the oldest first."""
    return [Circuit(*row) for row in conn.execute(_ALL)]


def holding(conn: Connection, job_id: str, scopes: Collection[str]) -> Circuit | None:
    """The open circuit that holds a job up, or one of ``scopes``: the one that will be tried last."""
    found = [Circuit(*row) for row in conn.execute(_HOLDING, {"job_id": job_id, "scopes": list(scopes)})]
    return max(found, key=lambda each: each.next_probe, default=None)


def let_expire(conn: Connection) -> int:
    """Let the parked jobs of actions run that may end now, their time being over and nothing sent; returns how many."""
    return conn.execute(_LET_EXPIRE, {"b_now": now(conn)}).rowcount


class Outbreaks:
    """
    Tells an environment fault from single failures: one permanent code on many lanes of a scope within a minute.

    Counts in this process; ``lanes`` and ``seconds`` are the threshold.
    """

    def __init__(self, lanes: int = 20, seconds: float = 60.0) -> None:
        self._lanes = lanes
        self._seconds = seconds
        self._seen: dict[tuple[str, str], deque[tuple[float, str]]] = {}

    def note(self, scope: str, code: str, lane: str, at: float) -> bool:
        """Count a permanent failure; True when this is an outbreak: open the circuit instead of burying the job."""
        seen = self._seen.setdefault((scope, code), deque())
        seen.append((at, lane))
        while seen[0][0] < at - self._seconds:
            seen.popleft()
        return len({lane for _, lane in seen}) >= self._lanes
