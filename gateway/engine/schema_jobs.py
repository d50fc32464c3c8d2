"""The tables of the work still to do: jobs, who runs them, what keeps them from running. All of them stay small."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData()

# One sealed column type: AES-GCM under a key id, bound to table, column and row (see gateway.sealing).
Sealed = LargeBinary
Sequence = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER PRIMARY KEY


def partial(name: str, *columns: Column[Any], where: str, unique: bool = False) -> None:
    condition = text(where)
    Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


# Times are seconds since the epoch by the database's clock; no time orders anything, ``seq`` does.
job = Table(
    "job",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),  # an action's job has the action's id
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    # ready: may run · running: claimed · waiting: has started, holds its lane until due or woken · held: not
    # allowed yet, or not before ``due``; rejoins its lane at the end · dead: a human must look.
    # A finished job is deleted: its outcome stands in the ledger and the mirror.
    Column("state", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),  # 0 interactive, 1 refunds and events, 2 batch, 3 sweeps
    Column("due", Float, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("node", BigInteger),
    Column("claim", Text),  # fencing token, fresh per claim: every change of a running row names it
    Column("waits_for", Text),  # id of the job whose end wakes this one
    Column("scope", Text),  # circuit scope that parks it, e.g. stripe:us or salesforce:00D…
    Column("paused_by", Text),  # the operator's pause that keeps it from being begun, e.g. action:send-invoice
    Column("dirty", SmallInteger, nullable=False, server_default="0"),  # 1: something came in while it ran, run again
    Column("error_code", Text),
    Column("error", Text),
    Column("v", SmallInteger, nullable=False, server_default="1"),
    Column("payload", Sealed),
    Column("created", Float, nullable=False),
)
partial("job_lane_held", job.c.lane, where="state IN ('running','waiting')", unique=True)
partial("job_ready", job.c.priority, job.c.seq, where="state = 'ready'")
partial("job_lane_ready", job.c.lane, job.c.seq, where="state = 'ready'")
partial("job_held", job.c.due, where="state = 'held'")
partial("job_node", job.c.node, where="state = 'running'")
partial("job_waiting", job.c.due, where="state = 'waiting'")
partial("job_waits_for", job.c.waits_for, where="waits_for IS NOT NULL")
partial("job_paused", job.c.paused_by, where="paused_by IS NOT NULL")
partial("job_dead", job.c.error_code, job.c.seq, where="state = 'dead'")

node = Table(
    "node",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("beat", Float, nullable=False),
    Column("started", Float, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
)

# Whole-upstream faults: an open circuit keeps jobs waiting unattempted.
circuit = Table(
    "circuit",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("since", Float, nullable=False),
    Column("next_probe", Float, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error", Text, nullable=False),
)

# What the operator has stopped: nothing of it is begun until the row is gone.
pause = Table(
    "pause",
    metadata,
    Column("scope", Text, primary_key=True),  # org:00D…, entity:us, action:send-invoice
    Column("since", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
)
